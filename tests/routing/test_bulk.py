"""Bulk and live give the same answers, whatever the place."""

import random
from datetime import UTC, datetime

from psycopg import AsyncConnection

from geo.errors import LooksSwapped, OutsideCoverage
from geo.points import Point
from routing.assign import Router
from routing.bulk import Bulk

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

#: Off the coast, on borders and corners, far out, swapped.
ODD = [(-0.99, 51.999), (-0.98, 52.01), (-0.96, 52.01), (-0.96, 52.0), (-0.99, 51.99), (3.0, 55.0)]
SWAPPED = (52.01, -0.99)


def brief(answer):
    if isinstance(answer, type):
        return answer.code
    ward = answer.ward.code if answer.ward else None
    return answer.authority.slug, answer.team.slug, ward, answer.flags


async def live(conn, places):
    router = Router()
    answers = []
    for lng, lat in places:
        try:
            answers.append(brief(await router.assign(conn, Point(lat, lng), "pothole", NOW)))
        except (OutsideCoverage, LooksSwapped) as refusal:
            answers.append(refusal.code)
    return answers


async def test_bulk_answers_as_live_does(land, database):
    await land.add_authority("roads", "National Roads", "national")
    await land.lay("roads", "zone", {"A1": (-1.0, 52.009, -0.92, 52.011)}, zone_type="trunk_road")
    await land.rule("roads", "pothole", "zone", "A1", "tarmac")
    await land.lay("west", "authority", {"WEST": (-1.0, 51.97, -0.96, 52.02)})
    draw = random.Random(1)
    places = [(draw.uniform(-1.01, -0.91), draw.uniform(51.96, 52.03)) for _ in range(300)]
    places += [*ODD, SWAPPED]
    draw.shuffle(places)
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        async with Bulk.open(conn, "pothole", NOW, brief) as bulk:
            first = await bulk.answer(places)
            again = await bulk.answer(places[:10])
        assert (await (await conn.execute("select to_regclass('route_stage')")).fetchone()) == (
            None,
        )
    expected = await live(land.conn, places)
    assert first == expected
    assert again == expected[:10]
    flags = {answer[3] for answer in expected if not isinstance(answer, str)}
    assert flags >= {(), ("nearest_ward",), ("no_ward",), ("near_boundary",)}
    assert {answer for answer in expected if isinstance(answer, str)} == {
        "outside-coverage",
        "looks-swapped",
    }


async def test_no_places_no_answers(land, database):
    async with (
        await AsyncConnection.connect(database.admin_url, autocommit=True) as conn,
        Bulk.open(conn, "pothole", NOW, brief) as bulk,
    ):
        assert await bulk.answer([]) == []
