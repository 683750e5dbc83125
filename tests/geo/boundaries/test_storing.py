"""Vintages in the database: what takes effect when, and what may not."""

from datetime import UTC, date, datetime

import pytest
import shapely

from geo.boundaries.storing import NewVintage, begin, find_authority, find_vintage, shapes, store
from geo.errors import VintageRefused
from geo.lookup import covering
from geo.points import Point
from reporting.authorities import NewAuthority, add
from tests.support.shapes import features, square

#: In the middle of square(0).
MIDDLE = Point(52.005, -0.995)


@pytest.fixture
async def westmere(owner):
    await add(owner, NewAuthority("westmere", "Westmere City Council", "unitary"))
    return await find_authority(owner, "westmere")


def wards(authority, first: str, last: str | None = None, *, sha256: str | None = None, **more):
    given = {
        "kind": "ward",
        "zone_type": None,
        "features": features({"W1": square(0), "W2": square(1)}),
        **more,
    }
    return NewVintage(
        authority=authority,
        first=date.fromisoformat(first),
        last=date.fromisoformat(last) if last else None,
        source={"file": "wards.geojson", "sha256": sha256 or first},
        **given,
    )


async def codes_at(conn, moment: str, place: Point = MIDDLE) -> list[str]:
    at = datetime.fromisoformat(moment).astimezone(UTC)
    found = await covering(conn, place, at)
    cursor = await conn.execute(
        "select code from area where id = any(%s) order by code", (list(found),)
    )
    return [code for (code,) in await cursor.fetchall()]


async def test_a_first_vintage_is_in_force_from_its_day(owner, westmere):
    stored = await store(owner, wards(westmere, "2023-05-04"))
    assert (stored.state, stored.areas, stored.what) == ("active", 2, "wards of westmere")
    # Midnight in London was 23:00 UTC.
    assert await codes_at(owner, "2023-05-03T22:59:59+00:00") == []
    assert await codes_at(owner, "2023-05-03T23:00:00+00:00") == ["W1"]


async def test_days_begin_where_the_authority_is(owner):
    await add(owner, NewAuthority("dc", "District", "unitary", timezone="America/New_York"))
    await store(owner, wards(await find_authority(owner, "dc"), "2012-01-01"))
    assert await codes_at(owner, "2012-01-01T04:59:59+00:00") == []
    assert await codes_at(owner, "2012-01-01T05:00:00+00:00") == ["W1"]


async def test_the_last_day_is_in_force(owner, westmere):
    stored = await store(owner, wards(westmere, "2004-06-10", "2023-05-03"))
    assert stored.last == date(2023, 5, 3)
    assert await codes_at(owner, "2023-05-03T12:00:00+00:00") == ["W1"]
    assert await codes_at(owner, "2023-05-04T12:00:00+00:00") == []


async def test_a_later_vintage_waits_behind_one_without_an_end(owner, westmere):
    await store(owner, wards(westmere, "2004-06-10"))
    draft = await store(
        owner, wards(westmere, "2023-05-04", features=features({"N1": square(0, 0, 2)}))
    )
    assert draft.state == "draft"
    assert await codes_at(owner, "2023-06-01T00:00:00+00:00") == ["W1"]
    ended = await begin(owner, draft, date(2023, 6, 1))
    assert ended is not None
    assert (await find_vintage(owner, ended.id)).last == date(2023, 5, 31)
    assert await codes_at(owner, "2023-05-31T12:00:00+00:00") == ["W1"]
    assert await codes_at(owner, "2023-06-01T12:00:00+00:00") == ["N1"]


async def test_dates_that_touch_no_other_take_effect_at_once(owner, westmere):
    await store(owner, wards(westmere, "2023-05-04"))
    before = await store(owner, wards(westmere, "2004-06-10", "2023-05-03"))
    assert before.state == "active"


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ("2000-01-01", None, "say until when with --valid-to"),
        ("2000-01-01", "2004-06-10", "the dates overlap."),
        ("2004-06-10", None, "the dates overlap"),
        ("2010-01-01", "2012-01-01", None),
    ],
)
async def test_other_overlaps_are_refused(owner, westmere, first, last, sentence):
    await store(owner, wards(westmere, "2004-06-10"))
    second = wards(westmere, first, last, sha256="another")
    if sentence is None:
        assert (await store(owner, second)).state == "draft"
        return
    with pytest.raises(VintageRefused, match=sentence):
        await store(owner, second)


async def test_between_two_vintages_nothing_may_lap_over(owner, westmere):
    await store(owner, wards(westmere, "2004-01-01", "2009-12-31"))
    await store(owner, wards(westmere, "2015-01-01"))
    assert (await store(owner, wards(westmere, "2010-01-01", "2014-12-31"))).state == "active"
    with pytest.raises(VintageRefused, match="the dates overlap"):
        await store(owner, wards(westmere, "2012-01-01", "2016-01-01"))


async def test_the_same_file_twice_is_told(owner, westmere):
    first = await store(owner, wards(westmere, "2023-05-04", sha256="abc"))
    with pytest.raises(VintageRefused, match=f"loaded already: vintage {first.id}, wards of"):
        await store(owner, wards(westmere, "2023-05-04", sha256="abc"))


async def test_kinds_and_zone_types_have_dates_of_their_own(owner, westmere):
    await store(owner, wards(westmere, "2023-05-04"))
    for zone_type in ("park", "school"):
        zone = wards(westmere, "2023-05-04", kind="zone", zone_type=zone_type)
        assert (await store(owner, zone)).state == "active"


async def test_a_vintage_in_force_cannot_begin_again(owner, westmere):
    stored = await store(owner, wards(westmere, "2023-05-04"))
    with pytest.raises(VintageRefused, match="in force from 2023-05-04 already"):
        await begin(owner, stored, date(2024, 1, 1))


async def test_a_draft_cannot_begin_before_the_one_it_follows(owner, westmere):
    await store(owner, wards(westmere, "2023-05-04"))
    draft = await store(owner, wards(westmere, "2024-05-04"))
    for day in (date(2023, 5, 4), date(2022, 1, 1)):
        with pytest.raises(VintageRefused, match="cannot begin on"):
            await begin(owner, draft, day)


async def test_what_is_stored_is_what_was_read(owner, westmere):
    given = features({"W2": square(1) | square(3), "W1": square(0) - square(0.2, 0.2, 0.2)})
    stored = await store(owner, wards(westmere, "2023-05-04", features=given))
    back = {each.code: each.geom for each in await shapes(owner, stored.id)}
    for each in given:
        assert shapely.normalize(shapely.multipolygons([*shapely.get_parts(each.geom)])).equals(
            shapely.normalize(back[each.code])
        )


async def test_large_areas_are_cut_and_nothing_is_lost(owner, westmere):
    coast = square().centroid.buffer(0.03, quad_segs=300)
    stored = await store(owner, wards(westmere, "2023-05-04", features=features({"W1": coast})))
    cursor = await owner.execute(
        "select count(*), max(st_npoints(part.geom)), sum(st_area(part.geom))"
        " from area_part part join area on area.id = part.area_id where vintage_id = %s",
        (stored.id,),
    )
    ((parts, most, area),) = await cursor.fetchall()
    assert parts > 8
    assert most <= 128
    assert area == pytest.approx(coast.area)


async def test_a_big_load_tells_the_planner(owner, westmere, runtime):
    """As the role the processes run as, which may not analyze tables of its own accord."""
    many = features({f"W{n:03}": square(n % 20, n // 20) for n in range(100)})
    async with runtime.unit() as conn:
        await store(conn, wards(westmere, "2023-05-04", features=many))
    cursor = await owner.execute(
        "select relname, reltuples from pg_class where relname in ('area', 'area_part')"
    )
    assert dict(await cursor.fetchall()) == {"area": 100, "area_part": 100}


async def test_progress_counts_the_areas(owner, westmere):
    many = features({f"W{n:03}": square(n % 20, n // 20) for n in range(250)})
    seen: list[tuple[int, int]] = []
    await store(
        owner,
        wards(westmere, "2023-05-04", features=many),
        lambda done, total: seen.append((done, total)),
    )
    assert seen == [(100, 250), (200, 250), (250, 250)]
