"""Kept counts stay what reports and jobs say, whatever happens and whenever they are folded."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from psycopg import AsyncConnection

from geo.tiles import Tile
from reporting.asked import Days
from reporting.counting import checking, folding, reading
from reporting.runtime import Connection, Runtime
from tests.support import recount
from tests.support.county import County
from tests.support.scratch import Database
from tests.support.town import CATEGORIES, FALLBACK, Town

TABLES = {
    "counted": "id, kind",
    "heat": "series_id, z, span, start, x, y",
    "figure_kept": "authority_id, level, span, start, category, area_id, team_id",
}


async def kept(conn: Connection) -> dict[str, list[Any]]:
    """Every row, in order."""
    found = {}
    for table, key in TABLES.items():
        cursor = await conn.execute(f"select * from {table} order by {key}")
        found[table] = await cursor.fetchall()
    return found


async def changes(town: Town, runtime: Runtime, n: int) -> None:
    for _ in range(n):
        async with runtime.unit() as conn:
            await town.anything(conn)


async def fold(runtime: Runtime) -> None:
    async with runtime.unit() as conn:
        assert await folding.fold(conn) is not None


async def check(runtime: Runtime) -> None:
    async with runtime.unit() as conn:
        assert await checking.check(conn) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_random_day_leaves_counts_that_a_recount_confirms(
    runtime: Runtime, county: County, database: Database, seed: int
) -> None:
    """Folds at random moments, some while a change is made that commits after them."""
    rng = random.Random(seed)
    town = Town(county, rng)
    async with await AsyncConnection.connect(database.url) as slow:
        for step in range(14):
            await changes(town, runtime, rng.randint(1, 12))
            late = rng.random() < 0.5
            if late:
                await town.report(slow)
            await fold(runtime)
            if late:
                await slow.commit()
            if step == 7:
                async with runtime.unit() as conn:
                    await conn.execute(
                        "insert into shared_point (lat, lng, reports) values (%s, %s, 9)", FALLBACK
                    )
    await check(runtime)
    async with runtime.unit() as conn:
        before = await kept(conn)
        assert await folding.fold(conn) == folding.Folded()
        assert await kept(conn) == before, "a fold of nothing changes nothing"
    for one in (county.authorities["shire"], None):
        async with runtime.unit() as conn:
            await folding.rebuild(conn, one)
            assert await kept(conn) == before, "a rebuild makes the same rows"
    async with runtime.reading() as conn:
        await same_answers(conn, county, rng)


async def same_answers(conn: Connection, county: County, rng: random.Random) -> None:
    """What the counts answer is what a plain recount says."""
    today = datetime.now(UTC).date()
    for _ in range(60):
        authority = county.authorities[rng.choice(["shire", "west", "east"])]
        first = today - timedelta(days=rng.randint(0, 500))
        days = rng.choice([None, Days(first, first + timedelta(days=rng.randint(0, 300)))])
        categories = rng.choice([None, frozenset(rng.sample(CATEGORIES, 2))])
        areas = rng.choice([None, frozenset({*rng.sample(sorted(county.areas.values()), 3), -1})])
        z = rng.randint(0, 22)
        n = 2.0**z
        lat, lng = np.radians(52.0 + 0.02 * rng.random()), -1.0 + 0.08 * rng.random()
        x = int((lng + 180) / 360 * n)
        y = int((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * n)
        asked: dict[str, Any] = {
            "authority_id": authority,
            "measure": rng.choice(["reports", "open", "overdue"]),
            "days": days,
            "categories": categories,
        }
        tile = Tile(z, x, y)
        for found in (
            await reading.cells(conn, **asked, tile=tile, areas=areas),
            await reading.points(conn, **asked, tile=tile, areas=areas),
        ):
            right = await recount.cells(conn, **asked, tile=tile, areas=areas)
            assert triples(found) == triples(right), (asked, tile, areas)
        assert await reading.shared(conn, **asked) == await recount.shared(conn, **asked)
        of: dict[str, Any] = {
            "authority_id": authority,
            "days": days,
            "categories": categories,
            "areas": areas,
            "by": frozenset(rng.sample(["area", "team", "category", "day", "week"], 2)),
        }
        assert await reading.figures(conn, **of) == await recount.figures(conn, **of), of


def triples(cells: Any) -> list[tuple[int, int, int]]:
    return sorted(zip(cells.xs.tolist(), cells.ys.tolist(), cells.ns.tolist(), strict=True))
