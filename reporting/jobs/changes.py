"""What changed of somebody's jobs since they last asked: how tablets keep up.

From the start they get the open jobs they may see, then only what is new since their cursor, which
is a snapshot of the database: whatever it does not see is new, also what a transaction wrote that
had begun before and was committed later. Something may come twice, never not at all.
"""

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import args_row, namedtuple_row, scalar_row

from reporting.asked import Asked
from reporting.auth import Action, Principal, Scope, scope
from reporting.errors import CursorRefused, CursorTooOld
from reporting.jobs import listing, reading
from reporting.jobs.rows import ListedJob
from reporting.keys import Keys
from reporting.queries import syncing as queries
from reporting.status import OPEN
from routing.assign import Router
from routing.rulebook import Rules

Connection = AsyncConnection[Any]

#: Departures and touches are kept for longer; see ``retention``.
CURSOR_DAYS: Final = 30
#: A cursor that sees nothing new is given again, so that the answer is the same; but not for longer
#: than a day, nor when so much happened elsewhere that looking past it costs something.
SAME_DAYS: Final = 1
SAME_TOUCHES: Final = 100
#: Rows of a page statement; few numbers, so that few are prepared.
ROWS: Final = (51, 201)
NOTHING: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Changes:
    """Whole jobs that are new or changed, those that are no longer theirs, and where to go on."""

    items: list[dict[str, Any]]
    gone: list[str]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """What a cursor says. While pages are left, ``since`` is the snapshot that they are about."""

    #: Which database, and what of it they may see.
    scope: str
    day: int
    #: None: from the start.
    since: str | None
    #: While pages are left: the snapshot of the first one, and where the last one ended.
    then: str | None = None
    due: str | None = None
    after: str | None = None


async def changes(
    conn: Connection,
    router: Router,
    keys: Keys,
    principal: Principal,
    cursor: str | None,
    limit: int = listing.LONGEST_PAGE,
) -> Changes:
    """What is new to somebody since a cursor; None: from the start.

    Raises CursorTooOld where they have to begin again.
    """
    seen = scope(principal, Action.SEE_JOB)
    place = _read(keys, cursor) if cursor else None
    rules = await router.current(conn)
    if place is None or place.since is None:
        return await _opening(conn, rules, keys, seen, place, limit)
    return await _news(conn, rules, keys, seen, place, limit, cursor or "")


async def beginning(conn: Connection, keys: Keys, principal: Principal) -> str:
    """The cursor of this moment, for somebody."""
    now = await _now(conn, queries.NOW, {})
    seen = scope(principal, Action.SEE_JOB)
    return _write(keys, _Place(_mark(seen, now.history), now.day, now.snapshot))


async def _opening(
    conn: Connection,
    rules: Rules,
    keys: Keys,
    seen: Scope,
    place: _Place | None,
    limit: int,
) -> Changes:
    """The open jobs by due time; what changes meanwhile is new to the cursor they end with."""
    now = await _now(conn, queries.NOW, {})
    mark = _mark(seen, now.history)
    if place is None:
        place = _Place(mark, now.day, None, then=now.snapshot)
    _check(place, mark, now)
    after = (place.due, UUID(place.after)) if place.due and place.after else None
    found = listing.find(rules, seen, Asked(statuses=OPEN), after, limit)
    rows = await _rows(conn, *found) if found else []
    items = await reading.wholes(conn, rules, rows[:limit]) if rows else []
    if len(rows) > limit:
        last = rows[limit - 1]
        place = replace(place, due=last.due_at.isoformat(), after=str(last.id))
        return Changes(items, [], _write(keys, place), more=True)
    return Changes(items, [], _write(keys, _Place(mark, place.day, place.then)), more=False)


async def _news(
    conn: Connection,
    rules: Rules,
    keys: Keys,
    seen: Scope,
    place: _Place,
    limit: int,
    cursor: str,
) -> Changes:
    lane: queries.Lane = "authority" if seen.teams is None else "team"
    lanes = [seen.authority] if seen.teams is None else sorted(seen.teams)
    values: dict[str, Any] = {"since": place.since, "lanes": lanes}
    now = await _now(conn, queries.look(lane), values)
    _check(place, _mark(seen, now.history), now)
    if max(now.changed, now.touched, now.departed) > queries.MOST_CHANGES:
        raise CursorTooOld
    if not (place.after or now.changed or now.touched or now.departed):
        same = now.day - place.day < SAME_DAYS
        return Changes([], [], cursor if same else _write(keys, _settled(place, now)), more=False)
    has_areas = seen.areas is not None
    if seen.areas is not None:
        values["areas"] = sorted(seen.areas)
    gone: list[str] = []
    if now.departed and place.after is None:
        async with conn.cursor(row_factory=scalar_row) as found:
            await found.execute(queries.gone(lane, areas=has_areas), values)
            gone = await found.fetchall()
    rows: list[ListedJob] = []
    if now.changed or now.touched:
        count = next(count for count in ROWS if count > limit)
        values["after"] = UUID(place.after) if place.after else NOTHING
        rows = await _rows(conn, queries.changed(lane, areas=has_areas, rows=count), values)
    items = await reading.wholes(conn, rules, rows[:limit]) if rows else []
    if len(rows) > limit:
        then = place.then or now.snapshot
        place = replace(place, then=then, after=str(rows[limit - 1].id))
        return Changes(items, gone, _write(keys, place), more=True)
    is_news = items or gone or place.after or now.touched > SAME_TOUCHES
    after = _write(keys, _settled(place, now)) if is_news else cursor
    return Changes(items, gone, after, more=False)


def _settled(place: _Place, now: Any) -> _Place:
    return _Place(place.scope, now.day, place.then or now.snapshot)


async def _now(conn: Connection, query: str, values: dict[str, Any]) -> Any:
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()


async def _rows(conn: Connection, query: str, values: dict[str, Any]) -> list[ListedJob]:
    async with conn.cursor(row_factory=args_row(ListedJob), binary=True) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()


def _mark(seen: Scope, history: str) -> str:
    """A hash of what somebody may see, and of which database."""
    parts = (
        history,
        seen.authority,
        None if seen.teams is None else sorted(seen.teams),
        None if seen.areas is None else sorted(seen.areas),
    )
    return blake2b(repr(parts).encode(), digest_size=9).hexdigest()


def _check(place: _Place, mark: str, now: Any) -> None:
    """Raises CursorTooOld for a cursor of other rights, of long ago, or of another history."""
    latest = max(_ahead(place.since), _ahead(place.then))
    is_old = now.day - place.day > CURSOR_DAYS
    if place.scope != mark or is_old or latest > _ahead(now.snapshot):
        raise CursorTooOld


def _ahead(snapshot: str | None) -> int:
    """The number that the next transaction would have got."""
    return int(snapshot.split(":")[1]) if snapshot else 0


def _write(keys: Keys, place: _Place) -> str:
    fields = [place.scope, place.day, place.since, place.then, place.due, place.after]
    return keys.cursor("changes", orjson.dumps(fields).decode())


def _read(keys: Keys, cursor: str) -> _Place:
    try:
        return _Place(*orjson.loads(keys.read_cursor("changes", cursor)))
    except CursorRefused as error:
        raise CursorTooOld from error
