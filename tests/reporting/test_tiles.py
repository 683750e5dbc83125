"""The map's tiles: what is in them, what they cost, and what is no tile."""

import math

import pytest

from geo.tiles import NoSuchTile, Tile
from reporting.queries import tiles as queries
from tests.support.county import box, inside
from tests.support.plans import MODES, nodes, plan_of


def tile_of(ward: str, z: int) -> Tile:
    place = inside(ward)
    n = 2**z
    lat = math.radians(place["lat"])
    x = int((place["lng"] + 180) / 360 * n)
    y = int((1 - math.asinh(math.tan(lat)) / math.pi) / 2 * n)
    return Tile(z, x, y)


def address(tile: Tile) -> str:
    return f"/v1/tiles/wards/{tile.z}/{tile.x}/{tile.y}.mvt"


async def test_a_tile_has_the_wards_that_lie_in_it_and_no_others(client, county):
    answer = await client.get(address(tile_of("W1", 16)))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert b"W1 Ward" in answer.content
    assert b"E2 Ward" not in answer.content
    wide = await client.get(address(tile_of("W1", 10)))
    assert all(f"{ward} Ward".encode() in wide.content for ward in ("W1", "W2", "E1", "E2"))


async def test_far_out_there_are_no_wards(client, county, owner):
    await county.add_vintage("west", "authority", {"WEST": box(-1.0, 0.04)})
    answer = await client.get(address(tile_of("W1", 6)))
    assert b"WEST Authority" in answer.content
    assert b"W1 Ward" not in answer.content


async def test_what_is_not_in_force_is_not_drawn(client, county, owner):
    await owner.execute("update vintage set valid = '[2020-01-01,2021-01-01)' where kind = 'ward'")
    answer = await client.get(address(tile_of("W1", 16)))
    assert b"W1 Ward" not in answer.content


async def test_where_nothing_lies_there_is_no_content(client, county):
    answer = await client.get("/v1/tiles/wards/10/3/3.mvt")
    assert answer.status_code == 204
    assert answer.content == b""


async def test_a_tile_that_a_browser_has_is_not_sent_again(client, county):
    first = await client.get(address(tile_of("W1", 12)))
    assert "max-age" in first.headers["cache-control"]
    again = await client.get(
        address(tile_of("W1", 12)), headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize("where", ["23/0/0", "4/16/0", "4/0/16", "4/-1/0", "a/0/0", "99999999/1/1"])
async def test_what_is_no_tile_is_refused(client, county, where):
    answer = await client.get(f"/v1/tiles/wards/{where}.mvt")
    assert answer.status_code in {404, 422}


def test_a_tile_is_checked():
    with pytest.raises(NoSuchTile):
        Tile.checked(23, 0, 0)


@pytest.mark.parametrize("mode", MODES)
async def test_areas_are_found_by_the_index(owner, county, mode):
    """With the areas of a country beside the county's."""
    vintage = await county.add_vintage("shire", "ward", {})
    await owner.execute(
        "insert into area (vintage_id, authority_id, kind, code, name, geom)"
        " select %s, %s, 'ward', 'Z' || n, 'Ward ' || n,"
        "  st_multi(st_expand(st_point(-3 + n %% 80 / 20.0, 51 + n / 80 / 20.0, 4326), 0.02))"
        " from generate_series(1, 4000) n",
        (vintage, county.authorities["shire"]),
    )
    await owner.execute("analyze area")
    plan = await plan_of(owner, mode, queries.WARDS, {**tile_of("W1", 14).parameters(), "at": None})
    scans = [node for node in nodes(plan) if node.get("Relation Name") == "area"]
    assert scans
    assert {node.get("Index Name") for node in scans} == {"ix_area_geom"} or all(
        node["Node Type"] == "Bitmap Heap Scan" for node in scans
    )
