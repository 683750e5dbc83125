"""What an operator reads about a boundary file and about a change of boundaries."""

from collections.abc import Sequence

from geo.boundaries.checking import Examination, Findings, Repair, Repeated
from geo.boundaries.comparing import Comparison, Gone
from geo.boundaries.reading import BoundaryFile
from geo.boundaries.storing import Vintage
from reporting.commands.base import out
from reporting.vintages import Change

#: How many findings of one sort are printed before the rest is only counted.
SHOWN = 10
SQUARE_KILOMETRE_M2 = 1_000_000


def show(found: BoundaryFile, examination: Examination, *, repairing: bool) -> None:
    """What is in a file and what is wrong with it."""
    findings = examination.findings
    picked = f" (of {found.total} in the file)" if findings.features != found.total else ""
    _say(f"{found.name}: {found.format}, {_count(findings.features, 'feature')}{picked}")
    _say(f"Coordinates: {found.crs}")
    _say(f"Fields: {', '.join(found.fields) or 'none'}")
    _say(f"Vertices: {findings.vertices:,}; area {_area(findings.area_m2)}")
    invalid = [f"{each.label}: {each.reason}" for each in findings.invalid]
    _list("Invalid polygons", invalid, most=None)
    _list("Repeated", [_repeated(each) for each in findings.repeated])
    overlaps = [
        f"{each.one} and {each.other}: {_extent(each.area_m2, each.width_m)}"
        for each in findings.overlaps
    ]
    _list("Overlaps wider than 1 m", overlaps, in_all=findings.overlaps_in_all)
    gaps = [
        f"at {each.lat:.6f}, {each.lng:.6f} beside {', '.join(each.between[:3])}:"
        f" {_extent(each.area_m2, each.width_m)}"
        for each in findings.gaps
    ]
    _list("Gaps wider than 1 m", gaps, in_all=findings.gaps_in_all)
    _list(
        "Outside the authority's own area",
        [f"{each.label}: {_area(each.area_m2)}, {each.share:.1%}" for each in findings.outside],
    )
    _list("Beyond repair", findings.beyond_repair, most=None)
    title = "Repairs" if repairing else "Repairs that `load --repair` would make"
    _list(title, [_repair(each) for each in examination.repairs], most=None)


def show_vintages(vintages: Sequence[Vintage]) -> None:
    """One line for each, in columns; file names are never cut."""
    rows = [("id", "authority", "kind", "from", "to", "state", "areas", "file")]
    rows += [
        (
            str(each.id),
            each.authority,
            f"{each.kind} ({each.zone_type})" if each.zone_type else each.kind,
            str(each.first),
            str(each.last or ""),
            each.state,
            str(each.areas),
            str(each.source.get("file", "")),
        )
        for each in vintages
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        _say("  ".join(cell.ljust(width) for cell, width in cells).rstrip())


def show_change(change: Change, *, done: bool) -> None:
    """What an activation would do, at length; or, once it is done, in numbers."""
    proposal = change.proposal
    draft, before = proposal.draft, proposal.before
    begins, ends = ("begins", "ends") if done else ("would begin", "would end")
    _say(f"Vintage {draft.id}, {draft.what}, {begins} {proposal.first}.")
    _say(f"Vintage {before.id} {ends} the day before." if before else "It follows no other.")
    _show_areas(proposal.comparison, at_length=not done)
    _list(
        f"Rules and staff {'carried over' if done else 'to be carried over'}",
        [f"{each.code}: {each.by}" for each in change.carried],
        most=None,
    )
    _list(
        "Rules and staff in the way, for they name what goes",
        [f"{each.code}: {each.by}" for each in change.in_the_way],
        most=None,
    )
    if change.tie:
        _say(f"In the way: {change.tie}")
    when = "" if change.now else f" on {proposal.first}"
    verb = "change" if done and change.now else "will change" if done else "would change"
    _say(f"Open jobs that {verb} ward or team{when}: {len(change.moves)}")
    for (old, new), count in change.by_team().items():
        _say(f"  {old} → {new}: {count}" if old != new else f"  {old}, another ward: {count}")
    _list("Open jobs outside every authority then; left as they are", change.stranded)


def _show_areas(comparison: Comparison, *, at_length: bool) -> None:
    most = None if at_length else 0
    _say(f"Unchanged: {len(comparison.same)}")
    _list("Added", [str(area) for area in comparison.added], most)
    _list("Gone", [_gone(each) for each in comparison.gone], most)
    recoded = [f"{each.old} → {each.new}" for each in comparison.recoded]
    _list("Recoded without moving", recoded, most)
    moved = [
        f"{each.area}: {each.left:.1%} left, {each.came:.1%} came" for each in comparison.moved
    ]
    _list("Moved", moved, most)


def _gone(each: Gone) -> str:
    heirs = ", ".join(f"{area} {share:.0%}" for area, share in each.successors[:3])
    return f"{each.area} → {heirs}" if heirs else str(each.area)


def _list(
    title: str, lines: Sequence[str], most: int | None = SHOWN, *, in_all: int | None = None
) -> None:
    """A count, and the first so many of them (0: the count alone)."""
    count = len(lines) if in_all is None else in_all
    if not count:
        return
    _say(f"{title}: {count:,}")
    for line in lines[:most]:
        _say(f"  {line}")
    if most and count > most:
        _say(f"  … and {count - most:,} more")


def _say(line: str) -> None:
    out.print(line, markup=False)


def _repeated(each: Repeated) -> str:
    rows = ", ".join(map(str, each.rows))
    polygons = "the same polygon" if each.same_polygon else "different polygons"
    return f"{each.label}: features {rows}, {polygons}"


def _repair(repair: Repair) -> str:
    return f"{repair.label}: {repair.what}, moving {repair.moved_m2:.1f} m²"


def _area(m2: float) -> str:
    if m2 >= SQUARE_KILOMETRE_M2:
        return f"{m2 / SQUARE_KILOMETRE_M2:,.2f} km²"
    return f"{m2:,.1f} m²"


def _extent(area_m2: float, width_m: float) -> str:
    return f"{_area(area_m2)}, up to {width_m:.1f} m wide"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def wrong(findings: Findings) -> str:
    """What a repair would have to mend."""
    parts = []
    if findings.invalid:
        parts.append(_count(len(findings.invalid), "invalid polygon"))
    if findings.repeated:
        parts.append(_count(len(findings.repeated), "repeated area"))
    return " and ".join(parts)


def beyond(findings: Findings) -> str:
    """Why no repair will do, as a sentence."""
    first, *more = findings.beyond_repair
    rest = f" (and {_count(len(more), 'more such finding')})" if more else ""
    return f"No repair can mend this without guessing: {first.rstrip('.')}{rest}."
