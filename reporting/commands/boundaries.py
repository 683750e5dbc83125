"""`boundaries`: check a file, load it as a vintage, see what that changes, put it in force."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from geo.boundaries import storing
from geo.boundaries.checking import Examination, examine
from geo.boundaries.reading import BoundaryFile, Fields, read
from geo.boundaries.storing import NewVintage, Vintage
from geo.errors import BoundaryFileRefused, VintageRefused
from geo.kinds import KINDS
from reporting import vintages
from reporting.commands.base import command, err, out, running
from reporting.commands.boundary_words import beyond, show, show_change, show_vintages, wrong

app = typer.Typer(no_args_is_help=True, help="Boundary files and vintages.")

File = Annotated[Path, typer.Argument(help="GeoJSON (also .gz), GeoPackage or zipped Shapefile.")]
Crs = Annotated[
    str | None, typer.Option(help="Its coordinate system, where it does not say: EPSG:27700.")
]
Layer = Annotated[str | None, typer.Option(help="Which layer, where it has several.")]
Where = Annotated[str | None, typer.Option(help="Only features with FIELD=VALUE.")]
CodeField = Annotated[str | None, typer.Option(help="The field that holds the codes.")]
NameField = Annotated[str | None, typer.Option(help="The field that holds the names.")]
Number = Annotated[int, typer.Argument(help="A vintage's number, as `list` shows it.")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", help="OLD=NEW: what a ward that goes becomes; may be repeated."),
]


@app.command()
@command
async def check(
    file: File,
    crs: Crs = None,
    code_field: CodeField = None,
    name_field: NameField = None,
    where: Where = None,
    layer: Layer = None,
) -> None:
    """Say what is in a file and what is wrong with it. Writes nothing."""
    fields = Fields(code_field, name_field, _pair(where, "--where FIELD=VALUE"))
    with _busy(f"Reading {file.name}"):
        found = read(file, fields, crs=crs, layer=layer)
        examination = examine(found.features)
    show(found, examination, repairing=False)
    findings = examination.findings
    if findings.beyond_repair:
        raise BoundaryFileRefused(beyond(findings))
    if not findings.clean:
        raise BoundaryFileRefused(f"{wrong(findings)}; `load --repair` would mend that as above.")
    out.print("Nothing is wrong with it.")


@app.command("load")
@command
async def load(
    file: File,
    authority: Annotated[str, typer.Option(help="Whose boundaries they are, by slug.")],
    kind: Annotated[str, typer.Option(help="ward, division, authority or zone.")],
    code_field: Annotated[str, typer.Option(help="The field that holds the codes.")],
    name_field: Annotated[str, typer.Option(help="The field that holds the names.")],
    valid_from: Annotated[str, typer.Option(help="The first day in force, YYYY-MM-DD.")],
    valid_to: Annotated[str | None, typer.Option(help="The last day in force, YYYY-MM-DD.")] = None,
    where: Where = None,
    zone_type: Annotated[str | None, typer.Option(help="trunk_road, park, school …")] = None,
    crs: Crs = None,
    layer: Layer = None,
    *,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
) -> None:
    """Store one vintage of one authority: in force at once, or a draft behind the one in force."""
    first, last = (
        _day(valid_from, "--valid-from"),
        _day(valid_to, "--valid-to") if valid_to else None,
    )
    _refuse_a_strange_request(kind, zone_type, first, last)
    fields = Fields(code_field, name_field, _pair(where, "--where FIELD=VALUE"))
    async with running() as runtime:
        async with runtime.reading() as conn:
            owner = await storing.find_authority(conn, authority)
            own = None if kind == "authority" else await storing.own_area(conn, owner, first)
        with _busy(f"Reading {file.name}"):
            found = read(file, fields, crs=crs, layer=layer)
            examination = examine(
                found.features, fills_the_ground=kind in {"ward", "division"}, own_area=own
            )
        show(found, examination, repairing=repair)
        _refuse_unless_good(examination, found, kind, repair=repair)
        new = NewVintage(
            authority=owner,
            kind=kind,
            zone_type=zone_type,
            first=first,
            last=last,
            features=examination.repaired,
            source=_source(found, examination, where),
        )
        with _counting("Storing") as progress:
            async with runtime.unit() as conn:
                stored = await vintages.load(conn, new, progress)
    out.print(f"Stored {stored.areas} {stored.what} as vintage {stored.id}, {stored.when}.")
    out.print(_effect(stored, date.today()))  # noqa: DTZ011  # the operator's own calendar


def _effect(stored: Vintage, today: date) -> str:
    """What storing it did, and what is to be done next."""
    if stored.state == "draft":
        return (
            f"It is a draft: see `boundaries preview {stored.id}`, then"
            f" `boundaries activate {stored.id} --from {stored.first}`."
        )
    if stored.first > today:
        return f"It takes effect on {stored.first}."
    if stored.last is not None and stored.last < today:
        return f"It was in force until {stored.last}: places of that time are looked up in it."
    return "It is in force."


@app.command("list")
@command
async def list_(
    authority: Annotated[str | None, typer.Option(help="Only one authority's, by slug.")] = None,
) -> None:
    """List the vintages."""
    async with running() as runtime, runtime.reading() as conn:
        if authority:
            await storing.find_authority(conn, authority)
        found = await storing.list_vintages(conn, authority)
    if not found:
        out.print("No boundaries are loaded.")
        return
    show_vintages(found)


@app.command()
@command
async def preview(
    vintage: Number,
    from_day: Annotated[
        str | None, typer.Option("--from", help="The day it would begin, YYYY-MM-DD.")
    ] = None,
    map_: Map = None,
) -> None:
    """Say what a draft would change. Changes nothing."""
    first = _day(from_day, "--from") if from_day else None
    mapping = _mapping(map_)
    async with running() as runtime, runtime.reading() as conn:
        with _busy("Comparing"):
            proposal = await vintages.propose(conn, vintage, first)
            change = await vintages.preview(conn, proposal, mapping)
    show_change(change, done=False)


@app.command()
@command
async def activate(
    vintage: Number,
    from_day: Annotated[str, typer.Option("--from", help="Its first day, YYYY-MM-DD.")],
    map_: Map = None,
) -> None:
    """Put a draft in force, end the one before it the day before, and move the open jobs."""
    first, mapping = _day(from_day, "--from"), _mapping(map_)
    async with running() as runtime:
        with _busy("Activating"):
            async with runtime.reading() as conn:
                proposal = await vintages.propose(conn, vintage, first)
            async with runtime.unit() as conn:
                change = await vintages.activate(conn, proposal, mapping)
    show_change(change, done=True)
    if first != proposal.draft.first:
        out.print(f"It was loaded as valid from {proposal.draft.first}; it begins {first} now.")


# What the operator said


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise VintageRefused(f"{option} is a day like 2023-05-04, not {text}.") from None


def _pair(text: str | None, form: str) -> tuple[str, str] | None:
    if text is None:
        return None
    left, equals, right = text.partition("=")
    if not (left.strip() and equals and right.strip()):
        raise VintageRefused(f"Say {form}, not {text}.")
    return left.strip(), right.strip()


def _mapping(texts: Sequence[str] | None) -> dict[str, str]:
    pairs = [_pair(text, "--map OLD=NEW") for text in texts or ()]
    return dict(pair for pair in pairs if pair)


def _refuse_a_strange_request(
    kind: str, zone_type: str | None, first: date, last: date | None
) -> None:
    if kind not in KINDS:
        raise VintageRefused(f"There is no kind {kind}; it is one of {', '.join(KINDS)}.")
    if kind == "zone" and not zone_type:
        raise VintageRefused("Say what the zones are with --zone-type, like trunk_road or park.")
    if kind != "zone" and zone_type:
        raise VintageRefused(f"Only a zone has a type; this is --kind {kind}.")
    if last is not None and last < first:
        raise VintageRefused(f"It cannot end on {last}, before it begins on {first}.")


def _refuse_unless_good(
    examination: Examination, found: BoundaryFile, kind: str, *, repair: bool
) -> None:
    findings = examination.findings
    if findings.beyond_repair:
        raise BoundaryFileRefused(beyond(findings))
    if not findings.clean and not repair:
        raise BoundaryFileRefused(
            f"{found.name} is not loaded: {wrong(findings)}. With --repair it would be mended as"
            " listed above."
        )
    if kind == "authority" and len(examination.repaired) != 1:
        raise BoundaryFileRefused(
            f"An authority's own area is one polygon, and {found.name} gives"
            f" {len(examination.repaired)}; pick one with --where FIELD=VALUE."
        )


def _source(found: BoundaryFile, examination: Examination, where: str | None) -> dict[str, Any]:
    """What a vintage remembers of its file."""
    return {
        "file": found.name,
        "sha256": found.sha256,
        "format": found.format,
        "crs": found.crs,
        "where": where,
        "findings": asdict(examination.findings),
        "repairs": [asdict(repair) for repair in examination.repairs],
    }


@contextmanager
def _busy(what: str) -> Iterator[None]:
    """A moving sign on the terminal while something takes its time."""
    with err.status(what):
        yield


@contextmanager
def _counting(what: str) -> Iterator[storing.Progress]:
    """A bar that counts areas; it is wiped away at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    quiet = not err.is_terminal
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True, disable=quiet) as bar:
        task = bar.add_task(what, total=None)

        def count(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield count
