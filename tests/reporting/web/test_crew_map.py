"""What tablets keep to draw without signal: the council's map file and the lines of the wards."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from reporting.web.pages import crew_map
from tests.support.county import County
from tests.support.people import Headers, People

MAP = "/crew/map.pmtiles"


@pytest.fixture
async def crew(county: County) -> Headers:
    return await People(county).crew()


def given(app: FastAPI, path: Path | str) -> None:
    runtime = app.state.runtime
    settings = runtime.settings.model_copy(update={"crew_map": str(path)})
    app.state.runtime = replace(runtime, settings=settings)


async def test_a_crew_gets_the_file_whole_and_once(
    app: FastAPI, client: Any, crew: Headers, tmp_path: Path
) -> None:
    file = tmp_path / "shire.pmtiles"
    file.write_bytes(b"PMTiles" + bytes(5000))
    given(app, file)
    first = await client.get(MAP, headers=crew)
    assert first.content == file.read_bytes()
    again = await client.get(MAP, headers={**crew, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    file.write_bytes(b"PMTiles" + bytes(6000))
    newer = await client.get(MAP, headers={**crew, "If-None-Match": first.headers["etag"]})
    assert newer.content == file.read_bytes()


async def test_nobody_else_gets_it(
    app: FastAPI, client: Any, county: County, tmp_path: Path
) -> None:
    file = tmp_path / "shire.pmtiles"
    file.write_bytes(b"PMTiles")
    given(app, file)
    assert (await client.get(MAP)).status_code == 401
    device = await People(county).device()
    assert (await client.get(MAP, headers=device)).status_code == 403


async def test_none_missing_and_too_large_are_all_no_map(
    app: FastAPI, client: Any, crew: Headers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await client.get(MAP, headers=crew)).status_code == 404
    given(app, tmp_path / "gone.pmtiles")
    assert (await client.get(MAP, headers=crew)).status_code == 404
    file = tmp_path / "large.pmtiles"
    file.write_bytes(bytes(11))
    monkeypatch.setattr(crew_map, "LARGEST_MAP", 10)
    given(app, file)
    assert (await client.get(MAP, headers=crew)).status_code == 404


async def test_the_lines_are_of_the_wards_in_force_about_ones_own_authority(
    client: Any, crew: Headers, owner: Any
) -> None:
    found = (await client.get("/crew/areas.json", headers=crew)).json()
    names = {each["properties"]["code"] for each in found["features"]}
    assert {"W1", "W2", "E1", "E2"} <= names
    assert {each["geometry"]["type"] for each in found["features"]} <= {"Polygon", "MultiPolygon"}
    await owner.execute("update vintage set valid = '[2020-01-01,2021-01-01)' where kind = 'ward'")
    found = (await client.get("/crew/areas.json", headers=crew)).json()
    assert found["features"] == []
