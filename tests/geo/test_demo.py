"""The made-up county is as good as the best real files, and always the same."""

import time

import numpy as np
import pytest
import shapely

from geo import demo
from geo.boundaries.checking import examine


@pytest.fixture(scope="module")
def county() -> demo.DemoCounty:
    return demo.county()


def areas(county: demo.DemoCounty, kind: str, authority: str | None = None) -> list:
    return [
        feature
        for each in county.sets
        if each.kind == kind and authority in {None, each.authority}
        for feature in each.features
    ]


def test_two_tiers_and_a_national_body(county):
    tiers = {authority.slug: authority.tier for authority in county.authorities}
    assert sorted(tiers.values()) == ["county", "district", "district", "national"]
    upper = next(each for each in county.authorities if each.tier == "county")
    assert {tiers[member] for member in upper.members} == {"district"}
    assert {each.authority for each in county.sets} == set(tiers)


def test_about_forty_wards_in_two_districts_and_ten_divisions(county):
    sizes = [len(areas(county, "ward", slug)) for slug in ("thornvale", "saltmere")]
    assert 36 <= sum(sizes) <= 44
    assert min(sizes) >= 15
    assert len(areas(county, "division")) == 10


def test_codes_and_names_are_nobody_elses(county):
    everything = [feature for each in county.sets for feature in each.features]
    codes = [feature.code for feature in everything]
    assert len(set(codes)) == len(codes)
    names = [feature.name for feature in areas(county, "ward")]
    assert len(set(names)) == len(names)
    # No real code of the Office for National Statistics begins with X.
    assert all(code.startswith("X") for code in codes[:-5])


@pytest.mark.parametrize("number", range(6))
def test_every_set_would_load_without_a_finding(county, number):
    each = county.sets[number]
    findings = examine(each.features, fills_the_ground=each.kind != "zone").findings
    assert findings.clean
    assert findings.overlaps == findings.gaps == ()


def test_wards_of_both_districts_meet_vertex_on_vertex(county):
    wards = np.array([feature.geom for feature in areas(county, "ward")], dtype=object)
    assert shapely.coverage_is_valid(wards)
    assert shapely.coverage_union_all(wards).equals(county.land)


def test_divisions_are_made_of_whole_wards(county):
    wards = areas(county, "ward")
    for division in areas(county, "division"):
        inside = [ward for ward in wards if division.geom.covers(ward.geom)]
        assert len(inside) >= 2
        assert shapely.union_all([ward.geom for ward in inside]).equals(division.geom)


def test_there_is_an_island(county):
    parts = sorted(shapely.get_parts(county.land), key=shapely.area)
    assert len(parts) == 2
    (island,) = [ward for ward in areas(county, "ward") if ward.geom.equals(parts[0])]
    assert island.name == "Skerrow Island"


def test_the_trunk_road_runs_through_both_districts(county):
    (road,) = areas(county, "zone", "trunk-roads")
    for slug in ("thornvale", "saltmere"):
        crossed = [ward for ward in areas(county, "ward", slug) if ward.geom.intersects(road.geom)]
        assert len(crossed) >= 3
    assert county.land.covers(road.geom.buffer(-1e-7))


def test_schools_and_the_park_stand_on_dry_land(county):
    zones = areas(county, "zone", "merrowshire") + areas(county, "zone", "thornvale")
    assert len(zones) == 4
    assert all(county.land.covers(zone.geom) for zone in zones)


def test_it_lies_in_the_open_sea(county):
    """Further than any beach of the English coast, so that nobody takes it for a real place."""
    west, south, east, north = shapely.bounds(county.land)
    assert west > 1.3
    assert south > 54.0
    assert east < 2.3
    assert north < 54.5


def test_places_are_on_land_and_mostly_in_towns(county):
    places = demo.scatter(county, 500, seed=3)
    assert demo.scatter(county, 500, seed=3) == places
    on_land = shapely.contains_xy(
        county.land, [place.lng for place in places], [place.lat for place in places]
    )
    assert on_land.all()
    towns = [
        shapely.Point(t.place.lng, t.place.lat).buffer(t.radius_m / 60_000) for t in county.towns
    ]
    near = sum(any(town.covers(shapely.Point(p.lng, p.lat)) for town in towns) for p in places)
    assert near > 300


def test_it_is_drawn_in_a_moment_and_alike_each_time(county):
    demo.county.cache_clear()
    began = time.process_time()
    again = demo.county()
    assert time.process_time() - began < 5  # under half a second on a quiet machine
    for one, other in zip(county.sets, again.sets, strict=True):
        assert [each.geom.wkb for each in one.features] == [
            each.geom.wkb for each in other.features
        ]
