"""How urgent a job is as corrected, by everything that was reported about it."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import scalar_row

from geo.lookup import within
from geo.points import Point
from reporting.jobs.change import Change
from reporting.queries import jobs as queries
from routing.rulebook import Rules
from routing.triage import Triage, triage, worst

Connection = AsyncConnection[Any]


async def judge(conn: Connection, rules: Rules, change: Change) -> Triage:
    """The most urgent of what its reports say, at the place and in the category it has now."""
    row, columns = change.row, change.columns
    category = rules.categories[columns["category"]]
    calendar = rules.authorities[columns["authority"]].calendar
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.ANSWERS, {"job": row.id, "category": category.code})
        told = await cursor.fetchall()
    near: dict[int, float] = {}
    if columns["lat"] is not None:
        place = Point(columns["lat"], columns["lng"])
        near = await within(conn, place, row.now, category.risk.reach_m)
    zones = rules.zones((), near.items())
    return worst(
        triage(category, answers or {}, row.now, calendar, zones=zones, reports=row.reports)
        for answers in told or [{}]
    )
