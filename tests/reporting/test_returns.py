"""The fly-tipping return: quarters, bands, and one on the page and in the file."""

import csv
import io
from datetime import UTC, date, datetime
from uuid import uuid4

import httpx
import pytest

from reporting.asked import Days
from reporting.errors import Invalid
from reporting.returns import Quarter, bands
from reporting.returns.bands import Band, Table
from reporting.runtime import Connection
from routing import categories
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import People, job_of, report

# --- pure ---------------------------------------------------------------------------------------


def test_quarters_are_three_months_and_know_their_financial_year() -> None:
    third = Quarter.read("2026Q3")
    assert third.days == Days(date(2026, 7, 1), date(2026, 9, 30))
    assert (third.words, third.financial) == ("July to September 2026", "2026/27, quarter 2")
    first = Quarter(2026, 1)
    assert first.days == Days(date(2026, 1, 1), date(2026, 3, 31))
    assert first.financial == "2025/26, quarter 4"
    assert (str(first.before), str(Quarter(2025, 4).next)) == ("2025Q4", "2026Q1")
    for day, number in ((1, 1), (3, 1), (4, 2), (12, 4)):
        assert Quarter.holding(date(2026, day, 30)) == Quarter(2026, number)


@pytest.mark.parametrize(
    "text", ["2026Q5", "2026Q0", "2026", "26Q1", "1999Q4", "2026Q3 ", "\uff12\uff10\uff12\uff16Q3"]
)
def test_what_is_no_quarter_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Quarter.read(text)


def test_every_choice_of_the_shipped_questions_has_one_band_and_no_band_waits_for_another() -> None:
    form = bands.form()
    shipped = {each.code: each for each in categories.read(categories.SHIPPED.read_text())}
    for code in form.categories:
        for table in form.tables:
            banded = [answer for band in table.bands for answer in band.answers]
            assert sorted(banded) == sorted(shipped[code].by_code[table.question].choice_codes)


def test_an_answer_in_two_bands_is_refused() -> None:
    band = {"code": "a", "name": "A", "answers": ["x"]}
    with pytest.raises(ValueError, match="two bands"):
        Table.model_validate(
            {"code": "t", "name": "T", "question": "q", "bands": [band, {**band, "code": "b"}]}
        )


def test_what_is_not_known_is_in_no_band() -> None:
    table = Table(
        code="t",
        name="T",
        question="q",
        bands=(
            Band(code="a", name="A", answers=("x", "y")),
            Band(code="b", name="B", answers=("z",)),
        ),
    )
    found = bands.fill(table, [("x", 2), ("y", 3), (None, 4), ("w", 1), ("v", 5), ("x", 1)])
    assert [n for _, n in found.bands] == [6, 0]
    assert (found.strange, found.unanswered) == ((("v", 5), ("w", 1)), 4)
    assert found.known + found.unknown == 16


# --- a quarter ----------------------------------------------------------------------------------


def tipped(ward: str, dx: float, **answers: str) -> dict[str, object]:
    said = {"size": "small_van", "waste": "tyres", "land": "highway", **answers}
    return {**pothole(ward, dx), "category": "fly_tipping", "answers": said}


async def test_a_quarter_on_the_page_and_in_the_file(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    one = await report(client, tipped("W1", 0.1))
    again = await report(client, tipped("W1", 0.1, size="transit_van"))
    merged = await report(client, tipped("W1", 0.3))
    unanswered = await report(client, tipped("W1", 0.5))
    strange = await report(client, tipped("W2", 0.5, land="watercourse"))
    invalid = await report(client, tipped("W2", 0.7))
    passed = await report(client, tipped("W2", 0.8))
    before = await report(client, tipped("W2", 0.9))
    last = await report(client, tipped("W2", 0.95, size="multi_load"))
    await report(client, tipped("E1", 0.5))
    await report(client, pothole("W1", 0.7))
    west = await People(county).staff("supervisor", "west")
    # The second report on the first heap says another size.
    if job_of(again) != job_of(one):
        answer = await client.post(
            f"/v1/jobs/{job_of(again)}/merge",
            json={"into": str(job_of(one))},
            headers={**west, "Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == 200, answer.text
    answer = await client.post(
        f"/v1/jobs/{job_of(merged)}/merge",
        json={"into": str(job_of(one))},
        headers={**west, "Idempotency-Key": str(uuid4())},
    )
    assert answer.status_code == 200, answer.text
    await owner.execute("update job set created_at = '2026-08-01', due_at = '2026-08-04'")
    await owner.execute(
        "update report set created_at = created_at - interval '1 hour' where id = %s", (one["id"],)
    )
    for made, changes in (
        (unanswered, "answers = '{}'"),
        (strange, "status = 'fixed', closed_at = '2026-08-02'"),
        (invalid, "status = 'closed', closed_reason = 'invalid'"),
        (passed, "status = 'referred'"),
        # The quarter begins and ends at midnight in London, which in summer is not UTC's.
        (before, "created_at = '2026-06-30 22:59:59Z'"),
        (last, "created_at = '2026-09-30 22:59:59Z', due_at = '2026-10-02'"),
    ):
        await owner.execute(f"update job set {changes} where id = %s", (job_of(made),))
    await owner.execute("update report set answers = '{}' where id = %s", (unanswered["id"],))
    await owner.execute(
        'update report set answers = answers || \'{"waste": "=1+1"}\' where id = %s',
        (strange["id"],),
    )

    client.cookies.set("staff", west["Authorization"].removeprefix("Bearer "))
    page = await client.get("/console/returns?quarter=2026Q3")
    assert page.status_code == 200
    assert "July to September 2026 (financial year 2026/27, quarter 2)" in page.text
    assert "On 1 of them the reports do not say the same" in page.text
    file = await client.get("/console/returns/fly-tipping.csv?quarter=2026Q3")
    assert (
        file.headers["content-disposition"] == 'attachment; filename="west-fly-tipping-2026Q3.csv"'
    )
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
    said = {
        (row["table"], row["line"]): row["incidents"] for row in rows if row["incidents"] != "0"
    }
    assert {row["from"] for row in rows} == {"2026-07-01"}
    assert said.pop(("Incidents", "All")) == "4"
    kept = {key: n for key, n in said.items() if n}
    assert kept == {
        ("Size", "Small van load"): "2",
        ("Size", "Significant or multi loads"): "1",
        ("Size", "Unknown: not answered"): "1",
        ("Land type", "Highway"): "2",
        ("Land type", "Watercourse or bank"): "1",
        ("Land type", "Unknown: not answered"): "1",
        ("Waste type", "Tyres"): "2",
        ("Waste type", "Unknown: answered =1+1"): "1",
        ("Waste type", "Unknown: not answered"): "1",
        ("What became of them", "Still open"): "3",
        ("What became of them", "Cleared"): "1",
        ("Left out", "No fly-tip, or no report to act on"): "1",
        ("Left out", "Passed on to others"): "1",
    }
    # What Kerbline does not keep is empty, which is not none.
    empty = {line for (_, line), n in said.items() if not n}
    assert {"Prosecutions and what came of them", "Fixed penalty notices"} <= empty

    # Of own wards alone it is said to be a part.
    ward = await People(county).staff("supervisor", "west", wards=("W2",))
    client.cookies.set("staff", ward["Authorization"].removeprefix("Bearer "))
    page = await client.get("/console/returns?quarter=2026Q3")
    assert "of your wards alone (W2), and not the council’s return" in page.text
    assert "<b>2</b> incidents" in page.text
    for quarter, status in (("2999Q1", 422), ("2026", 422), ("", 200)):
        assert (await client.get(f"/console/returns?quarter={quarter}")).status_code == status
    now = Quarter.holding(datetime.now(UTC).date())
    assert "The quarter is not over" in (await client.get(f"/console/returns?quarter={now}")).text
