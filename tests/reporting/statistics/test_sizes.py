"""The file of sizes: taken whole, or refused whole with the lines that are wrong."""

from datetime import date

import httpx
import pytest
from fastapi import FastAPI

from geo.errors import AuthorityRefused
from reporting.statistics import sizes
from reporting.statistics.sizes import Line
from tests.support.county import County
from tests.support.people import People

GOOD = "\ufeffAuthority,code,residents,km2\nshire,D1, 12000 ,\nshire,D2,,3.5\n"
TODAY = date(2026, 11, 20)


def test_a_file_is_read_as_spreadsheets_write_it() -> None:
    assert sizes.read(GOOD) == [
        Line(2, "shire", "D1", 12000, None),
        Line(3, "shire", "D2", None, 3.5),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("shire,D1,,", "neither residents nor km2"),
        ("shire,D1,0,", "residents is a whole number"),
        ("shire,D1,-5,", "residents is a whole number"),
        ("shire,D1,1.5,", "residents is a whole number"),
        ("shire,D1,٣,", "residents is a whole number"),
        ("shire,D1,,0", "km2 is a number above 0"),
        ("shire,D1,,nan", "km2 is a number above 0"),
        ("shire,D1,,inf", "km2 is a number above 0"),
        ("shire,D1,5", "as many cells"),
        ("shire,D1,5,1,9", "as many cells"),
    ],
)
def test_a_wrong_line_is_named(line: str, said: str) -> None:
    with pytest.raises(AuthorityRefused, match=f"Line 3: .*{said}"):
        sizes.read(f"authority,code,residents,km2\nshire,D2,1,1\n{line}\n")


@pytest.mark.parametrize("text", ["", "code,residents\nD1,1\n", "authority,code\nshire,D1\n"])
def test_a_file_without_its_columns_is_refused(text: str) -> None:
    with pytest.raises(AuthorityRefused, match="columns"):
        sizes.read(text)


async def test_sizes_become_rates_and_a_wrong_file_changes_nothing(
    app: FastAPI, client: httpx.AsyncClient, county: County
) -> None:
    runtime = app.state.runtime
    who = await People(county).staff("supervisor", "shire")

    async def load(text: str) -> int:
        async with runtime.unit() as conn:
            rules = await runtime.router.current(conn)
            return await sizes.store(conn, rules, sizes.read(text), TODAY)

    async def told() -> dict[str, tuple[int | None, float | None]]:
        answer = await client.get("/v1/statistics", headers=who)
        return {
            item["key"]["code"]: (item["residents"], item["km2"]) for item in answer.json()["items"]
        }

    before = await told()
    assert {residents for residents, _ in before.values()} == {None}
    assert await load(GOOD) == 2
    after = await told()
    assert after["D1"] == (12000, before["D1"][1])  # the polygon's own size
    assert after["D2"] == (None, 3.5)

    bad = "authority,code,residents\nshire,D1,7\nshire,D9,1\nnowhere,D1,1\nshire,D1,8\n"
    with pytest.raises(AuthorityRefused) as refused:
        await load(bad)
    for said in ("Line 3: shire has no ward D9", "no authority nowhere", "stands in line 2 too"):
        assert said in refused.value.detail
    assert await told() == after
