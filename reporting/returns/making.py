"""The fly-tipping return of a quarter."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from psycopg.rows import tuple_row

from reporting.auth import Action, Staff, scope
from reporting.errors import Invalid
from reporting.queries import returns as queries
from reporting.returns import bands
from reporting.returns.bands import Filled, Form
from reporting.returns.quarters import Quarter
from reporting.runtime import Runtime
from reporting.status import OPEN

#: Passed on and not taken back: whoever has it counts it.
REFERRED: Final = "referred"
#: Why a job was closed without work, as the return's readers say it.
REASONS: Final[Mapping[str, str]] = {
    "not_found": "Nothing was found there",
    "below_threshold": "Too little to act on",
    "not_ours": "Not this council's to clear",
    "private_land": "On private land",
    "withdrawn": "Taken back by who reported it",
    "invalid": "No fly-tip, or no report to act on",
}


class Incidents(NamedTuple):
    """Some incidents that were answered alike, and of which the same became."""

    answers: Mapping[str, str | None]
    status: str
    reason: str | None
    #: Reports on them do not say the same.
    differ: bool
    n: int
    reports: int


@dataclass(frozen=True, slots=True)
class Return:
    """What is returned for a quarter, and what is not known of it."""

    form: Form
    quarter: Quarter
    as_of: datetime
    #: The quarter has ended.
    over: bool
    #: Codes of the wards that it is of, where whoever asks sees no others.
    wards: tuple[str, ...]
    incidents: int
    reports: int
    tables: tuple[Filled, ...]
    #: What became of them, in words.
    outcomes: tuple[tuple[str, int], ...]
    #: Jobs that are no incidents of this council, by why.
    left_out: tuple[tuple[str, int], ...]
    #: Incidents whose reports do not say the same; the first one counts.
    differ: int


async def fly_tipping(
    runtime: Runtime, who: Staff, quarter: Quarter | None, now: datetime | None = None
) -> Return:
    """The return, by what is known now; of the last whole quarter unless another is asked for.

    Raises NotAllowed, and Invalid for a quarter that has not begun.
    """
    seen = scope(who, Action.SEE_FIGURES)
    now = now or datetime.now(UTC)
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
    timezone = rules.authorities[seen.authority].timezone
    running = Quarter.holding(now.astimezone(ZoneInfo(timezone)).date())
    quarter = quarter or running.before
    if quarter > running:
        raise Invalid("That quarter has not begun.")
    form = bands.form()
    since, until = quarter.days.instants(timezone)
    values = {
        **bands.questions(form),
        "authority": seen.authority,
        "categories": list(form.categories),
        "since": since,
        "until": until,
        "areas": None if seen.areas is None else sorted(seen.areas),
    }
    tables = tuple(table.code for table in form.tables)
    # A quarter of a large council may take longer than a request may.
    async with runtime.apart() as conn, conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.incidents(tables), values)
        rows = await cursor.fetchall()
    found = [Incidents(dict(zip(tables, row, strict=False)), *row[len(tables) :]) for row in rows]
    wards = who.wards if seen.areas is not None else ()
    return made(form, found, quarter, now, over=quarter < running, wards=tuple(wards))


def made(
    form: Form,
    found: list[Incidents],
    quarter: Quarter,
    as_of: datetime,
    *,
    over: bool,
    wards: tuple[str, ...] = (),
) -> Return:
    """The return of these incidents (pure)."""
    left_out: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    ours = []
    for each in found:
        if each.status == REFERRED:
            left_out["Passed on to others"] += each.n
        elif each.reason in form.left_out:
            left_out[REASONS[each.reason]] += each.n
        else:
            ours.append(each)
            outcomes[_became(each)] += each.n
    return Return(
        form=form,
        quarter=quarter,
        as_of=as_of,
        over=over,
        wards=wards,
        incidents=sum(each.n for each in ours),
        reports=sum(int(each.reports) for each in ours),
        tables=tuple(
            bands.fill(table, ((each.answers[table.code], each.n) for each in ours))
            for table in form.tables
        ),
        outcomes=tuple(outcomes.most_common()),
        left_out=tuple(left_out.most_common()),
        differ=sum(each.n for each in ours if each.differ),
    )


def _became(each: Incidents) -> str:
    if each.status in OPEN:
        return "Still open"
    if each.reason is None:
        return "Cleared"
    return f"Not cleared: {REASONS[each.reason].lower()}"
