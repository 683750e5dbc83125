"""The pages over HTTP, as a browser without JavaScript uses them."""

import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from limits import RateLimitItemPerHour

from reporting.app import create_app
from reporting.runtime import Connection
from reporting.settings import Settings
from reporting.web import limits
from reporting.web.pages.static import ASSETS
from tests.support.pictures import encoded, picture

W1 = {"ward": "west/W1"}
DEEP = {
    "category": "pothole",
    "answer.pothole.where": "cycle_lane",
    "answer.pothole.depth": "over_7cm",
}


TIPPED = {
    "answer.fly_tipping.size": "single_item",
    "answer.fly_tipping.waste": "tyres",
    "answer.fly_tipping.land": "highway",
}


class Elements(HTMLParser):
    """The elements of a page, with their attributes; refuses markup that browsers would repair."""

    VOID = frozenset({"input", "meta", "link", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag in {"p", "div", "ul", "ol", "h2", "section", "form", "fieldset"}:
            assert "p" not in self.open, f"<{tag}> inside <p>"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def values(self, attribute: str) -> set[str]:
        return {attrs[attribute] or "" for _, attrs in self.found if attribute in attrs}


def key_of(page: str) -> str:
    [key] = re.findall(r'name="key" value="([^"]+)"', page)
    return key


async def send(client: httpx.AsyncClient, **values: str) -> httpx.Response:
    return await client.post("/", data={"key": str(uuid4()), **values})


def page_of(sent: httpx.Response) -> str:
    """The report's own page."""
    assert sent.status_code == 303, sent.text
    return sent.headers["location"].replace("/sent/", "/r/")


async def count(owner: Connection) -> int:
    [(number,)] = await (await owner.execute("select count(*) from report")).fetchall()
    return number


# Over HTTP


async def test_an_empty_installation_says_so_and_how_to_load(client):
    answer = await client.get("/")
    assert answer.status_code == 200
    assert "Nothing is loaded yet" in answer.text
    assert "./dev cli demo" in answer.text
    assert "<form" not in answer.text


async def test_nothing_on_a_page_comes_from_elsewhere_or_stands_inline(client, county):
    sent = await send(client, **W1, **DEEP)
    for address in ("/", "/plan", sent.headers["location"], page_of(sent), "/docs", "/r/KB-222222"):
        answer = await client.get(address)
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert "unsafe" not in answer.headers["content-security-policy"]
        elements = Elements(answer.text)
        names = {name for _, attrs in elements.found for name in attrs}
        assert not {name for name in names if name.startswith("on")} | (names & {"style"})
        scripts = [attrs for tag, attrs in elements.found if tag == "script"]
        # What is not loaded from a file is data, which no browser runs.
        inline = [attrs for attrs in scripts if "src" not in attrs]
        assert all(attrs["type"] == "application/json" for attrs in inline)
        assert not [tag for tag, _ in elements.found if tag == "style"]
        loaded = [
            attrs.get("src") or attrs.get("href") or ""
            for tag, attrs in elements.found
            if tag in {"script", "link", "img"}
        ]
        assert all(
            each.startswith(("/static/", "/manifest.webmanifest")) for each in loaded if each
        )
        for each in filter(None, loaded):
            assert (await client.get(each)).status_code == 200


async def test_every_label_and_every_link_within_a_page_leads_somewhere(client, county):
    for page in ((await client.get("/")).text, (await send(client)).text):
        elements = Elements(page)
        ids = elements.values("id")
        assert elements.values("for") <= ids
        assert {each[1:] for each in elements.values("href") if each.startswith("#")} <= ids
        described = elements.values("aria-describedby")
        assert {name for names in described for name in names.split()} <= ids


async def test_a_report_is_sent_by_a_plain_form_and_its_way_is_shown(client, county, owner):
    sent = await send(client, **W1, **DEEP, description="Cyclists swerve round it.")
    assert sent.status_code == 303
    assert "HttpOnly" in sent.headers["set-cookie"]
    shown = (await client.get(page_of(sent))).text
    for words in (
        "West District Council",
        "Shire County Council",
        "W1 Ward",
        "pothole in the whole of Shire County Council",
        "Highways of Shire County Council",
        "impact 4 × likelihood 3",
        "within 2 hours",
        "We have it; Highways will look at it by",
        "Cyclists swerve round it.",
    ):
        assert words in shown
    assert await count(owner) == 1


async def test_strangers_see_neither_words_nor_link(client, county):
    sent = await send(client, **W1, **DEEP, description="Ring 07700 900123 for the way.")
    client.cookies.clear()
    shown = (await client.get(page_of(sent))).text
    assert "We have it" in shown
    assert "900123" not in shown
    assert "kbt_" not in shown
    assert "impact" not in shown


async def test_the_tracking_link_becomes_a_cookie_and_leaves_the_address(client, county):
    sent = await send(client, **W1, **DEEP)
    mine = (await client.get(page_of(sent))).text
    [link] = re.findall(r'href="http://testserver(/r/[^"]+\?t=kbt_[^"]+)"', mine)
    client.cookies.clear()
    followed = await client.get(link)
    assert followed.status_code == 303
    assert followed.headers["location"] == page_of(sent)
    assert "impact" in (await client.get(followed.headers["location"])).text


async def test_a_wrong_token_shows_what_everybody_sees(client, county):
    sent = await send(client, **W1, **DEEP)
    client.cookies.clear()
    for token in ("kbt_" + "x" * 43, "nonsense"):
        followed = await client.get(f"{page_of(sent)}?t={token}")
        shown = await client.get(followed.headers["location"])
        assert shown.status_code == 200
        assert "impact" not in shown.text


async def test_what_is_missing_is_told_at_its_field_and_the_rest_is_kept(client, county, owner):
    answer = await send(client, category="pothole", description="By the school <b>")
    assert answer.status_code == 422
    assert "Where in the street is it? Choose an answer." in answer.text
    assert "Say where it is" in answer.text
    assert "By the school &lt;b&gt;" in answer.text
    invalid = [attrs["id"] for _, attrs in Elements(answer.text).found if "aria-invalid" in attrs]
    assert invalid == ["place_text", "answer.pothole.where", "answer.pothole.depth"]
    assert await count(owner) == 0


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"lat": "52.5", "lng": "-0.97"}, "outside every council"),
        ({"lat": "52.03", "lng": "-0.99"}, "The nearest is West District Council"),
        ({"lat": "-0.99", "lng": "52.01"}, "swapped"),
        ({"lat": "224000", "lng": "468000"}, "National Grid"),
        ({"lat": "nan", "lng": "-0.99"}, "in degrees"),
        ({"lat": "here", "lng": ""}, "in degrees"),
        ({"lat": "0", "lng": "0"}, "0,0"),
    ],
)
async def test_a_place_that_cannot_be_is_refused_in_words(client, county, owner, place, words):
    answer = await send(client, **place, **DEEP)
    assert answer.status_code == 422
    assert words in answer.text
    assert await count(owner) == 0


async def test_the_same_form_sent_twice_is_one_report(client, county, owner):
    form = {"key": str(uuid4()), **W1, **DEEP}
    first, again = await client.post("/", data=form), await client.post("/", data=form)
    assert first.headers["location"] == again.headers["location"]
    assert await count(owner) == 1


async def test_a_form_sent_again_with_other_words_asks_before_it_is_another_report(
    client, county, owner
):
    form = {"key": str(uuid4()), **W1, **DEEP}
    await client.post("/", data=form)
    asked = await client.post("/", data={**form, "description": "And another one."})
    assert asked.status_code == 422
    assert "was sent before" in asked.text
    assert await count(owner) == 1
    another = {**form, "description": "And another one.", "key": key_of(asked.text)}
    assert (await client.post("/", data=another)).status_code == 303
    assert await count(owner) == 2


async def test_other_sites_cannot_send_the_form(client, county, owner):
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await client.post("/", data={"key": str(uuid4()), **W1, **DEEP}, headers=headers)
    assert answer.status_code == 403
    assert await count(owner) == 0


class TestLimits:
    """The form counts with the API's reports, and says so on a page."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"limits": "on"})

    async def test_a_report_too_many_is_kept_on_the_page(self, client, county, owner, monkeypatch):
        monkeypatch.setitem(limits.RATES, "reports", (RateLimitItemPerHour(1),))
        await send(client, **W1, **DEEP)
        answer = await send(client, **W1, **DEEP, description="The second one.")
        assert answer.status_code == 429
        assert "Very many reports come from where you are" in answer.text
        assert "The second one." in answer.text
        assert await count(owner) == 1

    async def test_who_fills_in_the_hidden_field_waits(self, client, county, owner):
        answer = await send(client, **W1, **DEEP, website="https://example.org")
        assert answer.status_code == 429
        assert await count(owner) == 0


async def test_an_unknown_reference_is_a_page_that_says_so(client, county):
    answer = await client.get("/r/KB-222222")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in answer.text


async def test_a_reference_may_be_typed_in_small_letters(client, county):
    sent = await send(client, **W1, **DEEP)
    answer = await client.get(page_of(sent).lower())
    assert answer.status_code == 200


async def test_without_a_database_the_page_says_so_and_when_to_come_back(settings: Settings):
    gone = settings.model_copy(update={"database_url": "postgresql://127.0.0.1:9/none"})
    app = create_app(gone)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://testserver"
        ) as client,
    ):
        answer = await client.get("/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "That did not work" in answer.text


async def test_the_reference_page_has_every_call_of_the_document(client, app: FastAPI, owner):
    shown = Elements((await client.get("/docs")).text).values("id")
    calls = {
        operation["operationId"]
        for methods in app.openapi()["paths"].values()
        for operation in methods.values()
    }
    assert calls
    assert calls <= shown


# Photos, words and places without JavaScript


def photo(seed: int = 96, name: str = "IMG_1.jpg") -> tuple[str, tuple[str, bytes, str]]:
    return ("photo", (name, encoded(picture(seed, 64)), "image/jpeg"))


async def post(client, files, **values: str | list[str]) -> httpx.Response:
    return await client.post("/", data={"key": str(uuid4()), **values}, files=files)


async def photos_of(owner: Connection) -> list[tuple[object, ...]]:
    rows = await owner.execute("select id, report_id is not null from photo")
    return await rows.fetchall()


async def test_photos_come_with_the_form(client, county, owner):
    sent = await post(client, [photo(), photo(97, "IMG_2.jpg")], **W1, **DEEP)
    assert sent.status_code == 303
    assert [of for _, of in await photos_of(owner)] == [True, True]
    [(store,)] = await (
        await owner.execute("select count(*) from photo where bytes > 0")
    ).fetchall()
    assert store == 2


async def test_the_same_form_with_a_photo_sent_twice_is_one_report_and_one_photo(
    client, county, owner
):
    key = str(uuid4())
    first = await post(client, [photo()], key=key, **W1, **DEEP)
    again = await post(client, [photo()], key=key, **W1, **DEEP)
    assert first.headers["location"] == again.headers["location"]
    assert await count(owner) == 1
    assert len(await photos_of(owner)) == 1


async def test_photos_are_kept_when_something_else_is_missing(client, county, owner):
    asked = await post(client, [photo()], **W1, category="pothole")
    assert asked.status_code == 422
    assert "Photo 1 is with us" in asked.text
    [kept] = re.findall(r'name="photo_id" id="[^"]+" value="([^"]+)" checked', asked.text)
    sent = await post(client, [], key=key_of(asked.text), photo_id=kept, **W1, **DEEP)
    assert sent.status_code == 303
    assert [(str(photo), of) for photo, of in await photos_of(owner)] == [(kept, True)]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([photo(), photo(97), photo(98), photo(99)], "Three photos are the most"),
        ([("photo", ("notes.txt", b"no picture at all", "text/plain"))], "not a picture we can"),
        ([("photo", ("cut.jpg", encoded(picture())[:40], "image/jpeg"))], "cut short or damaged"),
    ],
    ids=["four", "a text", "cut short"],
)
async def test_what_is_wrong_with_a_photo_is_told_and_nothing_typed_is_lost(
    client, county, owner, files, words
):
    answer = await post(client, files, **W1, **DEEP, description="Kept <b>.")
    assert answer.status_code == 422
    assert words in answer.text
    assert "Kept &lt;b&gt;." in answer.text
    assert "photo-fault" in answer.text
    assert await count(owner) == 0


@pytest.mark.parametrize(
    "body",
    [b"--x\r\nno header", b"", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--"],
)
async def test_a_form_that_cannot_be_read_is_refused_on_a_page(client, county, body):
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await client.post("/", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_place_in_words_goes_to_the_council_chosen(client, county, owner):
    words = {"place_text": "Outside 12 High Street", "authority": "west"}
    sent = await send(client, **words, category="fly_tipping", **TIPPED)
    assert sent.status_code == 303
    row = await (await owner.execute("select flags, place from report")).fetchone()
    assert row is not None
    assert "needs_place" in row[0]
    assert row[1] is None


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"place_text": "Outside 12 High Street"}, "authority"),
        ({"place_text": "x", "authority": "west"}, "place_text"),
        ({"authority": "west"}, "place_text"),
        ({"place_text": "Outside 12 High Street", "authority": "nowhere"}, "authority"),
    ],
)
async def test_a_place_in_words_needs_words_and_a_council(client, county, owner, place, field):
    answer = await send(client, **place, **DEEP)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert await count(owner) == 0


async def test_contact_is_kept_and_an_address_that_is_none_is_told(client, county, owner):
    wrong = await send(client, **W1, **DEEP, **{"contact.email": "anna", "contact.name": "Anna"})
    assert wrong.status_code == 422
    assert "That is not an e-mail address" in wrong.text
    assert 'value="Anna"' in wrong.text
    right = {"contact.email": "anna@example.org", "contact.name": "Anna", "contact.language": "cy"}
    assert (await send(client, **W1, **DEEP, **right)).status_code == 303
    found = await (await owner.execute("select name, email, language from reporter")).fetchone()
    assert found == ("Anna", "anna@example.org", "cy")


async def test_without_a_mail_server_the_page_says_so_and_promises_none(client, county, owner):
    shown = (await client.get("/")).text
    assert "This council sends no e-mail yet" in shown
    assert 'name="contact.updates"' not in shown
    sent = await send(client, **W1, **DEEP, **{"contact.email": "a@example.org"})
    assert "by e-mail" not in (await client.get(sent.headers["location"])).text


async def test_the_confirmation_has_reference_team_and_the_promised_day(client, county):
    sent = await send(client, **W1, **DEEP)
    shown = await client.get(sent.headers["location"])
    reference = sent.headers["location"].rpartition("/")[2]
    assert shown.status_code == 200
    assert f'<b class="reference">{reference}</b>' in shown.text
    assert f'href="/r/{reference}"' in shown.text
    assert re.search(
        r"<b>Highways</b> of Shire County Council will look at it by"
        r" <b>\d\d:\d\d on \w+day \d+ \w+</b>",
        shown.text,
    )


async def test_words_beside_a_position_are_not_lost(client, county, owner):
    await send(client, **W1, **DEEP, place_text="By the bus stop", description="A deep one.")
    found = await (
        await owner.execute("select description, place_text from report_words")
    ).fetchone()
    assert found == ("By the bus stop\nA deep one.", None)


# The map's own streets


class TestStreets:
    """A council that has streets says where they come from, and the policies name that alone."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={
                "map_style_url": "https://tiles.example.org/style.json",
                "map_hosts": ["https://tiles.example.org"],
            }
        )

    async def test_page_and_worker_may_fetch_them(self, client, county):
        answer = await client.get("/")
        policy = answer.headers["content-security-policy"]
        assert "connect-src 'self' https://tiles.example.org;" in policy
        assert "img-src 'self' https://tiles.example.org data: blob:;" in policy
        assert "script-src 'self';" in policy
        assert 'data-style-url="https://tiles.example.org/style.json"' in answer.text
        worker = await client.get(
            "/static/vendor/maplibre-gl-6.17.0/maplibre-gl-worker.mjs?v=6.17.0"
        )
        assert (
            "connect-src 'self' https://tiles.example.org;"
            in worker.headers["content-security-policy"]
        )

    async def test_other_pages_may_not(self, client, county):
        assert "example.org" not in (await client.get("/docs")).headers["content-security-policy"]


async def test_without_them_nothing_may_be_fetched_from_elsewhere(client, county):
    policy = (await client.get("/")).headers["content-security-policy"]
    assert "connect-src 'self';" in policy


@pytest.mark.parametrize("host", ["*", "https://a.example 'unsafe-inline'", "x;script-src *", ""])
def test_only_an_origin_gets_into_the_policy(settings: Settings, host: str):
    values = {**settings.model_dump(), "map_hosts": [host]}
    with pytest.raises(ValueError, match="KERBLINE_MAP_HOSTS"):
        Settings(**values)


# Languages


async def test_the_page_speaks_the_language_that_is_asked_for_and_remembers_it(client, county):
    english = await client.get("/", headers={"Accept-Language": "fr, en;q=0.5"})
    assert 'lang="en-GB"' in english.text
    welsh = await client.get("/", headers={"Accept-Language": "cy-GB, en;q=0.5"})
    assert welsh.headers["content-language"] == "cy"
    assert "Rhoi gwybod am broblem ar y stryd" in welsh.text
    switched = await client.get("/?lang=cy")
    assert "Twll yn y ffordd" in switched.text
    assert "Twll yn y ffordd" in (await client.get("/")).text


async def test_what_is_wrong_is_told_in_welsh_too(client, county):
    answer = await client.post(
        "/", data={"key": str(uuid4()), "category": "pothole"}, headers={"Accept-Language": "cy"}
    )
    assert "Dewiswch ateb." in answer.text
    assert "Ble yn y stryd mae e?" in answer.text
    assert "Choose" not in answer.text


async def test_categories_are_listed_in_the_language_of_the_reader(client, county, owner):
    own = {"code": "bench", "name": "A broken bench", "risk": {"impact": 1, "likelihood": 1}}
    await owner.execute(
        "insert into category (code, position, definition) values ('bench', 9, %s)",
        (json.dumps({**own, "radius_m": 5}),),
    )
    await county.touch()
    answer = await client.get("/v1/categories", headers={"Accept-Language": "cy"})
    assert answer.headers["content-language"] == "cy"
    assert "Accept-Language" in answer.headers["vary"]
    pothole, *_, bench = answer.json()["items"]
    assert pothole["name"] == "Twll yn y ffordd"
    assert pothole["questions"][0]["choices"][0]["label"].startswith("Yn y ffordd")
    assert pothole["response"]["P1"] == "o fewn 2 awr"
    assert pothole["emergency_notice"].startswith("Os yw")
    assert bench["name"] == "A broken bench"
    plain = (await client.get("/v1/categories")).json()["items"]
    assert plain[0]["response"] == {
        "P1": "within 2 hours",
        "P2": "by the end of the next working day",
        "P3": "within 7 days",
        "P4": "within 28 days",
    }


# Sizes


async def test_the_first_view_is_small(client, county):
    """What a phone loads before it can be used, compressed, without the map."""
    html = (await client.get("/")).text
    elements = Elements(html)
    loaded = [
        attrs.get("src") or attrs["href"] or ""
        for tag, attrs in elements.found
        if (tag == "script" and "src" in attrs)
        or (tag == "link" and attrs["rel"] in {"stylesheet", "modulepreload", "icon"})
    ]
    names = {each.split("/", 3)[3] for each in loaded}
    assert {"flow.mjs", "flow.css", "kerbline.css", "outbox.js"} <= names
    # A module that another one imports is loaded whether the page names it or not.
    waiting = [name for name in names if name.endswith(".mjs")]
    while waiting:
        found = re.findall(
            r'^import .*?from "\./([\w.]+)"', ASSETS[waiting.pop()].body.decode(), re.MULTILINE
        )
        waiting += set(found) - names
        names |= set(found)
    assert not any("maplibre" in name for name in names)
    total = len(gzip.compress(html.encode())) + sum(len(sent(name)) for name in names)
    assert total <= 40_000, f"{total} bytes in {sorted(names)}"


async def test_with_the_map_it_is_not_large(client, county):
    folder = "vendor/maplibre-gl-6.17.0"
    files = ("maplibre-gl.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css")
    total = sum(len(sent(f"{folder}/{name}")) for name in files) + len(sent("map.mjs"))
    assert total <= 480_000


def sent(name: str) -> bytes:
    asset = ASSETS[name]
    return asset.packed or asset.body


@pytest.mark.parametrize("library", ["maplibre-gl-6.17.0", "pmtiles-4.5.0"])
def test_what_others_made_is_as_they_publish_it(library):
    folder = Path("vendor") / library
    said = ASSETS[str(folder / "VENDOR.txt")].body.decode()
    digests = dict(
        reversed(line.split("  "))
        for line in said.splitlines()
        if re.match(r"[0-9a-f]{64}  ", line)
    )
    assert digests.keys() == {Path(name).name for name in ASSETS if Path(name).parent == folder} - {
        "VENDOR.txt"
    }
    for name, digest in digests.items():
        assert hashlib.sha256(ASSETS[str(folder / name)].body).hexdigest() == digest
