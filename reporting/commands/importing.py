"""`import`: the past of another system, from a dump and a map that says what it means."""

import asyncio
import csv
import time
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from reporting import shared_points
from reporting.commands.base import command, err, fail, out, running
from reporting.commands.tables import Bar, Table, reading, writing
from reporting.counting import folding
from reporting.importing import mapping
from reporting.importing.placing import first_day
from reporting.importing.reading import REASONS, Rejected
from reporting.importing.running import IN_FLIGHT, Run
from reporting.importing.tallying import Tally
from reporting.runtime import Runtime

#: What had to be chosen, in words.
NOTES = {
    "repeated_hour": "times in the hour that comes twice in autumn, taken as the map says",
    "skipped_hour": "times in the hour that is skipped in spring, taken an hour later",
    "closing_time_of_an_open_one": "open, though a closing time stands there: it was not taken",
    "joined": "reports joined the job that another of them made, as the dump says",
    "lone_duplicate": "duplicates of something that is not in the dump, or was closed before them",
}
WARDS = {
    "agree": "the ward they wrote down is the polygon's",
    "differ": "another ward was written down: the polygon's counts",
    "not_told": "no ward was written down",
    "in_none": "a ward was written down, and the place is in none",
}
FLAGS = {
    "nearest_ward": "in no ward; the nearest was taken",
    "no_ward": "in no ward",
    "near_boundary": "on a border",
    "needs_triage": "no rule says whose they are: the fallback team has them",
    "needs_place": "a place in words only",
    "rules_tie": "two rules tie",
}
#: Words of theirs that are listed for each reason.
LISTED = 12


@command
async def import_(
    reports: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A CSV, plain or gzipped.")
    ],
    map_file: Annotated[
        Path,
        typer.Option(
            "--map", exists=True, dir_okay=False, help="What its columns and words mean (TOML)."
        ),
    ],
    authority: Annotated[
        str | None, typer.Option(help="Whose past it is, if the map does not say.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rows go that are not taken over, with the reason.")
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")
    ] = False,
) -> None:
    """Take over the reports of the system before: each row once, however often it is run.

    Every row is routed at its own date, with the wards in force then, and becomes a report with its
    job and log. Nobody is notified. A row that changed since it was taken over is said and left.
    """
    read = mapping.read(_text(map_file))
    slug = authority or read.authority
    if slug is None:
        fail("Say whose past it is: authority in the map, or --authority.")

    def opened() -> AbstractContextManager[Table]:
        return reading(reports, read.file.encoding, read.file.delimiter)

    began = time.monotonic()
    with ExitStack() as stack:
        bar = stack.enter_context(Bar("Taking over"))
        async with running(connections=IN_FLIGHT + 2) as runtime:
            run = Run(
                runtime=runtime,
                map=read,
                authority=slug,
                open=opened,
                now=datetime.now(UTC),
                is_dry=dry_run,
                progress=lambda what, done: bar.show(done, what),
            )
            if rejects is not None:
                with opened() as table:
                    header = table.header
                file = csv.writer(stack.enter_context(writing(rejects)), lineterminator="\n")
                file.writerow([*header, "kb_reason", "kb_why"])
                run.reject = lambda row: file.writerow(_rejected(row))
            try:
                tally = await run()
            except asyncio.CancelledError:
                err.print("Stopped. What came in stays; run the same again to go on.")
                raise
            if not dry_run:
                points = await _settle(runtime, tally, bar)
            else:
                points = []
            async with runtime.reading() as conn:
                rules = await runtime.router.current(conn)
    since = first_day(rules, rules.by_slug[slug])
    _say(tally, dry_run=dry_run, since=since, slug=slug)
    for point in points:
        out.print(
            f"Very many reports share {point.lat}, {point.lng} ({point.reports:,} in 30 days):"
            " it says nothing of where a defect is, and maps leave it out.",
            markup=False,
        )
    if rejects is not None:
        out.print(f"The {tally.refused:,} rows not taken over are in {rejects}.", markup=False)
    out.print(f"{time.monotonic() - began:.1f} s.")


async def _settle(runtime: Runtime, tally: Tally, bar: Bar) -> list[shared_points.SharedPoint]:
    """What follows from the rows: points that many share, and the counts.

    A run that was killed before this does it when it is run again, over the same span.
    """
    if tally.first is None or tally.last is None:
        return []
    bar.show(None, "Looking for points that many share")
    async with runtime.unit() as conn:
        points = await shared_points.find_over(conn, tally.first, tally.last)
    bar.show(None, "Counting")
    async with runtime.unit() as conn:
        folded = await folding.fold(conn)
    for authority in sorted(folded.too_many) if folded else ():
        async with runtime.unit() as conn:
            await folding.rebuild(conn, authority)
    return points


def _rejected(row: Rejected) -> list[str]:
    why = REASONS[row.reason]
    return [*row.cells, row.reason, f"{why} ({row.word})" if row.word else why]


def _say(tally: Tally, *, dry_run: bool, since: Any, slug: str) -> None:
    would = "would be " if dry_run else ""
    out.print(
        f"{tally.rows:,} rows: {tally.reports:,} {would}taken over as reports on {tally.jobs:,}"
        f" jobs, {tally.known:,} were before, {tally.refused:,} are not.",
        markup=False,
    )
    for title, lines in (
        ("Jobs", sorted(tally.statuses.items(), key=_most)),
        ("Categories", sorted(tally.categories.items(), key=_most)),
        ("Teams", sorted(((f"{a}/{t}", n) for (a, t), n in tally.teams.items()), key=_most)),
        ("Wards", _named(tally.wards, WARDS)),
        ("Places", _named(tally.flags, FLAGS)),
        ("Chosen", _named(tally.notes, NOTES)),
        ("Not taken over", _named(tally.rejected, REASONS)),
    ):
        if lines:
            out.print(f"{title}:", markup=False)
        for words, count in lines:
            out.print(f"{count:>12,}  {words}", markup=False)
    for reason, unknown in tally.words.items():
        listed = ", ".join(f"{word} ({n:,})" for word, n in unknown.most_common(LISTED))
        more = f" and {len(unknown) - LISTED} more" if len(unknown) > LISTED else ""
        out.print(f"{REASONS[reason]} {listed}{more}.", markup=False)
    if tally.rejected["before_boundaries"]:
        err.print(
            f"The first boundaries of {slug} are in force from {since}:"
            f" {tally.rejected['before_boundaries']:,} rows are older. Load those of that time, or"
            " the same ones with an earlier --valid-from, and run this again.",
            markup=False,
        )


def _most(line: tuple[str, int]) -> int:
    return -line[1]


def _named(counts: Any, names: Any) -> list[tuple[str, int]]:
    return [(names.get(code, code), count) for code, count in counts.most_common() if count]


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        fail(f"{file} is not UTF-8 (byte {error.start}).")
