"""What went wrong is said in the reader's language, and a program reads the same in each."""

import httpx
import pytest

from reporting.errors import ConfirmByEmail, NotFound, TooManyReports
from reporting.language import language
from reporting.web import cookies, problems
from tests.reporting.test_reports import pothole, send
from tests.support.county import County

CY = {"Accept-Language": "cy-GB,cy;q=0.9,en;q=0.8"}


@pytest.mark.parametrize(
    ("method", "path", "more", "code"),
    [
        ("GET", "/v1/reports/KB-222222", {}, "not-found"),
        ("GET", "/nowhere", {}, "not-found"),
        ("DELETE", "/v1/categories", {}, "method-not-allowed"),
        ("GET", "/v1/jobs", {}, "not-signed-in"),
        ("POST", "/v1/reports", {"json": {}}, "invalid"),
        ("POST", "/v1/reports", {"content": b"{"}, "media-type-refused"),
        ("POST", "/v1/reports", {"json": None}, "body-unreadable"),
        (
            "PUT",
            "/v1/photos/0b6f1f6e-8a52-4c55-9a1f-0d5a3f2f6f10",
            {"content": b"GIF89a" * 9},
            "image-refused",
        ),
    ],
)
async def test_the_same_problem_in_two_languages(
    client: httpx.AsyncClient, method: str, path: str, more: dict[str, object], code: str
) -> None:
    english = await client.request(method, path, **more)
    welsh = await client.request(method, path, headers=CY, **more)
    assert english.headers["content-language"] == "en-GB"
    assert welsh.headers["content-language"] == "cy"
    same = ("type", "status", "code")
    assert {name: english.json()[name] for name in same} == {
        name: welsh.json()[name] for name in same
    }
    assert english.json()["code"] == code
    for told in ("title", "detail"):
        assert english.json()[told] != welsh.json()[told]
        assert welsh.json()[told] == language("cy").say(english.json()[told])


async def test_as_the_reader_chose_on_our_pages(client: httpx.AsyncClient) -> None:
    client.cookies.set(cookies.LANGUAGE, "cy")
    answer = await client.get("/v1/reports/KB-222222", headers={"Accept-Language": "en"})
    assert answer.headers["content-language"] == "cy"


async def test_facts_come_with_it(client: httpx.AsyncClient, county: County) -> None:
    body = {**pothole(), "location": {"lat": 52.0, "lng": -1.03}}
    answer = await send(client, body, **CY)
    assert answer.json()["code"] == "outside-coverage"
    assert answer.json()["detail"] == language("cy").say(
        "This place is outside every council that uses this service."
    )
    assert answer.json()["nearest"]


async def test_a_page_says_it_too(client: httpx.AsyncClient) -> None:
    page = await client.get("/r/KB-222222", headers=CY)
    assert page.status_code == 404
    assert page.headers["content-language"] == "cy"
    assert problems.said(NotFound(), language("cy")) in page.text


@pytest.mark.parametrize("kind", [TooManyReports, ConfirmByEmail])
def test_how_long_is_said_in_each(kind: type[TooManyReports]) -> None:
    for code in ("en", "cy"):
        assert " 7 " in problems.said(kind(7), language(code))
    assert kind(7).detail == problems.said(kind(7), language("en"))


async def test_the_document_stays_english(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json", headers=CY)).json()
    assert "There is nothing here" in str(document["paths"]["/v1/reports/{id}"])
