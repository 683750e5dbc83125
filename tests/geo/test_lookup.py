"""Look-ups: what holds a place, what is near it, and that an index answers."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from geo import demo, lookup
from geo.boundaries.storing import NewVintage, find_authority, store
from geo.points import Point
from geo.spatial import covers, in_bbox, place_parameters, within_metres
from reporting.authorities import NewAuthority, add
from tests.conftest import EMPTY

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@dataclass
class Loaded:
    """The made-up county's wards in the database, and in shapely beside it."""

    conn: AsyncConnection[Any]
    shapes: dict[int, shapely.Geometry]

    def holding(self, place: Point) -> set[int]:
        """The oracle: whole polygons, compared one by one."""
        point = shapely.Point(place.lng, place.lat)
        return {area for area, shape in self.shapes.items() if shape.covers(point)}


@pytest.fixture(scope="module")
async def merrowshire(database):
    """Loaded once for this module, into the database that each other test empties again."""
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        await conn.execute(EMPTY)
        await conn.execute("set session_replication_role = origin")
        county = demo.county()
        for authority in county.authorities:
            members = authority.members
            await add(
                conn,
                NewAuthority(authority.slug, authority.name, authority.tier, members=members),
            )
        shapes = {}
        for each in county.sets:
            owner = await find_authority(conn, each.authority)
            stored = await store(
                conn,
                NewVintage(
                    owner, each.kind, each.zone_type, date(2020, 1, 1), None, each.features, {}
                ),
            )
            cursor = await conn.execute(
                "select code, id from area where vintage_id = %s", (stored.id,)
            )
            ids = dict(await cursor.fetchall())
            shapes |= {ids[feature.code]: feature.geom for feature in each.features}
        await conn.execute("analyze")
        yield Loaded(conn, shapes)


async def test_every_place_is_found_as_whole_polygons_say(merrowshire):
    """The cut parts under the index against the polygons as they were drawn."""
    rng = np.random.default_rng(11)
    west, south, east, north = shapely.total_bounds([*merrowshire.shapes.values()])
    places = rng.uniform((west, south), (east, north), (1500, 2))
    for lng, lat in places.tolist():
        place = Point(lat, lng)
        found = await lookup.covering(merrowshire.conn, place, NOW)
        assert found == merrowshire.holding(place)


async def test_a_vertex_of_a_border_belongs_to_all_that_share_it(merrowshire):
    """Exactly on a border both wards hold the place, cut into parts or not."""
    rng = np.random.default_rng(12)
    vertices = shapely.get_coordinates([*merrowshire.shapes.values()])
    shared = 0
    for lng, lat in rng.choice(vertices, 500).tolist():
        place = Point(lat, lng)
        found = await lookup.covering(merrowshire.conn, place, NOW)
        assert found == merrowshire.holding(place)
        shared += len(found) > 2
    assert shared > 300


async def test_a_place_along_a_border_is_in_some_ward(merrowshire):
    """Between two vertices rounding decides for one ward or the other, or both: never for none."""
    rng = np.random.default_rng(13)
    rings = [
        shapely.get_coordinates(shape.exterior)
        for each in merrowshire.shapes.values()
        for shape in shapely.get_parts(each)
    ]
    for _ in range(600):
        ring = rings[rng.integers(len(rings))]
        at = rng.integers(len(ring) - 1)
        lng, lat = (ring[at] + rng.random() * (ring[at + 1] - ring[at])).tolist()
        place = Point(lat, lng)
        oracle = merrowshire.holding(place)
        found = await lookup.covering(merrowshire.conn, place, NOW)
        assert found == oracle
        # The county's own outer edge may fall into the sea, an inner border may not.
        inner = demo.county().land.contains_properly(shapely.Point(lng, lat).buffer(1e-6))
        assert found or not inner


async def test_nothing_is_in_force_before_its_day(merrowshire):
    thornminster = demo.county().towns[0].place
    before = datetime(2019, 12, 31, 23, 59, tzinfo=UTC)
    assert await lookup.covering(merrowshire.conn, thornminster, before) == frozenset()
    assert await lookup.within(merrowshire.conn, thornminster, before, 5000) == {}


@pytest.fixture
def beach() -> Point:
    """A place in the sea, off the county's westernmost point."""
    vertices = shapely.get_coordinates(demo.county().land)
    lng, lat = vertices[vertices[:, 0].argmin()].tolist()
    return Point(lat, lng - 0.002)


async def test_distances_are_metres_on_the_ground(merrowshire, beach):
    found = await lookup.within(merrowshire.conn, beach, NOW, 250)
    metres = 0.002 * 65_300  # a degree east at 54.2 degrees north
    assert min(found.values()) == pytest.approx(metres, rel=0.01)
    assert await lookup.within(merrowshire.conn, beach, NOW, 100) == {}


async def test_the_nearest_authority_is_the_district_not_its_county(merrowshire, beach):
    nearest = await lookup.nearest_authority(merrowshire.conn, beach, NOW)
    assert nearest is not None
    assert nearest.slug == "thornvale"
    assert 100 < nearest.distance_m < 160
    assert await lookup.nearest_authority(merrowshire.conn, Point(51.5, -0.1), NOW) is None


async def test_shares_of_the_circle_add_up(merrowshire):
    wards = [area for area, shape in merrowshire.shapes.items() if shapely.area(shape) > 0.0005]
    lng, lat = shapely.get_coordinates(merrowshire.shapes[wards[0]])[0].tolist()
    place = Point(lat, lng, accuracy_m=30)
    holding = await lookup.covering(merrowshire.conn, place, NOW)
    shares = await lookup.share_of_circle(merrowshire.conn, place, holding)
    assert shares.keys() <= holding
    assert all(0 < share <= 1.001 for share in shares.values())
    assert await lookup.share_of_circle(merrowshire.conn, Point(lat, lng), holding) == {}


async def test_a_place_well_inside_has_the_whole_circle(merrowshire):
    area, shape = max(merrowshire.shapes.items(), key=lambda each: shapely.area(each[1]))
    inside = shape.representative_point()
    place = Point(inside.y, inside.x, accuracy_m=10)
    shares = await lookup.share_of_circle(merrowshire.conn, place, [area])
    assert shares[area] == pytest.approx(1, abs=1e-6)


def scans(plan: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Each table scan of a plan: how, and by which index."""
    found = []
    if "Scan" in plan["Node Type"]:
        found.append((plan["Node Type"], plan.get("Relation Name") or plan.get("Index Name")))
    for child in plan.get("Plans", []):
        found += scans(child)
    return found


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (lookup.COVERING, {}),
        (lookup.WITHIN, {"metres": 250}),
        (lookup.NEAREST_AUTHORITY, {"metres": 5000}),
        (f"select {lookup.NEAR_IDS}", {"accuracy_m": 20.0}),
        (f"select id from area_part part where {covers('part.geom')}", {}),
        (f"select id from area_part part where {within_metres('geom', lookup.PLACE, '20')}", {}),
        (
            f"select id from area_part where {in_bbox('geom')}",
            {"west": 1.6, "south": 54.2, "east": 1.61, "north": 54.21},
        ),
        (
            "select area_id from (values (st_point(1.6, 54.2, 4326))) stage (place),"  # noqa: ISC004
            " areas_at(stage.place, %(at)s)",
            {},
        ),
    ],
    ids=["areas_at", "areas_near", "authority", "near", "covers", "within", "bbox", "lateral"],
)
async def test_the_index_answers_never_a_sequential_scan(merrowshire, statement, values):
    place = place_parameters(Point(54.2, 1.6))
    cursor = await merrowshire.conn.execute(
        f"explain (format json) {statement}", {**place, "at": NOW, **values}
    )
    (([explained],),) = await cursor.fetchall()
    found = scans(explained["Plan"])
    assert ("Seq Scan", "area_part") not in found
    assert any("ix_area_part_geom" in str(each) for each in found) or any(
        how == "Index Scan" and what == "area_part" for how, what in found
    )


async def test_a_prepared_look_up_keeps_the_index(merrowshire):
    """PostgreSQL may turn to a generic plan after five runs; the words must hold there too."""
    conn = merrowshire.conn
    await conn.execute(
        "prepare found (float8, float8, timestamptz) as"
        " select area_id from areas_at(st_setsrid(st_makepoint($1, $2), 4326), $3)"
    )
    await conn.execute("set plan_cache_mode = force_generic_plan")
    try:
        cursor = await conn.execute(
            "explain (format json) execute found (1.6, 54.2, '2026-07-01 12:00Z')"
        )
        (([explained],),) = await cursor.fetchall()
        assert ("Index Scan", "area_part") in scans(explained["Plan"])
    finally:
        await conn.execute("reset plan_cache_mode")
        await conn.execute("deallocate found")


@given(
    lat=st.floats(-89.3, 89.3),
    lng=st.floats(-179, 179),
    metres=st.floats(1, 5000),
    turn=st.floats(0, 6.283),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_box_always_holds_the_circle(lat, lng, metres, turn):
    """The box that finds candidates must never be smaller than the circle that decides."""
    from pyproj import Geod  # noqa: PLC0415

    east, north, _ = Geod(ellps="WGS84").fwd(lng, lat, np.degrees(turn), metres)
    if abs(east - lng) > 180 or abs(lat) > 89:
        return
    half_height = metres / 110_000
    half_width = metres / (110_000 * max(np.cos(np.radians(lat)), 0.01))
    assert abs(north - lat) <= half_height
    if abs(lat) < 80:
        assert abs(east - lng) <= half_width
