"""Heat and jobs on the map: what is shown to whom, and that each number is the number of rows."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from geo.tiles import CELLS, position
from reporting.runtime import Runtime
from reporting.tiling import heat, jobs
from tests.support import mvt
from tests.support.county import County, inside
from tests.support.people import Headers, People
from tests.support.strewn import Strewn, count, strew, write

LONDON = ZoneInfo("Europe/London")
#: The county lies in one tile of zoom 9, and over several of those below.
ZOOMS = (9, 12, 14)
#: Closer than counts are kept, where there are very many tiles.
CLOSE = {"reports": 16, "a team": 16}


@pytest.fixture
async def strewn(county: County, runtime: Runtime, client: httpx.AsyncClient) -> list[Strewn]:
    await county.conn.execute(
        "insert into category (code, position, definition)"
        " select 'drain', 9, definition || '{\"code\": \"drain\"}' from category"
        " where code = 'pothole'"
    )
    await county.touch()
    return await strew(county, runtime)


@pytest.fixture
async def admin(county: County) -> Headers:
    return await People(county).staff("admin", "shire")


def cells_of(rows: list[Strewn], z: int) -> Counter[tuple[int, int, int, int]]:
    """What a map of that zoom is to show: (tile, cell) → how many."""
    found: Counter[tuple[int, int, int, int]] = Counter()
    for row in rows:
        x, y = position(z, row.lng, row.lat)
        found[int(x), int(y), int(x % 1 * CELLS), int(y % 1 * CELLS)] += 1
    return found


async def drawn(
    client: httpx.AsyncClient, who: Headers, z: int, rows: list[Strewn], **params: Any
) -> Counter[tuple[int, int, int, int]]:
    """The cells of every tile in which any of the rows lies."""
    found: Counter[tuple[int, int, int, int]] = Counter()
    for x, y in {(x, y) for x, y, _, _ in cells_of(rows, z)}:
        answer = await client.get(f"/v1/tiles/heat/{z}/{x}/{y}.mvt", headers=who, params=params)
        assert answer.status_code in {200, 204}, answer.text
        if answer.status_code == 200:
            layers = mvt.layers(answer.content)
            assert "cut" not in layers
            for cx, cy, said in layers["cells"].features:
                assert said.keys() == {"n"}
                assert (cx % 64, cy % 64) == (32, 32)
                found[x, y, cx // 64, cy // 64] = said["n"]
    return found


def day(row: Strewn) -> str:
    return row.at.astimezone(LONDON).date().isoformat()


WEEK = (datetime.now(LONDON).date() - timedelta(days=30)).isoformat()
LATER = (datetime.now(LONDON).date() - timedelta(days=11)).isoformat()

#: What is asked, and the rows it means.
FILTERS: dict[str, tuple[dict[str, Any], Callable[[Strewn], bool]]] = {
    "reports": ({}, lambda it: it.kind == "report"),
    "open": (
        {"measure": "open"},
        lambda it: it.kind == "job" and it.status not in {"fixed", "closed"},
    ),
    "overdue": ({"measure": "overdue"}, lambda it: it.kind == "job" and it.overdue),
    "open and overdue": (
        {"measure": "open", "overdue": "true"},
        lambda it: it.kind == "job" and it.overdue,
    ),
    "a category": (
        {"category": "drain"},
        lambda it: it.kind == "report" and it.category == "drain",
    ),
    "two categories": ({"category": "drain,pothole"}, lambda it: it.kind == "report"),
    "days": (
        {"from": WEEK, "to": LATER},
        lambda it: it.kind == "report" and WEEK <= day(it) <= LATER,
    ),
    "days and a category, open": (
        {"from": WEEK, "category": "pothole", "measure": "open"},
        lambda it: (
            it.kind == "job"
            and it.status not in {"fixed", "closed"}
            and day(it) >= WEEK
            and it.category == "pothole"
        ),
    ),
    "a division": ({"ward": "D2"}, lambda it: it.kind == "report" and it.division == "D2"),
    "a team": (
        {"team": "highways"},
        lambda it: it.kind == "report" and it.team == "shire/highways",
    ),
    "a status": (
        {"status": "fixed"},
        lambda it: it.kind == "report" and it.status == "fixed",
    ),
    "a priority": (
        {"priority": "P1,P3"},
        lambda it: it.kind == "report" and it.priority in {1, 3},
    ),
    "all of them": (
        {"from": WEEK, "ward": "D1", "priority": "P2", "status": "open", "category": "pothole"},
        lambda it: (
            it.kind == "report"
            and it.status not in {"fixed", "closed"}
            and day(it) >= WEEK
            and (it.category, it.division, it.priority) == ("pothole", "D1", 2)
        ),
    ),
}


async def test_every_filter_shows_the_rows_it_means_and_no_other_councils(
    client: httpx.AsyncClient, strewn: list[Strewn], admin: Headers
) -> None:
    """The west's reports lie in the same tiles; none of them is ever among the shire's."""
    wrong = []
    for name, (params, means) in FILTERS.items():
        meant = [row for row in strewn if row.authority == "shire" and means(row)]
        assert meant, name
        for z in (*ZOOMS, *([CLOSE[name]] if name in CLOSE else [])):
            found = await drawn(client, admin, z, strewn, **params)
            if found != cells_of(meant, z):
                wrong.append((name, z, found.total(), len(meant)))
    assert not wrong


async def test_another_council_sees_its_own_only(
    client: httpx.AsyncClient, strewn: list[Strewn], county: County
) -> None:
    west = await People(county).staff("auditor", "west")
    meant = [row for row in strewn if (row.authority, row.kind) == ("west", "report")]
    assert await drawn(client, west, 14, strewn) == cells_of(meant, 14)
    assert not await drawn(client, west, 14, strewn, category="pothole")
    assert not await drawn(client, west, 14, strewn, authority="shire")
    assert not await drawn(client, west, 14, strewn, ward="D1")


async def test_a_supervisor_of_wards_sees_those(
    client: httpx.AsyncClient, strewn: list[Strewn], county: County
) -> None:
    who = await People(county).staff("supervisor", "shire", wards=("D2",))
    meant = [
        row
        for row in strewn
        if (row.authority, row.kind, row.division) == ("shire", "report", "D2")
    ]
    for z in (9, 14):
        assert await drawn(client, who, z, strewn) == cells_of(meant, z)
    assert not await drawn(client, who, 9, strewn, ward="D1")
    shown = await job_tiles(client, who, strewn, 14)
    assert {said["id"] for said in shown} == {
        str(row.id)
        for row in strewn
        if (row.authority, row.kind, row.division) == ("shire", "job", "D2")
        and row.status not in {"fixed", "closed"}
    }


@pytest.mark.parametrize(
    "path", ["tiles/heat/9/254/169.mvt", "tiles/jobs/9/254/169.mvt", "heatmap"]
)
async def test_crews_and_strangers_see_no_map(
    client: httpx.AsyncClient, county: County, path: str
) -> None:
    params = {"bbox": "-1,52,-0.9,52.1"} if path == "heatmap" else {}
    crew = await People(county).crew()
    assert (await client.get(f"/v1/{path}", params=params, headers=crew)).status_code == 403
    assert (await client.get(f"/v1/{path}", params=params)).status_code == 401


async def test_a_day_is_the_authoritys_own_also_when_the_clock_changes(
    client: httpx.AsyncClient, county: County, runtime: Runtime, admin: Headers
) -> None:
    """Spring's Sunday of 2026 ends at 23:00 in UTC, autumn's at midnight after 25 hours."""
    at = {
        "last of spring's day": datetime(2026, 3, 29, 22, 59, tzinfo=UTC),
        "first of the next": datetime(2026, 3, 29, 23, 0, tzinfo=UTC),
        "first of autumn's day": datetime(2026, 10, 24, 23, 0, tzinfo=UTC),
        "last of it": datetime(2026, 10, 25, 23, 59, tzinfo=UTC),
        "after it": datetime(2026, 10, 26, 0, 0, tzinfo=UTC),
    }
    await add(county, [{"at": when} for when in at.values()])
    await count(runtime)
    tile = tile_of(county)
    for days, expected in {
        ("2026-03-29", "2026-03-29"): 1,
        ("2026-03-30", "2026-03-30"): 1,
        ("2026-10-25", "2026-10-25"): 2,
        ("2026-10-24", "2026-10-24"): 0,
        ("2026-10-26", "2026-10-26"): 1,
        ("2026-03-29", "2026-10-25"): 4,
    }.items():
        params = {"from": days[0], "to": days[1], "measure": "open"}
        for path in (f"heat/{tile}", f"heat/{tile}?status=open"):
            answer = await client.get(f"/v1/tiles/{path}", headers=admin, params=params)
            cells = mvt.layers(answer.content).get("cells")
            shown = sum(said["n"] for _, _, said in cells.features) if cells else 0
            assert shown == expected, (days, path)
        jobs_there = await client.get(
            f"/v1/tiles/jobs/{tile}", headers=admin, params={"from": days[0], "to": days[1]}
        )
        layer = mvt.layers(jobs_there.content).get("jobs")
        assert len(layer.features if layer else []) == expected, days


async def test_a_tile_says_as_of_when_and_is_not_sent_twice(
    client: httpx.AsyncClient, strewn: list[Strewn], admin: Headers, county: County
) -> None:
    for path in ("heat", "jobs"):
        url = f"/v1/tiles/{path}/{tile_of(county)}"
        first = await client.get(url, headers=admin)
        assert first.status_code == 200
        assert first.headers["cache-control"] == "private, max-age=30"
        assert {"Authorization", "Cookie"} <= set(first.headers["vary"].split(", "))
        again = await client.get(url, headers={**admin, "If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = await client.get(
            f"{url}?category=pothole", headers={**admin, "If-None-Match": first.headers["etag"]}
        )
        assert other.status_code == 200
    heated = await client.get(f"/v1/tiles/heat/{tile_of(county)}", headers=admin)
    said = parsedate_to_datetime(heated.headers["last-modified"])
    assert abs(datetime.now(UTC) - said) < timedelta(minutes=5)
    away = await client.get("/v1/tiles/heat/10/3/3.mvt", headers=admin)
    assert (away.status_code, away.content) == (204, b"")


async def test_what_many_reports_share_is_shown_apart(
    client: httpx.AsyncClient, county: County, runtime: Runtime, admin: Headers
) -> None:
    hall = inside("W1", 0.25, 0.25)
    await county.conn.execute(
        "insert into shared_point (lat, lng, reports) values (%(lat)s, %(lng)s, 30)", hall
    )
    now = datetime.now(UTC)
    await add(county, [{"at": now, **hall} for _ in range(7)] + [{"at": now}])
    await count(runtime)
    answer = await client.get(f"/v1/tiles/heat/{tile_of(county)}", headers=admin)
    layers = mvt.layers(answer.content)
    assert [said["n"] for _, _, said in layers["cells"].features] == [1]
    [(x, y, said)] = layers["shared"].features
    assert said == {"n": 7}
    z, tx, ty = map(int, tile_of(county).removesuffix(".mvt").split("/"))
    column, row = position(z, hall["lng"], hall["lat"])
    assert (x, y) == (int((column - tx) * 4096), int((row - ty) * 4096))
    box = {"bbox": "-1.0,52.0,-0.98,52.02", "zoom": 14}
    grid = (await client.get("/v1/heatmap", headers=admin, params=box)).json()
    assert [each["properties"]["n"] for each in grid["features"]] == [1]
    [shared] = grid["shared"]
    assert shared["properties"] == {"n": 7}
    assert shared["geometry"]["coordinates"] == [hall["lng"], hall["lat"]]


async def test_the_heatmap_has_the_cells_of_the_tiles(
    client: httpx.AsyncClient, strewn: list[Strewn], admin: Headers
) -> None:
    box = {"bbox": "-1.1,51.9,-0.8,52.1", "zoom": 9, "measure": "open", "category": "pothole"}
    answer = await client.get("/v1/heatmap", headers=admin, params=box)
    grid = answer.json()
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-encoding"] == "gzip"
    assert (grid["type"], grid["zoom"], grid["cut"]) == ("FeatureCollection", 9, False)
    found: Counter[tuple[int, int, int, int]] = Counter()
    for each in grid["features"]:
        x, y = position(9, *each["geometry"]["coordinates"])
        found[int(x), int(y), int(x % 1 * CELLS), int(y % 1 * CELLS)] = each["properties"]["n"]
    meant = [
        row
        for row in strewn
        if (row.kind, row.category) == ("job", "pothole") and row.status not in {"fixed", "closed"}
    ]
    assert found == cells_of(meant, 9)
    world = {**box, "bbox": "-180,-90,180,90", "zoom": 22}
    all_of_it = (await client.get("/v1/heatmap", headers=admin, params=world)).json()
    assert sum(each["properties"]["n"] for each in all_of_it["features"]) == len(meant)
    part = {**box, "bbox": "-1.1,51.9,-0.97,52.1", "zoom": 14}
    west = (await client.get("/v1/heatmap", headers=admin, params=part)).json()
    assert west["zoom"] < 14  # six tiles at most
    assert all(each["geometry"]["coordinates"][0] <= -0.97 for each in west["features"])


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "yesterday"},
        {"from": "1700000000"},
        {"from": "1999-12-31"},
        {"measure": "closed"},
        {"status": "lost"},
        {"bbox": "-1,52,-0.9,52.1"},
        {"overdue": "true"},
        {"since": "2026-11-01"},
    ],
)
async def test_what_no_map_can_show_is_refused(
    client: httpx.AsyncClient, county: County, admin: Headers, params: dict[str, str]
) -> None:
    answer = await client.get(f"/v1/tiles/heat/{tile_of(county)}", headers=admin, params=params)
    assert answer.status_code == 422


async def test_more_points_than_are_read_are_said_to_be_cut(
    client: httpx.AsyncClient,
    strewn: list[Strewn],
    admin: Headers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heat, "POINTS", 20)
    x, y = map(int, position(9, strewn[0].lng, strewn[0].lat))
    answer = await client.get(
        f"/v1/tiles/heat/9/{x}/{y}.mvt", headers=admin, params={"team": "highways"}
    )
    layers = mvt.layers(answer.content)
    assert [said for _, _, said in layers["cut"].features] == [{"most": 20}]
    assert sum(said["n"] for _, _, said in layers["cells"].features) <= 20
    # What is kept has no need to be cut.
    answer = await client.get(f"/v1/tiles/heat/9/{x}/{y}.mvt", headers=admin)
    assert "cut" not in mvt.layers(answer.content)


async def job_tiles(
    client: httpx.AsyncClient, who: Headers, rows: list[Strewn], z: int, **params: Any
) -> list[dict[str, Any]]:
    """The jobs of every tile in which any of the rows lies."""
    found: list[dict[str, Any]] = []
    for x, y in {(x, y) for x, y, _, _ in cells_of(rows, z)}:
        answer = await client.get(f"/v1/tiles/jobs/{z}/{x}/{y}.mvt", headers=who, params=params)
        assert answer.status_code in {200, 204}, answer.text
        layers = mvt.layers(answer.content)
        assert layers.keys() <= {"jobs"}
        for layer in layers.values():
            found += [said for _, _, said in layer.features]
    return found


JOB_FILTERS: dict[str, tuple[dict[str, Any], Callable[[Strewn], bool]]] = {
    "open": ({}, lambda it: it.status not in {"fixed", "closed"}),
    "fixed": ({"status": "fixed"}, lambda it: it.status == "fixed"),
    "overdue": ({"overdue": "true"}, lambda it: it.overdue),
    "a team": (
        {"team": "highways"},
        lambda it: it.team == "shire/highways" and it.status not in {"fixed", "closed"},
    ),
    "a ward": (
        {"ward": "W2"},
        lambda it: it.ward == "W2" and it.status not in {"fixed", "closed"},
    ),
    "days": (
        {"from": WEEK, "to": LATER, "priority": "P1,P2"},
        lambda it: (
            WEEK <= day(it) <= LATER and it.priority < 3 and it.status not in {"fixed", "closed"}
        ),
    ),
}


async def test_each_job_is_in_one_tile_with_what_a_map_needs_and_no_more(
    client: httpx.AsyncClient, strewn: list[Strewn], admin: Headers
) -> None:
    for name, (params, means) in JOB_FILTERS.items():
        meant = [
            row for row in strewn if (row.authority, row.kind) == ("shire", "job") and means(row)
        ]
        assert meant, name
        for z in (9, 14):
            shown = await job_tiles(client, admin, strewn, z, **params)
            assert Counter(said["id"] for said in shown) == Counter(str(row.id) for row in meant), (
                name,
                z,
            )
    by_id = {str(row.id): row for row in strewn}
    for said in await job_tiles(client, admin, strewn, 14):
        row = by_id[said["id"]]
        # Nothing here leads to a person.
        assert said.keys() == {"id", "reference", "category", "status", "priority", "overdue"}
        assert (said["category"], said["status"]) == (row.category, row.status)
        assert (said["priority"], said["overdue"]) == (f"P{row.priority}", row.overdue)


async def test_more_jobs_than_are_drawn_are_said_to_be_cut(
    client: httpx.AsyncClient,
    strewn: list[Strewn],
    admin: Headers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "MOST", 5)
    x, y = map(int, position(9, strewn[0].lng, strewn[0].lat))
    layers = mvt.layers((await client.get(f"/v1/tiles/jobs/9/{x}/{y}.mvt", headers=admin)).content)
    assert [said for _, _, said in layers["cut"].features] == [{"most": 5}]
    open_jobs = [
        row
        for row in strewn
        if (row.authority, row.kind) == ("shire", "job") and row.status not in {"fixed", "closed"}
    ]
    due = sorted(open_jobs, key=lambda it: it.at + timedelta(days=[1, 5, 20, 50][it.priority - 1]))
    shown = [said["id"] for _, _, said in layers["jobs"].features]
    assert shown == [str(row.id) for row in due[:5]]


def tile_of(county: County) -> str:
    """The tile of the middle of W1."""
    place = inside("W1")
    x, y = position(13, place["lng"], place["lat"])
    return f"13/{int(x)}/{int(y)}.mvt"


async def add(county: County, rows: list[dict[str, Any]]) -> None:
    """Open potholes of the shire in W1, each with its report."""
    jobs_made, reports_made = [], []
    for row in rows:
        job = {
            "id": uuid4(),
            "reference": f"J{uuid4()}",
            "authority": county.authorities["shire"],
            "team": county.teams["shire/highways"],
            "category": "pothole",
            "ward": county.areas["W1"],
            "division": county.areas["D1"],
            "status": "received",
            "reason": None,
            "priority": 3,
            "due": datetime.now(UTC) + timedelta(days=1),
            "closed": None,
            "reports": 1,
            **inside("W1"),
            **row,
        }
        jobs_made.append(job)
        reports_made.append({**job, "id": uuid4(), "reference": f"R{uuid4()}", "job": job["id"]})
    await write(county.conn, jobs_made, reports_made)
