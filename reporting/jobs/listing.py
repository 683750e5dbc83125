"""The list of jobs by due time, as far as somebody may see them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import args_row

from reporting import chain, status
from reporting.asked import Asked, areas_named, begin, both, teams_named
from reporting.auth import Action, Principal, Scope, scope
from reporting.jobs import views
from reporting.jobs.rows import ListedJob
from reporting.keys import Keys
from reporting.queries import jobs as queries
from routing.assign import Router
from routing.rulebook import Rules

Connection = AsyncConnection[Any]

#: Rows a page statement reads, one more than it shows; few numbers, so that few are prepared.
PAGE_ROWS: Final = (51, 201)
LONGEST_PAGE: Final = PAGE_ROWS[-1] - 1


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs by due time, and the cursor of those that come after."""

    items: list[dict[str, Any]]
    next: str | None


async def page(
    conn: Connection,
    router: Router,
    keys: Keys,
    principal: Principal,
    asked: Asked,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """The jobs that somebody may see and asked for, by due time."""
    seen = scope(principal, Action.SEE_JOB)
    start = _read_cursor(keys, cursor) if cursor else None
    rules = router.rules or await router.current(conn)
    jobs = await _jobs(conn, find(rules, seen, asked, start, limit))
    if not jobs or jobs[0].rules_version != rules.version:
        before, rules = rules, await router.current(conn)
        if before.version != rules.version:
            jobs = await _jobs(conn, find(rules, seen, asked, start, limit))
    after = _cursor(keys, jobs[limit - 1]) if len(jobs) > limit else None
    return Page([views.job(job, rules) for job in jobs[:limit]], after)


async def _jobs(conn: Connection, found: tuple[str, dict[str, Any]] | None) -> list[ListedJob]:
    if found is None:
        return []
    # Binary: a fifth less to decode, and there are hundreds of values.
    async with conn.cursor(row_factory=args_row(ListedJob), binary=True) as cursor:
        await cursor.execute(*found)
        return await cursor.fetchall()


def find(
    rules: Rules, seen: Scope, asked: Asked, after: tuple[str, UUID] | None, limit: int
) -> tuple[str, dict[str, Any]] | None:
    """The statement and its values; None when nothing can fit."""
    found = narrow(rules, seen, asked)
    if found is None:
        return None
    names, params = set(found.names), dict(found.params)
    if after is not None:
        names.add("after")
        params |= {"after_due": after[0], "after_id": after[1]}
    rows = next(rows for rows in PAGE_ROWS if rows > limit)
    return queries.page(found.lane, tuple(sorted(names)), rows), params


@dataclass(frozen=True, slots=True)
class Narrowing:
    """How the jobs are found that somebody may see and asked for."""

    #: The index they are read by, and the conditions that it leaves, named as in the queries.
    lane: queries.Lane
    names: frozenset[str]
    params: dict[str, Any]
    only_open: bool


def narrow(rules: Rules, seen: Scope, asked: Asked, *, by_place: bool = True) -> Narrowing | None:
    """None when nothing can fit. By place only what is open is found."""
    authority = rules.authorities[seen.authority]
    if asked.authorities and authority.slug not in asked.authorities:
        return None
    teams = both(seen.teams, teams_named(rules, seen.authority, asked.teams))
    wards = areas_named(rules, asked.wards)
    if teams == frozenset() or wards == frozenset():
        return None
    since, until = asked.instants(authority.timezone)
    only_open = asked.overdue is True or (bool(asked.statuses) and asked.statuses <= status.OPEN)
    values: dict[str, Any] = {
        "authority": seen.authority,
        "teams": teams,
        "areas": seen.areas,
        "asked_areas": wards,
        "categories": asked.categories or None,
        "statuses": asked.statuses if asked.statuses not in (frozenset(), status.OPEN) else None,
        "priorities": asked.priorities or None,
        "bbox": asked.bbox,
        "since": since,
        "until": until,
        "due_by": asked.due_by and begin(asked.due_by + timedelta(days=1), authority.timezone),
    }
    names = {name for name, value in values.items() if value is not None}
    names |= {"open"} if only_open else {"standing"}
    if asked.overdue is not None:
        names.add("overdue" if asked.overdue else "not_overdue")
    lane, lanes = _lane(seen, teams, wards, names, by_place=by_place)
    params = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in values.items()
        if name in names
    }
    params["lanes"] = sorted(lanes)
    if asked.bbox is not None:
        box = asked.bbox
        params |= {"west": box.west, "south": box.south, "east": box.east, "north": box.north}
    return Narrowing(lane, frozenset(names), params, only_open)


def _lane(
    seen: Scope,
    teams: frozenset[int] | None,
    wards: frozenset[int] | None,
    names: set[str],
    *,
    by_place: bool,
) -> tuple[queries.Lane, frozenset[int]]:
    """The narrowest index, and the values to read it by; their condition is then done with."""
    if by_place and "bbox" in names and "open" in names:
        return "place", frozenset()
    if teams is not None:
        names.discard("teams")
        return "team", teams
    # Wards have an index of open jobs only; what is closed there is passed over in the authority.
    if "open" in names and (wards is not None or seen.areas is not None):
        names.discard("asked_areas" if wards is not None else "areas")
        return "ward", wards if wards is not None else seen.areas or frozenset()
    names.discard("authority")
    return "authority", frozenset({seen.authority})


def _cursor(keys: Keys, job: ListedJob) -> str:
    """Where a page ended: due time and id."""
    return keys.cursor("jobs", f"{chain.utc(job.due_at)}/{job.id}")


def _read_cursor(keys: Keys, cursor: str) -> tuple[str, UUID]:
    due, _, job = keys.read_cursor("jobs", cursor).partition("/")
    return due, UUID(job)
