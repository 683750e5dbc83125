"""What must be refused: each with one clear problem, nothing stored, nothing repeated.

The lists follow ``reliability`` section 4. What is odd but right (emoji, bidi, NFD) must come back
byte for byte.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from reporting.keys import token_hash
from reporting.runtime import Connection
from tests.reporting.test_reports import POTHOLE, pothole, send
from tests.support.county import SOUTH, County, inside
from tests.support.people import People
from tests.support.pictures import encoded, picture
from tests.support.refusals import MARK, all_refused, dumps, state

LAMP = {
    "code": "lamp",
    "name": "Street lamp",
    "questions": [
        {"code": "lamps", "label": "How many?", "kind": "number"},
        {"code": "metres", "label": "How high?", "kind": "number", "minimum": 0, "maximum": 30},
        {"code": "column", "label": "What is on the column?", "kind": "text"},
        {"code": "lit", "label": "Is it lit?", "kind": "bool"},
    ],
    "risk": {
        "impact": 1,
        "likelihood": 1,
        "moves": [{"question": "lamps", "at_least": 5, "impact": 1}],
    },
    "radius_m": 10,
}


@pytest.fixture
async def county(county: County) -> County:
    """The county, with a category that asks for a number, a text and a yes or no."""
    await county.conn.execute(
        "insert into category (code, position, definition) values ('lamp', 9, %s)",
        (json.dumps(LAMP),),
    )
    await county.touch()
    return county


def at(lat: object, lng: object, **more: object) -> dict[str, Any]:
    return {**pothole(), "location": {"lat": lat, "lng": lng, **more}}


def lamp(**answers: object) -> dict[str, Any]:
    return {"category": "lamp", "location": inside("W1"), "answers": answers}


def raw(location: str) -> bytes:
    """A report whose location is written by hand."""
    body = dumps({"category": "pothole", "answers": POTHOLE}).decode()
    return f'{body[:-1]},"location":{location}}}'.encode()


async def test_numbers_that_are_no_coordinates(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    with all_refused(client, owner) as door:
        for token in ("NaN", "Infinity", "-Infinity", "nan", "+1", "01", ".5", "5.", "0x10", "1e"):
            await door.refused(
                token, door.report(raw(f'{{"lat":{token},"lng":-0.99}}')), 400, "body-unreadable"
            )
        for token in ("1e999", "-1e999", '"52.01"', '"NaN"', '""', "true", "false", "null", "[]"):
            await door.refused(
                token, door.report(raw(f'{{"lat":{token},"lng":-0.99}}')), 422, "invalid"
            )
            await door.refused(
                f"lng {token}", door.report(raw(f'{{"lat":52.01,"lng":{token}}}')), 422, "invalid"
            )
        for digits in (10_000, 400):
            for number in ("9" * digits, "-" + "9" * digits, "0." + "9" * digits + "e999"):
                request = door.report(raw(f'{{"lat":{number},"lng":-0.99}}'))
                # Python reads no integer of more than 4,300 digits.
                integer = digits > 4300 and "." not in number
                await door.refused(f"{digits} digits", request, 400 if integer else 422)
        for location in ("null", "[]", "[52.01,-0.99]", '"52.01,-0.99"', "{}", '{"lat":52.01}'):
            await door.refused(location, door.report(raw(location)), 422, "invalid")
        for accuracy in ("-1", "1e9", "true", '"5"', "1e999"):
            await door.refused(
                f"accuracy {accuracy}",
                door.report(raw(f'{{"lat":52.01,"lng":-0.99,"accuracy_m":{accuracy}}}')),
                422,
            )


async def test_places_that_are_somewhere_else(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    with all_refused(client, owner) as door:
        for name, place, code in (
            ("null island", (0, 0), "null-island"),
            ("minus zero", (-0.0, -0.0), "null-island"),
            ("swapped", (-0.99, 52.01), "looks-swapped"),
            ("easting, northing", (469_000.0, 233_000.0), "looks-like-osgb"),
            ("northing, easting", (233_000.0, 469_000.0), "looks-like-osgb"),
            ("beyond the pole", (90.0001, -0.99), "not-a-place"),
            ("beyond the date line", (52.01, 180.0001), "not-a-place"),
            ("once round", (52.01, 359.01), "not-a-place"),
            ("north pole", (90, 0.0), "outside-coverage"),
            ("south pole", (-90, 0.0), "outside-coverage"),
            ("date line", (52.01, 180), "outside-coverage"),
            ("date line, west", (52.01, -180), "outside-coverage"),
            ("Paris", (48.8566, 2.3522), "outside-coverage"),
        ):
            found = await door.refused(name, door.report(at(*place)), 422, code)
            assert "nearest" not in found, name
        # 0.02 degrees of latitude north of west: 2.2 km; 0.06: 6.7 km.
        near = await door.refused(
            "2 km off", door.report(at(SOUTH + 0.04, -0.99)), 422, "outside-coverage"
        )
        assert near["nearest"]["slug"] == "west"
        assert near["nearest"]["distance_m"] == pytest.approx(2225, abs=10)
        far = await door.refused(
            "7 km off", door.report(at(SOUTH + 0.08, -0.99)), 422, "outside-coverage"
        )
        assert "nearest" not in far
    # -0.0 alone is a good coordinate.
    assert (await client.get("/v1/where?lat=52.01&lng=-0.0")).json()["code"] == "outside-coverage"


async def test_answers_that_do_not_fit(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    with all_refused(client, owner) as door:
        for name, answers in (
            ("none", {}),
            ("one missing", {"where": "carriageway"}),
            ("not asked", {**POTHOLE, MARK: "yes"}),
            ("of another category", {**POTHOLE, "size": "car_boot"}),
            ("unknown choice", {**POTHOLE, "width": MARK}),
            ("label for code", {**POTHOLE, "width": "Up to a car wheel (30 to 60 cm)"}),
            ("number for choice", {**POTHOLE, "width": 7}),
            ("true for choice", {**POTHOLE, "width": True}),
            ("empty choice", {**POTHOLE, "width": ""}),
        ):
            body = {**pothole(), "answers": answers}
            await door.refused(name, door.report(body), 422, "answers-refused")
        for name, value in (("null", None), ("list", ["a"]), ("object", {"a": 1})):
            body = {**pothole(), "answers": {**POTHOLE, "width": value}}
            await door.refused(name, door.report(body), 422, "invalid")
        for name, answers in (
            ("text for number", {"lamps": MARK}),
            ("true for number", {"lamps": True}),
            ("below", {"metres": -1}),
            ("above", {"metres": 30.001}),
            ("number for bool", {"lit": 1}),
            ("text for bool", {"lit": "true"}),
            ("number for text", {"column": 12}),
            ("blank text", {"column": "  "}),
        ):
            await door.refused(name, door.report(lamp(**answers)), 422, "answers-refused")
        # A number of so many digits is more than any float, and than PostgreSQL's jsonb shows.
        for number in (
            *(str(2**53), str(2**63), str(2**64), str(10**30), "1e300", "1e400", "-1e400"),
            *("9" * digits for digits in (400, 4200, 10_000)),
        ):
            body = dumps(lamp(lamps=1)).replace(b'"lamps":1', b'"lamps":' + number.encode())
            status = 400 if len(number) > 4300 else 422
            await door.refused(f"lamps of {len(number)}", door.report(body), status)
        for category in ("", MARK, "POTHOLE", "pothole ", "pothole'--", "x" * 51, "\u202epothole"):
            await door.refused(
                f"category {category!r}", door.report({**pothole(), "category": category}), 422
            )
        await door.refused(
            "retired", door.report({**pothole(), "category": "nope"}), 422, "unknown-category"
        )


async def test_numbers_that_are_large_but_numbers_are_kept_exactly(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    for number in (0, -1, 2**53 - 1, -2.5e-300, 0.1, 1e15):
        made = await send(client, lamp(lamps=number))
        assert made.status_code == 201, made.text
        token = {"Authorization": f"Bearer {made.json()['tracking_token']}"}
        own = await client.get(f"/v1/reports/{made.json()['id']}", headers=token)
        assert own.json()["answers"] == {"lamps": number}


async def test_fields_and_names(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    good = pothole(contact={"email": "ann@example.org"})
    with all_refused(client, owner) as door:
        for name, body in (
            ("top", {**good, MARK: 1}),
            ("id is not for clients", {**good, "id": str(uuid4())}),
            ("location", {**good, "location": {**good["location"], MARK: 1}}),
            ("location alt", {**good, "location": {**good["location"], "alt": 12}}),
            ("contact", {**good, "contact": {MARK: "x"}}),
            ("case", {**good, "Description": "x"}),
            ("proto", {**good, "__proto__": {}}),
        ):
            await door.refused(name, door.report(body), 422, "invalid")
        text = dumps(good).decode()
        for name, body in (
            ("category twice", text[:-1] + ',"category":"pothole"}'),
            ("same value twice", text.replace('"lat"', '"lat":52.01,"lat"')),
            ("in answers", text.replace('"where"', '"where":"edge","where"')),
            ("in contact", text.replace('"email"', '"email":"b@example.org","email"')),
            ("escaped", text[:-1] + ',"\\u0063ategory":"pothole"}'),
            ("deep", text[:-1] + ',"x":[[{"a":1,"a":1}]]}'),
        ):
            await door.refused(name, door.report(body.encode()), 400, "body-unreadable")
        for name, body in (
            ("neither place", {"category": "pothole", "answers": POTHOLE}),
            ("both places", {**good, "place_text": "By the church", "authority": "west"}),
            ("words alone", {**_words(), "authority": None}),
            ("no authority", {k: v for k, v in _words().items() if k != "authority"}),
            ("authority alone", {**good, "authority": "west"}),
            ("words too short", {**_words(), "place_text": "ab"}),
            ("words too long", {**_words(), "place_text": "a" * 301}),
            ("description too long", {**good, "description": "a" * 4001}),
            ("category null", {**good, "category": None}),
            ("answers null", {**good, "answers": None}),
            ("answers a list", {**good, "answers": []}),
            ("photos null", {**good, "photos": None}),
            ("contact a text", {**good, "contact": "ann@example.org"}),
            ("description a number", {**good, "description": 5}),
        ):
            await door.refused(name, door.report(body), 422, "invalid")
        await door.refused(
            "foreign authority",
            door.report({**_words(), "authority": MARK}),
            422,
            "unknown-authority",
        )


def _words(**more: Any) -> dict[str, Any]:
    return {
        "category": "pothole",
        "answers": POTHOLE,
        "place_text": "Outside 12 High Street",
        "authority": "west",
        **more,
    }


async def test_bodies_that_cannot_be_read(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    text = dumps(pothole(description="Tŷ")).decode()
    with all_refused(client, owner) as door:
        for name, body in (
            ("empty", b""),
            ("blank", b"  \n"),
            ("UTF-16", text.encode("utf-16")),
            ("UTF-16 without a mark", text.encode("utf-16-le")),
            ("UTF-32", text.encode("utf-32")),
            ("BOM", text.encode("utf-8-sig")),
            ("Latin-1", text.encode("latin-1", "replace").replace(b"?", b"\xe9")),
            ("overlong", text.encode().replace(b"T", b"\xc0\xaf")),
            ("surrogate in UTF-8", text.encode().replace(b"T", b"\xed\xa0\x80")),
            ("comment", text.encode() + b"// fine"),
            ("comment inside", text.encode().replace(b"{", b"{/* x */", 1)),
            ("trailing comma", text[:-1].encode() + b",}"),
            ("single quotes", text.replace('"', "'").encode()),
            ("two values", text.encode() * 2),
            ("cut", text.encode()[:-20]),
            ("NUL byte", text.encode().replace(b"T", b"\x00")),
            ("raw newline in text", text.encode().replace(b"T", b"\n")),
            ("100,000 lists", b"[" * 100_000 + b"]" * 100_000),
            ("100,000 objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
            (
                "100,000 in a field",
                text[:-1].encode() + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            ),
            ("unclosed lists", b"[" * 100_000),
            ("XML", b"<report/>"),
            ("form", b"category=pothole"),
        ):
            await door.refused(name, door.report(body), 400, "body-unreadable")
        for name, body in (
            ("list", b"[]"),
            ("list of it", f"[{text}]".encode()),
            ("text", b'"pothole"'),
            ("text of it", json.dumps(text).encode()),
            ("number", b"5"),
            ("null", b"null"),
            ("true", b"true"),
            ("empty object", b"{}"),
            (
                "1,000 deep in a field",
                text[:-1].encode() + b',"x":' + b"[" * 900 + b"]" * 900 + b"}",
            ),
            ("100,000 names", dumps({f"k{n}": 1 for n in range(60_000)})),
            (
                "100,000 answers",
                dumps({**pothole(), "answers": {f"k{n}": 1 for n in range(60_000)}}),
            ),
        ):
            found = await door.refused(name, door.report(body), 422, "invalid")
            assert len(dumps(found)) < 10_000, f"{name}: an answer of {len(dumps(found))} bytes"


async def test_media_types(client: httpx.AsyncClient, county: County, owner: Connection) -> None:
    body = dumps(pothole())
    with all_refused(client, owner) as door:
        for kind in (
            "",
            "text/plain",
            "text/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/octet-stream",
            "application/jsonp",
            "json",
        ):
            request = door.report(body, Content_Type=kind)
            await door.refused(kind or "none", request, 415, "media-type-refused")
        request = door.report(body)
        del request.headers["content-type"]
        await door.refused("no header", request, 415, "media-type-refused")
    for kind in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/json;q=1"):
        made = await send(client, pothole(), **{"Content-Type": kind})
        assert made.status_code == 201, kind


async def test_unreadable_characters_in_every_text(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    broken = {
        "NUL": "\\u0000",
        "bell": "\\u0007",
        "escape": "\\u001b[31m",
        "delete": "\\u007f",
        "high surrogate": "\\ud800",
        "low surrogate": "\\udc00",
        "wrong pair": "\\udc00\\ud800",
    }
    places = {
        "description": {**pothole(), "description": "@"},
        "category": {**pothole(), "category": "@"},
        "place_text": _words(place_text="@@@"),
        "authority": _words(authority="@"),
        "answer": lamp(column="@"),
        "choice": {**pothole(), "answers": {**POTHOLE, "width": "@"}},
        "question": {**pothole(), "answers": {**POTHOLE, "@": "x"}},
        "name": pothole(contact={"name": "@"}),
        "email": pothole(contact={"email": "a@example.org".replace("a@", "@@")}),
        "phone": pothole(contact={"phone": "@"}),
        "language": pothole(contact={"language": "@"}),
        "updates": pothole(contact={"updates": ["@"]}),
        "same_as": {**pothole(), "same_as": "@"},
        "observed_at": {**pothole(), "observed_at": "@"},
        "photos": {**pothole(), "photos": ["@"]},
        "field": {**pothole(), "@": 1},
    }
    with all_refused(client, owner) as door:
        for where, body in places.items():
            for name, text in broken.items():
                content = dumps(body).replace(b"@", text.encode())
                await door.refused(f"{name} in {where}", door.report(content), 422)


#: Odd, and right: each must come back as it was sent.
WRITTEN = {
    "Welsh": "Twll mawr ger y Tŷ Gŵyl, Llanfairpwllgwyngyll – 10 cm o ddŵr",
    "Urdu": "سڑک پر گڑھا ہے",
    "Bengali": "রাস্তায় গর্ত",
    "Polish": "Dziura w jezdni, zażółć gęślą jaźń",
    "emoji": "🕳️🚲 👩🏽‍🔧 🏴󠁧󠁢󠁷󠁬󠁳󠁿",
    "NFD": "Ty\u0302 Gw\u0302yl",
    "300 combining marks": "a" + "\u0301" * 300,
    "bidi": "\u202egnp.elohtop\u202c",
    "joiners": "a\u200d\u200b\ufeffb",
    "last of Unicode": "\U0010ffff\uffff\ufdd0",
    "C1": "next\u0085line",
    "lines": "one\r\ntwo\tthree\n",
    "quotes": 'O\'Brien "the" \\ `x` $(id) %s {0} {{7*7}} ${jndi:ldap://x}',
    "SQL": "'; DROP TABLE report; --",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;",
    "log": "x level=error msg=owned",
    "formula": '=HYPERLINK("http://x")',
}


async def test_all_other_text_comes_back_as_it_was_sent(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    for name, text in WRITTEN.items():
        body = {
            **lamp(column=text[:500]),
            "description": text,
            "contact": {"name": text[:200], "phone": text[:40]},
        }
        made = await send(client, body)
        assert made.status_code == 201, (name, made.text)
        token = {"Authorization": f"Bearer {made.json()['tracking_token']}"}
        answer = await client.get(f"/v1/reports/{made.json()['id']}", headers=token)
        own = answer.json()
        assert own["description"] == text, name
        assert own["answers"] == {"column": text[:500]}, name
        assert own["contact"]["name"] == text[:200], name
        assert own["contact"]["phone"] == text[:40], name
        assert answer.headers["content-type"] == "application/json", name
        assert answer.headers["x-content-type-options"] == "nosniff", name
    at_the_limit = await send(client, pothole(description="ł" * 4000, contact={"name": "n" * 200}))
    assert at_the_limit.status_code == 201
    row = await (await owner.execute("select count(*) from report")).fetchone()
    assert row[0] == len(WRITTEN) + 1


async def test_contact_details(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    with all_refused(client, owner) as door:
        for email in (
            MARK,
            f"{MARK}@",
            f"@{MARK}.org",
            f"{MARK}@example",
            f"{MARK} @example.org",
            f"{MARK}@example.org, b@example.org",
            f"{MARK}@example.org\nBcc: all@example.org",
            f"{MARK}@exa_mple.org",
            f"{MARK}@[127.0.0.1]",
            f"{MARK}..x@example.org",
            f"Ann <{MARK}@example.org>",
            f"{MARK}@{'a' * 64}.org",
            f"{'a' * 300}@example.org",
            5,
            [],
        ):
            await door.refused(
                f"e-mail {email}", door.report(pothole(contact={"email": email})), 422, "invalid"
            )
        for contact in (
            {"name": "a" * 201},
            {"phone": "0" * 41},
            {"language": "English"},
            {"language": "e"},
            {"updates": ["sms"]},
            {"updates": "email"},
            {"updates": ["email", "email"]},
            {"updates": ["email"]},  # where to?
        ):
            await door.refused(str(contact), door.report(pothole(contact=contact)), 422, "invalid")


async def test_times(client: httpx.AsyncClient, county: County, owner: Connection) -> None:
    now = datetime.now(UTC)
    with all_refused(client, owner) as door:
        for text, code in (
            ("2026-11-01T10:00:00", "invalid"),
            ("2026-11-01", "invalid"),
            ("2026-11-01T10:00:00+25:00", "invalid"),
            ("2026-06-30T23:59:60Z", "invalid"),
            ("2026-02-30T10:00:00Z", "invalid"),
            ("2026-11-01T24:00:00Z", "invalid"),
            ("10000-01-01T00:00:00Z", "invalid"),
            ("now", "invalid"),
            ("", "invalid"),
            (MARK, "invalid"),
            (1_795_000_000, "invalid"),
            (1_795_000_000.5, "invalid"),
            ("1795000000", "invalid"),
            (True, "invalid"),
            ("2099-01-01T00:00:00Z", "observed-at-refused"),
            ("9999-12-31T23:59:59.999999Z", "observed-at-refused"),
            ("9999-12-31T23:59:59-14:00", "observed-at-refused"),
            ("0001-01-01T00:00:00+14:00", "observed-at-refused"),
            ("1970-01-01T00:00:00Z", "observed-at-refused"),
            ((now - timedelta(days=41)).isoformat(), "observed-at-refused"),
            ((now + timedelta(minutes=6)).isoformat(), "observed-at-refused"),
        ):
            body = {**pothole(), "observed_at": text}
            await door.refused(f"{text}", door.report(body), 422, code)
    for seen in (
        now - timedelta(days=39, hours=23),
        now + timedelta(minutes=4),
        now.astimezone(tz=None),
    ):
        made = await send(client, {**pothole(), "observed_at": seen.isoformat()})
        assert made.status_code == 201, made.text
    zoned = await send(client, {**pothole(), "observed_at": f"{now:%Y-%m-%dT%H:%M:%S}.5+00:00"})
    assert zoned.status_code == 201, zoned.text


async def test_bodies_too_large_are_not_read_to_their_end(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    taken = 0

    async def stream(chunks: int) -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'{"description":"'
        for _ in range(chunks):
            taken += 65_536
            yield b"a" * 65_536

    with all_refused(client, owner) as door:
        request = door.report(dumps({**pothole(), "description": "a" * 20_000_000}))
        await door.refused("20 MB", request, 413, "body-too-large")
        request = door.report(dumps({**pothole(), "description": "a" * 1_000_000}))
        await door.refused("just too large", request, 413, "body-too-large")
        chunked = client.build_request(
            "POST",
            "/v1/reports",
            content=stream(320),
            headers={"Content-Type": "application/json", "Idempotency-Key": str(uuid4())},
        )
        await door.refused("20 MB in chunks", chunked, 413, "body-too-large")
        assert taken <= 1_200_000
        taken = 0
        for word in ("20000000", "9" * 30, "-5", "5, 5", "x"):
            lying = client.build_request(
                "POST",
                "/v1/reports",
                content=stream(1),
                headers={
                    "Content-Type": "application/json",
                    "Content-Length": word,
                    "Idempotency-Key": str(uuid4()),
                },
            )
            await door.refused(f"Content-Length: {word}", lying, 413, "body-too-large")
        assert taken == 0
        # A small word, a large body: a server in front would cut it; we count too.
        lying = door.report(dumps({**pothole(), "description": "a" * 2_000_000}))
        lying.headers["Content-Length"] = "10"
        await door.refused("Content-Length: 10", lying, 413, "body-too-large")


async def test_methods_and_paths(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    with all_refused(client, owner) as door:
        for method, path in (
            ("PUT", "/v1/reports"),
            ("DELETE", "/v1/reports"),
            ("PATCH", "/v1/reports"),
            ("POST", "/v1/where"),
            ("POST", "/v1/categories"),
            ("DELETE", f"/v1/reports/{uuid4()}"),
            ("TRACE", "/v1/where"),
        ):
            request = client.build_request(method, path)
            await door.refused(f"{method} {path}", request, 405, "method-not-allowed")
        for path in (
            f"/{MARK}",
            f"/v1/{MARK}",
            "/v2/reports",
            "/v1/reports/",
            "/v1//reports",
            "/v1/reports/../../etc/passwd",
            "/v1/reports/%2e%2e%2fetc",
            "/v1/reports/%00",
            f"/v1/reports/{'x' * 5000}",
            f"/v1/reports/{MARK}",
            "/v1/reports/KB-",
            "/.env",
            "/admin",
        ):
            await door.refused(path[:60], client.build_request("GET", path), 404, "not-found")


async def test_idempotency_keys(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    with all_refused(client, owner) as door:
        for key in ("", " ", "1", "null", MARK, "x" * 10_000, "0" * 33, f"{uuid4()}x", "{}"):
            request = door.report(pothole())
            request.headers["Idempotency-Key"] = key
            await door.refused(f"key {key[:40]!r}", request, 400, "idempotency-key-missing")
        request = door.report(pothole())
        del request.headers["Idempotency-Key"]
        await door.refused("no key", request, 400, "idempotency-key-missing")
        key = str(uuid4())
        made = await send(client, pothole(), key)
        assert made.status_code == 201
        for name, body in (
            ("other place", pothole("E1")),
            ("one space more", dumps(pothole()) + b" "),
        ):
            request = door.report(body, key)
            await door.refused(name, request, 422, "idempotency-key-reused")
        # The same UUID written otherwise is the same key.
        again = await send(client, pothole(), key.upper())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.json() == made.json()
    # A refused request leaves its key free for the corrected one.
    key = str(uuid4())
    refused = await send(client, {**pothole(), "answers": {}}, key)
    assert refused.status_code == 422
    assert (await send(client, pothole(), key)).status_code == 201


async def test_bearers(client: httpx.AsyncClient, county: County, owner: Connection) -> None:
    made = (await send(client, pothole())).json()
    good = made["tracking_token"]
    with all_refused(client, owner) as door:
        for name, bearer in (
            ("empty", ""),
            ("scheme only", "Bearer"),
            ("blank", "Bearer   "),
            ("basic", "Basic YTpi"),
            ("no prefix", f"Bearer {MARK}"),
            ("device unknown", f"Bearer kbd_{'A' * 43}"),
            ("tracking unknown", f"Bearer kbt_{'A' * 43}"),
            ("staff unknown", f"Bearer kbs_{'A' * 43}"),
            ("prefix only", "Bearer kbt_"),
            ("one letter off", f"Bearer {good[:-1]}{'A' if good[-1] != 'A' else 'B'}"),
            ("one more", f"Bearer {good}A"),
            ("other kind", f"Bearer kbs_{good[4:]}"),
            ("two", f"Bearer {good} {good}"),
            ("list", f"Bearer {good}, Bearer {good}"),
            ("JWT alg none", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."),
            ("long", "Bearer kbt_" + "A" * 7000),
            ("SQL", "Bearer kbt_' or '1'='1"),
        ):
            # Where one is needed and where none is.
            for request in (
                door.report(pothole(), Authorization=bearer),
                client.build_request(
                    "GET", f"/v1/reports/{made['id']}", headers={"Authorization": bearer}
                ),
                client.build_request(
                    "GET", "/v1/where", params=inside("W1"), headers={"Authorization": bearer}
                ),
                client.build_request("GET", "/v1/categories", headers={"Authorization": bearer}),
                client.build_request(
                    "GET",
                    "/v1/reports/nearby",
                    params={**inside("W1"), "category": "pothole"},
                    headers={"Authorization": bearer},
                ),
            ):
                await door.refused(f"{name} at {request.url.path}", request, 401, "not-signed-in")


async def test_a_key_is_bound_to_its_device(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    """The same key from another device is another request; what it finds is never foreign."""
    tokens = []
    for number in range(2):
        token = f"kbd_{'AB'[number] * 43}"
        await owner.execute(
            "insert into device (id, token_hash) values (%s, %s)", (uuid4(), token_hash(token))
        )
        tokens.append({"Authorization": f"Bearer {token}"})
    key = str(uuid4())
    one = await send(client, pothole(), key, **tokens[0])
    two = await send(client, pothole(), key, **tokens[1])
    none = await send(client, pothole(), key)
    assert [answer.status_code for answer in (one, two, none)] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in (one, two, none)}) == 3
    assert len({answer.json()["tracking_token"] for answer in (one, two, none)}) == 3
    again = await send(client, pothole(), key, **tokens[0])
    assert again.json() == one.json()


async def test_queries(client: httpx.AsyncClient, county: County, owner: Connection) -> None:
    here = inside("W1")
    with all_refused(client, owner) as door:
        for path, more in (
            ("/v1/where", {}),
            ("/v1/categories", {}),
            ("/v1/reports/nearby", {"category": "pothole"}),
        ):
            for name, place in (
                ("NaN", {"lat": "NaN", "lng": "NaN"}),
                ("inf", {"lat": "inf", "lng": "-0.99"}),
                ("1e999", {"lat": "1e999", "lng": "-0.99"}),
                ("text", {"lat": MARK, "lng": "-0.99"}),
                ("empty", {"lat": "", "lng": ""}),
                ("comma", {"lat": "52,01", "lng": "-0,99"}),
                ("digits", {"lat": "9" * 10_000, "lng": "-0.99"}),
                ("Arabic digits", {"lat": "٥٢", "lng": "-0.99"}),
                ("no lng", {"lat": "52.01"}),
                ("no lat", {"lng": "-0.99"}),
                ("out of range", {"lat": 91, "lng": 0}),
                ("null island", {"lat": 0, "lng": 0}),
                ("grid", {"lat": 469000, "lng": 233000}),
            ):
                await door.refused(f"{path} {name}", door.get(path, **{**place, **more}), 422)
            request = client.build_request("GET", f"{path}?lat=52.01&lat=52.02&lng=-0.99")
            await door.refused(f"{path} twice", request, 422, "invalid")
            request = door.get(path, **here, **more, nope=1)
            await door.refused(f"{path} unknown parameter", request, 422, "invalid")
        for more in (
            {"category": MARK},
            {"category": ""},
            {"category": "x" * 51},
            {"category": "pothole", "radius_m": 0},
            {"category": "pothole", "radius_m": -5},
            {"category": "pothole", "radius_m": 1001},
            {"category": "pothole", "radius_m": "1e999"},
            {"category": "pothole", "radius_m": "NaN"},
            {},
        ):
            await door.refused(
                f"nearby {more}", door.get("/v1/reports/nearby", **here, **more), 422
            )
        await door.refused("where", door.get("/v1/where", **here, category="nope"), 422)
        await door.refused("where", door.get("/v1/where", **here, accuracy_m=-1), 422)


async def test_same_as(client: httpx.AsyncClient, county: County, owner: Connection) -> None:
    made = (await send(client, pothole())).json()
    reference = made["job"]["reference"]
    with all_refused(client, owner) as door:
        for name in (
            "",
            MARK,
            "KB-222222",
            made["reference"],  # the report's, not the job's
            reference.lower(),
            reference + " ",
            made["job"]["id"],
            "KB-0O1IL0",
            5,
            [reference],
        ):
            body = {**pothole("W1"), "same_as": name}
            await door.refused(f"same_as {name}", door.report(body), 422)
        body = {**pothole("E1"), "same_as": reference}
        await door.refused("too far", door.report(body), 422, "same-as-refused")
        # It waives what must be answered, not what is asked.
        body = {**pothole(), "same_as": reference, "answers": {"nope": 1}}
        await door.refused("unasked", door.report(body), 422, "answers-refused")
    before = await state(owner)
    joined = await send(client, {**pothole(), "same_as": reference, "answers": {}})
    assert joined.json()["job"]["id"] == made["job"]["id"]
    assert (await state(owner))["report"] != before["report"]


async def test_fifty_different_bodies_with_one_key_store_one(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    key = str(uuid4())
    answers = await asyncio.gather(
        *(send(client, pothole(dx=n / 100 + 0.1), key) for n in range(50))
    )
    kinds = {(answer.status_code, answer.json().get("code")) for answer in answers}
    assert kinds <= {
        (201, None),
        (409, "still-running"),
        (422, "idempotency-key-reused"),
        (503, "unavailable"),
    }
    assert sum(answer.status_code == 201 for answer in answers) == 1
    row = await (await owner.execute("select count(*) from report")).fetchone()
    assert row[0] == 1


async def test_photos_of_a_report(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    async def upload(**headers: str) -> str:
        photo = str(uuid4())
        put = await client.put(f"/v1/photos/{photo}", content=encoded(picture()), headers=headers)
        assert put.status_code == 201, put.text
        return photo

    people = People(county)
    ours, theirs = await people.device(), await people.device()
    taken, loose, foreign = await upload(), await upload(), await upload(**theirs)
    made = await send(client, pothole(photos=[taken]))
    assert made.json()["photos"] == [taken]
    with all_refused(client, owner) as door:
        for name, photos, code in (
            ("unknown", [str(uuid4())], "photo-unknown"),
            ("of another report", [taken], "photo-unknown"),
            ("of another device", [foreign], "photo-unknown"),
            ("one unknown of two", [loose, str(uuid4())], "photo-unknown"),
            ("twice", [loose, loose], "invalid"),
            ("twice, in capitals", [loose, loose.upper()], "invalid"),
            ("four", [str(uuid4()) for _ in range(4)], "invalid"),
            ("no id", [MARK], "invalid"),
            ("a path", ["../../etc/passwd"], "invalid"),
            ("a number", [5], "invalid"),
            ("an object", [{"id": loose}], "invalid"),
            ("a text", loose, "invalid"),
        ):
            await door.refused(name, door.report(pothole("E1", photos=photos)), 422, code)
            body = {**_words(), "photos": photos}
            await door.refused(f"{name}, in words", door.report(body), 422, code)
        request = door.report(pothole("E1", photos=[foreign]), Authorization=ours["Authorization"])
        await door.refused("of another device, from a device", request, 422, "photo-unknown")
    both = await send(client, pothole("E1", photos=[loose, foreign]), **theirs)
    assert both.status_code == 201, both.text
