"""Boston's requests on the console's map: what a recount finds, and City Hall for what it is."""

from asyncio import to_thread
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from geo.points import BBox
from geo.tiles import CELLS, Tile, covering, position
from reporting.runtime import Connection
from tests.reporting.importing.conftest import Office
from tests.reporting.importing.test_cities import BOSTON, CITY_HALL, EXAMPLES, part
from tests.support import mvt
from tests.support.county import County
from tests.support.people import People

pytestmark = pytest.mark.data
EVERY = 12
DAYS = {"from": "2011-07-01", "to": "2011-12-31"}


async def test_bostons_map_is_a_recount_and_city_hall_is_no_hotspot(
    office: Office, data: Path, client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    await to_thread(BOSTON.settle, office, data)
    dump = await to_thread(part, BOSTON, office, data, EVERY)
    await to_thread(office.ok, "import", dump, "--map", EXAMPLES / "boston.toml")
    cursor = await owner.execute("select id from authority where slug = 'boston'")
    (county.authorities["boston"],) = await cursor.fetchone()
    who = await People(county).staff("auditor", "boston")

    # Ward by ward, as Shapely finds the places of the jobs: a report counts where its job is.
    cursor = await owner.execute(
        "select st_x(job.place), st_y(job.place), count(*) from job_report"
        " join job on job.id = job_id where until is null group by 1, 2"
    )
    oracle = await to_thread(BOSTON.oracle, office, data)
    meant: Counter[str | None] = Counter()
    for lng, lat, n in await cursor.fetchall():
        meant[oracle.ward(lng, lat)[0]] += n
    answer = await client.get(
        "/v1/statistics", headers=who, params={"group_by": "ward", **DAYS, "authority": "boston"}
    )
    assert answer.status_code == 200, answer.text
    told = {(each["key"] or {}).get("code"): each["reports"] for each in answer.json()["items"]}
    assert {ward: n for ward, n in told.items() if n} == dict(meant)

    # Cell by cell, and City Hall apart.
    cursor = await owner.execute(
        "select st_x(place), st_y(place), count(*) from report group by 1, 2"
    )
    rows = await cursor.fetchall()
    [at_hall] = [n for lng, lat, n in rows if (lat, lng) == CITY_HALL]
    z, found, shared = 12, Counter(), []
    for tile in covering(BBox(-71.25, 42.2, -70.95, 42.45), z, 100):
        layers = await drawn(client, who, tile)
        for x, y, said in layers["cells"].features if "cells" in layers else ():
            found[tile.x, tile.y, x // CELLS, y // CELLS] = said["n"]
        shared += layers["shared"].features if "shared" in layers else []
    expected: Counter[Any] = Counter()
    for lng, lat, n in rows:
        if (lat, lng) != CITY_HALL:
            x, y = position(z, lng, lat)
            expected[int(x), int(y), int(x % 1 * CELLS), int(y % 1 * CELLS)] += n
    assert found == expected
    assert [said["n"] for _, _, said in shared] == [at_hall]
    assert at_hall > 2 * max(found.values())  # so it would have been the hottest spot


async def drawn(client: httpx.AsyncClient, who: dict[str, str], tile: Tile) -> dict[str, mvt.Layer]:
    answer = await client.get(
        f"/v1/tiles/heat/{tile.z}/{tile.x}/{tile.y}.mvt", headers=who, params=DAYS
    )
    assert answer.status_code in {200, 204}, answer.text
    return mvt.layers(answer.content)
