"""A file, piece by piece."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import scalar_row

from reporting.asked import Asked, areas_named, both, teams_named
from reporting.auth import Action, Principal, Scope, Staff, scope
from reporting.errors import NotAllowed
from reporting.exporting.room import Room
from reporting.queries import exports as queries
from reporting.queries.exports import Dataset, Writing
from reporting.runtime import Connection, Runtime
from reporting.status import OPEN
from routing.rulebook import Rules

#: Rows of the first piece, which is waited for, and of those after it: writing a piece down keeps
#: a process from its other requests for less than a millisecond.
FIRST_ROWS: Final = 100
ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class Look:
    """What a kind of file looks like."""

    suffix: str
    media_type: str
    writing: Writing
    #: Between two rows.
    between: str = ""
    end: str = ""


LOOKS: Final = {
    "csv": Look("csv", "text/csv; charset=utf-8", "csv"),
    "geojson": Look("geojson", "application/geo+json", "geojson", ",\n", "\n]}\n"),
}


async def pieces(
    runtime: Runtime, room: Room, who: Principal, dataset: str, look: str, asked: Asked
) -> AsyncGenerator[bytes, None]:
    """What they may see of what they asked for. Raises NotAllowed, and TooManyExports.

    The first piece has come from the database: whatever is wrong is known before it.
    """
    seen = scope(who, Action.SEE_FIGURES)
    if not isinstance(who, Staff):
        raise NotAllowed
    of, like = queries.DATASETS[dataset], LOOKS[look]
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
    found = _find(rules, seen, asked)
    with room.taken(who.id):
        head = _head(of, like)
        if found is None:
            yield (head + like.end).encode()
            return
        conditions, values = found
        statement = queries.lines(dataset, like.writing, conditions)
        async with runtime.apart() as conn:
            before = head
            async for lines in _batches(conn, statement, values):
                yield (before + like.between.join(lines)).encode()
                before = like.between
            # An empty file has a head too.
            yield ((head if before is head else "") + like.end).encode()


async def _batches(
    conn: Connection, statement: str, values: dict[str, Any]
) -> AsyncIterator[list[str]]:
    async with conn.cursor("export", row_factory=scalar_row) as cursor:
        await cursor.execute(statement, values)
        lines = await cursor.fetchmany(FIRST_ROWS)
        while lines:
            yield lines
            lines = await cursor.fetchmany(ROWS)


def _head(dataset: Dataset, look: Look) -> str:
    """What stands before the rows. Spreadsheets take UTF-8 for what it is only by its mark."""
    if look.writing == "geojson":
        return '{"type":"FeatureCollection","features":[\n'
    return "\ufeff" + ",".join(column.name for column in dataset.columns) + "\r\n"


def _find(rules: Rules, seen: Scope, asked: Asked) -> tuple[frozenset[str], dict[str, Any]] | None:
    """The conditions and their values; None when nothing can fit."""
    authority = rules.authorities[seen.authority]
    if asked.authorities and authority.slug not in asked.authorities:
        return None
    teams = both(seen.teams, teams_named(rules, seen.authority, asked.teams))
    wards = areas_named(rules, asked.wards)
    if frozenset() in (teams, wards, seen.areas):
        return None
    since, until = asked.instants(authority.timezone)
    only_open = asked.overdue is True or (asked.statuses and asked.statuses <= OPEN)
    values: dict[str, Any] = {
        "teams": teams,
        "areas": seen.areas,
        "asked_areas": wards,
        "categories": asked.categories or None,
        "statuses": asked.statuses if asked.statuses not in (frozenset(), OPEN) else None,
        "priorities": asked.priorities or None,
        "since": since,
        "until": until,
    }
    given = {name: value for name, value in values.items() if value is not None}
    names = set(given) | ({"open"} if only_open else set())
    if asked.overdue is not None:
        names.add("overdue" if asked.overdue else "not_overdue")
    if asked.bbox is not None:
        names.add("bbox")
        box = asked.bbox
        given |= {"west": box.west, "south": box.south, "east": box.east, "north": box.north}
    given = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in given.items()
    }
    given |= {"authority": seen.authority, "asked": _in_codes(rules)}
    return frozenset(names), given


def _in_codes(rules: Rules) -> list[str]:
    """The questions whose answers are no words of a resident's: ``category/question``."""
    return sorted(
        f"{category.code}/{question.code}"
        for category in rules.categories.values()
        for question in category.questions
        if question.kind != "text"
    )
