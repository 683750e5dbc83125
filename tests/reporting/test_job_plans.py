"""How PostgreSQL finds a page of jobs: by an index, whatever is asked, and not by reading them all.

Both kinds of plan of a prepared statement are looked at: the one made for the values, and the
generic one that takes over after a few runs.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from geo.points import BBox
from reporting.asked import Asked
from reporting.auth import Scope
from reporting.jobs import listing
from reporting.runtime import Connection, Runtime
from reporting.status import OPEN
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.plans import MODES, nodes, plan_of, rows_read

JOBS, OPEN_JOBS = 20_000, 5_000
#: What a page of 51 may read: in lists without a further filter a page for each lane; a filter may
#: pass over the open jobs, but never over the years of closed ones.
PAGE_READ = 500
PLAIN = {
    (scope, asked) for scope in ("authority", "team", "wards") for asked in ("all", "open")
} - {("wards", "all")}


@dataclass
class Filled:
    county: County
    rules: Any
    conn: Connection


@pytest.fixture
async def filled(county: County, runtime: Runtime, owner: Connection) -> Filled:
    await fill(county, JOBS, JOBS - OPEN_JOBS)
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
    return Filled(county, rules, owner)


SCOPES = ["authority", "team", "wards", "divisions"]
ASKED: dict[str, Asked] = {
    "all": Asked(),
    "open": Asked(statuses=OPEN),
    "one status": Asked(statuses=frozenset({"received"})),
    "closed": Asked(statuses=frozenset({"fixed"})),
    "overdue": Asked(overdue=True),
    "a ward, open": Asked(wards=frozenset({"W2"}), statuses=OPEN),
    "a ward": Asked(wards=frozenset({"W2"})),
    "a team, open": Asked(teams=frozenset({"highways"}), statuses=OPEN),
    "a category": Asked(categories=frozenset({"pothole"})),
    "priorities": Asked(priorities=frozenset({1, 2}), statuses=OPEN),
    # The backlog was due from 2024 on, an hour after each other.
    "days, open": Asked(first=date(2024, 1, 2), last=date(2030, 1, 1), statuses=OPEN),
    "days": Asked(first=date(2026, 3, 25)),
    "a box, open": Asked(bbox=BBox(-0.99, 52.005, -0.985, 52.01), statuses=OPEN),
}


def scope_of(filled: Filled, name: str) -> Scope:
    county = filled.county
    shire = county.authorities["shire"]
    match name:
        case "team":
            return Scope(shire, teams=frozenset({county.teams["shire/highways"]}))
        case "wards":
            return Scope(shire, areas=frozenset({county.areas["W1"], county.areas["W2"]}))
        case "divisions":
            return Scope(shire, areas=frozenset({county.areas["D1"]}))
        case _:
            return Scope(shire)


async def test_every_page_comes_from_an_index(filled: Filled) -> None:
    wrong = []
    tried = 0
    for scope in SCOPES:
        for name, asked in ASKED.items():
            for after in (None, ("2025-10-01T00:00:00Z", "00000000-0000-0000-0000-000000000000")):
                found = listing.find(filled.rules, scope_of(filled, scope), asked, after, 50)
                if found is None:
                    continue
                for mode in MODES:
                    tried += 1
                    plan = await plan_of(filled.conn, mode, *found)
                    scans = [node for node in nodes(plan) if node.get("Relation Name") == "job"]
                    read = sum(map(rows_read, scans))
                    kinds = {node["Node Type"] for node in scans}
                    most = PAGE_READ if (scope, name) in PLAIN else OPEN_JOBS
                    if not scans or "Seq Scan" in kinds or read > most:
                        wrong.append((scope, name, after is not None, mode, kinds, read))
    assert tried > 100
    assert not wrong, "\n".join(map(str, wrong))
