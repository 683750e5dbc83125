"""The staff's pages over HTTP, as a browser without JavaScript uses them."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from reporting.runtime import Connection
from reporting.web.body import JSON_LIMIT
from reporting.web.pages.console_words import passages
from tests.reporting.test_pages import Elements
from tests.reporting.test_reports import pothole
from tests.support.county import County, inside
from tests.support.desk import PASSWORD, Desk, sign_in
from tests.support.people import report
from tests.support.pictures import noisy
from tests.support.prints import FACE, Prints

SIGN_IN = "/console/sign-in"
HELD = "Ring me on 07700 900123."


class WithPictures(Elements):
    """Pages with pictures in them."""

    VOID = Elements.VOID | {"img"}


@pytest.fixture
async def desk(app: FastAPI, county: County) -> Desk:
    found = Desk(app)
    await found.account()
    return found


@pytest.fixture
def prints(desk: Desk, owner: Connection) -> Prints:
    return Prints(desk.runtime, owner)


async def follow(client: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, answer.text
    return await client.get(answer.headers["location"])


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the form that decides about a photo."""
    form = page[page.index('id="decide"') :]
    return dict(re.findall(r'type="hidden" name="(\w+)"[^>]* value="([^"]*)"', form))


async def decide(
    client: httpx.AsyncClient, photo: UUID | str, action: str, **more: str
) -> httpx.Response:
    address = f"/console/photos/{photo}"
    page = await client.get(address)
    sent = {**fields(page.text), "action": action, **more}
    return await client.post(address, data=sent)


async def review_of(owner: Connection, photo: UUID) -> str:
    [(found,)] = await (
        await owner.execute("select review from photo where id = %s", (photo,))
    ).fetchall()
    return str(found)


# Signing in


async def test_whoever_is_not_signed_in_signs_in_and_goes_on(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    for address in ("/console", "/console/photos", "/console/words", "/console/report?x=1"):
        client.cookies.clear()
        sent = await client.get(address)
        assert sent.status_code == 303
        where = urlsplit(sent.headers["location"])
        [wanted] = parse_qs(where.query)["next"]
        assert (where.path, wanted) == (SIGN_IN, address)
        form = await client.get(sent.headers["location"])
        assert f'value="{address}"' in form.text
        done = await sign_in(client, on=wanted)
        assert (done.status_code, done.headers["location"]) == (303, address)
        assert "Jo Marsh" in (await client.get(address)).text or address == "/console/photos"


async def test_the_cookie_is_for_no_script_and_no_other_site(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    done = await sign_in(client)
    cookie = done.headers["set-cookie"].lower()
    assert re.match(r"staff=kbs_[\w-]{43};", done.headers["set-cookie"])
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "max-age=43200" in cookie
    assert "kbs_" not in done.text
    assert "kbs_" not in (await client.get("/console")).text


async def test_a_wrong_password_and_an_unknown_account_are_told_alike(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    known = await sign_in(client, password="wrong")
    unknown = await sign_in(client, email="nobody@shire.example")
    odd = await sign_in(client, email="a\x00b@shire.example")
    blank = await sign_in(client, password=PASSWORD.strip())
    for answer in (known, unknown, odd, blank):
        assert answer.status_code == 401
        assert "The e-mail address or the password is wrong." in answer.text
        assert "set-cookie" not in answer.headers
        assert "password&#34;" not in answer.text
    assert known.text.replace("jo@", "nobody@") == unknown.text


async def test_too_many_tries_are_said(client: httpx.AsyncClient, desk: Desk) -> None:
    for _ in range(5):
        assert (await sign_in(client, password="wrong")).status_code == 401
    answer = await sign_in(client)
    assert answer.status_code == 429
    assert "Too many tries" in answer.text
    assert answer.headers["retry-after"] == "1800"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/console\r\nSet-Cookie: x=y",
        "/console/sign-in",
        "console",
        "/" + "a" * 2000,
    ],
)
async def test_signing_in_leads_to_our_own_pages_only(
    client: httpx.AsyncClient, desk: Desk, elsewhere: str
) -> None:
    done = await sign_in(client, on=elsewhere)
    assert (done.status_code, done.headers["location"]) == (303, "/console")


async def test_forms_of_other_sites_are_refused(client: httpx.AsyncClient, desk: Desk) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = await client.post(
            SIGN_IN, data={"email": "jo@shire.example", "password": PASSWORD}, headers=headers
        )
        assert answer.status_code == 403
    await sign_in(client)
    for address in (f"/console/photos/{uuid4()}", "/console/report", "/console/sign-out"):
        for headers in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}):
            assert (await client.post(address, headers=headers)).status_code == 403
    assert (await client.get("/console")).status_code == 200


async def test_signing_out_ends_it_everywhere(
    client: httpx.AsyncClient, desk: Desk, owner: Connection
) -> None:
    await sign_in(client)
    token = client.cookies["staff"]
    left = await client.post("/console/sign-out")
    assert left.headers["location"].startswith(SIGN_IN)
    assert "You are signed out." in (await client.get(left.headers["location"])).text
    assert "staff" not in client.cookies
    client.cookies.set("staff", token)
    assert (await client.get("/console")).status_code == 303
    rows = await (await owner.execute("select count(*) from staff_token")).fetchall()
    assert rows == [(0,)]


async def test_signing_in_again_leaves_no_session_behind(
    client: httpx.AsyncClient, desk: Desk, owner: Connection
) -> None:
    await sign_in(client)
    before = client.cookies["staff"]
    assert (await client.get(f"{SIGN_IN}?next=/console/words")).headers["location"] == (
        "/console/words"
    )
    await sign_in(client)
    assert client.cookies["staff"] != before
    rows = await (await owner.execute("select count(*) from staff_token")).fetchall()
    assert rows == [(1,)]


async def test_rights_that_were_taken_away_are_gone_at_once(
    client: httpx.AsyncClient, desk: Desk, owner: Connection
) -> None:
    await sign_in(client)
    await owner.execute("update staff set disabled_at = now()")
    assert (await client.get("/console")).status_code == 303


async def test_a_session_that_ended_loses_no_place(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints
) -> None:
    photo = await prints.of((await report(client, pothole("W1")))["id"])
    page = f"/console/photos/{photo}?done={photo}"
    for referer, back in (
        (f"http://testserver{page}", page),
        ("", "/console"),
        ("https://evil.example/console/words", "/console/words"),  # a path, and no more, is taken
    ):
        sent = await client.post(
            f"/console/photos/{photo}", data={"action": "hide"}, headers={"Referer": referer}
        )
        [wanted] = parse_qs(urlsplit(sent.headers["location"]).query)["next"]
        done = await sign_in(client, on=wanted)
        assert done.headers["location"] == back
        client.cookies.clear()


# Photos


async def test_photos_are_gone_through_one_by_one(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints, owner: Connection
) -> None:
    made = await report(client, pothole("W1"))
    first = await prints.of(made["id"], age_s=20)
    second = await prints.of(made["id"], age_s=10)
    await sign_in(client)
    start = (await client.get("/console")).text
    assert re.search(r'class="number">2<', start)
    shown = await follow(client, await client.get("/console/photos"))
    assert shown.url.path == f"/console/photos/{first}"
    for words in (made["reference"], "2 to check", "1 face", "Not public", "As it is"):
        assert words in shown.text
    assert re.search(rf'<rect class="box face" x="{FACE["x"] * 1200}', shown.text)

    done = await decide(client, first, "approve")
    assert await review_of(owner, first) == "human_ok"
    shown = await follow(client, done)
    assert shown.url.path == f"/console/photos/{second}"
    assert f"Approved: the photo of {made['reference']}." in shown.text
    last = await follow(client, await decide(client, second, "hide"))
    assert await review_of(owner, second) == "hidden"
    assert "No photo waits" in last.text
    assert f"Hidden: the photo of {made['reference']}." in last.text


async def test_a_decision_is_taken_back_from_the_page_after_it(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints, owner: Connection
) -> None:
    made = await report(client, pothole("W1"))
    photo = await prints.of(made["id"], age_s=20)
    await prints.of(made["id"])
    await sign_in(client)
    shown = await follow(client, await decide(client, photo, "hide"))
    [was] = re.findall(r'name="was" value="([^"]*)"', shown.text)
    undo = await client.post(f"/console/photos/{photo}", data={"action": "undo", "was": was})
    shown = await follow(client, undo)
    assert shown.url.path == f"/console/photos/{photo}"
    assert "Undone." in shown.text
    assert await review_of(owner, photo) == "needs_check"


async def test_boxes_are_sent_and_taken_back_too(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints, owner: Connection
) -> None:
    photo = await prints.of((await report(client, pothole("W1")))["id"])
    await sign_in(client)
    drawn = '[{"kind": "plate", "x": 0.5, "y": 0.5, "width": 0.5, "height": 0.2}]'
    done = await decide(client, photo, "approve", regions=drawn)
    cursor = await owner.execute("select review, state, regions from photo")
    review, state, (region,) = await cursor.fetchone()
    assert (review, state, region["kind"], region["by"]) == ("human_ok", "stored", "plate", "staff")
    [was] = parse_qs(urlsplit(done.headers["location"]).query)["was"]
    await client.post(f"/console/photos/{photo}", data={"action": "undo", "was": was})
    cursor = await owner.execute("select review, regions from photo")
    review, (region,) = await cursor.fetchone()
    assert (review, region["kind"]) == ("needs_check", "face")
    assert region["x"] == pytest.approx(FACE["x"], abs=1e-4)
    for broken in ("[1]", "{", '[{"kind": "dog", "x": 0, "y": 0, "width": 1, "height": 1}]'):
        answer = await decide(client, photo, "approve", regions=broken)
        assert answer.status_code == 422
    for broken in ("needs-check_f1", "needs-check_z1.2.3.4", "needs-check_f9.9.9.999999"):
        answer = await client.post(
            f"/console/photos/{photo}", data={"action": "undo", "was": broken}
        )
        assert answer.status_code in {303, 422}
    assert (await decide(client, photo, "explode")).status_code == 422


async def test_what_a_colleague_decided_meanwhile_is_shown_and_not_overwritten(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints, owner: Connection
) -> None:
    await desk.account(name="Ann Cole", role="admin")
    photo = await prints.of((await report(client, pothole("W1")))["id"])
    await sign_in(client)
    mine = fields((await client.get(f"/console/photos/{photo}")).text)
    await sign_in(client, email="ann@shire.example")
    await decide(client, photo, "hide")
    await sign_in(client)
    late = await client.post(f"/console/photos/{photo}", data={**mine, "action": "approve"})
    shown = await follow(client, late)
    assert "Somebody decided about this photo" in shown.text
    assert "by Ann Cole" in shown.text
    assert await review_of(owner, photo) == "hidden"


async def test_next_goes_round_and_leaves_nothing_out(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints
) -> None:
    made = await report(client, pothole("W1"))
    photos = [await prints.of(made["id"], age_s=age, size=(64, 48)) for age in (30, 20, 10)]
    await sign_in(client)
    at = (await client.get("/console/photos")).headers["location"]
    seen = []
    for _ in range(4):
        seen.append(at.rsplit("/", 1)[-1])
        [at] = re.findall(r'id="next" href="([^"]+)"', (await client.get(at)).text)
    assert seen == [str(photo) for photo in [*photos, photos[0]]]


async def test_photos_of_others_are_not_there(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints
) -> None:
    photo = await prints.of((await report(client, pothole("W1")))["id"])
    await desk.account(name="Wyn Hall", authority="west", role="admin")
    await desk.account(name="Sam Reed", role="crew", teams=("highways",))
    await desk.account(name="Ada Finch", role="auditor")
    await sign_in(client, email="wyn@west.example")
    for address in (f"/console/photos/{photo}", f"/console/photos/{uuid4()}", "/console/photos/x"):
        assert (await client.get(address)).status_code == 404
    for name in ("sam", "ada"):
        await sign_in(client, email=f"{name}@shire.example")
        assert (await client.get(f"/console/photos/{photo}")).status_code == 403
        assert (await client.get("/console/words")).status_code == 403
        start = (await client.get("/console")).text
        assert "/console/photos" not in start


async def test_a_photo_without_its_original_can_still_be_hidden(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints, owner: Connection
) -> None:
    photo = await prints.of((await report(client, pothole("W1")))["id"])
    await owner.execute("update photo set original_gone_at = now()")
    await sign_in(client)
    shown = (await client.get(f"/console/photos/{photo}")).text
    assert "The original is gone" in shown
    assert 'id="clear"' not in shown
    await decide(client, photo, "hide")
    assert await review_of(owner, photo) == "hidden"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("state = 'unreadable'", "It arrived broken"),
        ("state = 'stored'", "It is being made ready"),
        ("state = 'stored', reviewed_at = now()", "The copies with these boxes are being made"),
        ("made = null", "Nobody could look for faces in it"),
        ("review = 'auto_ok'", "nothing was found to be doubtful"),
        ("review = 'human_ok'", "Everyone can see this."),
        ("review = 'hidden'", "Nobody sees it."),
        ("taken_place = null", "it says none"),
        ("taken_place = st_point(-0.9, 52.01, 4326)", "km from the place reported: hardly at"),
    ],
)
async def test_the_page_says_how_the_photo_stands(
    client: httpx.AsyncClient,
    desk: Desk,
    county: County,
    prints: Prints,
    owner: Connection,
    change: str,
    told: str,
) -> None:
    place = inside("W1")
    made = await report(client, pothole("W1"))
    photo = await prints.of(made["id"], taken=(place["lat"], place["lng"]))
    await sign_in(client)
    before = (await client.get(f"/console/photos/{photo}")).text
    assert told not in before
    assert "0 m from the place reported" in before
    await owner.execute(f"update photo set {change}")
    answer = await client.get(f"/console/photos/{photo}")
    assert answer.status_code == 200
    assert told in answer.text


# Words


async def test_words_are_released_and_kept_and_put_back(
    client: httpx.AsyncClient, desk: Desk, county: County
) -> None:
    made = await report(client, pothole("W1", description=HELD))
    await sign_in(client)
    page = (await client.get("/console/words")).text
    assert "<mark>07700 900123.</mark>" in page
    assert "telephone number" in page
    address = f"/console/words/{made['id']}"
    for action, told in (("release", "Released."), ("keep", "Kept back.")):
        shown = await follow(client, await client.post(address, data={"action": action}))
        assert told in shown.text
        assert "Nothing waits" in shown.text
        back = await follow(client, await client.post(address, data={"action": "undo"}))
        assert made["reference"] in back.text
    assert (await client.post(address, data={"action": "burn"})).status_code == 422


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Call me on 07700 900123 or mail ann@example.org.", ["07700 900123", "ann@example.org."]),
        ("A hole.\n\nBlue Ford AB12 CDE drove into it. Deep.", ["AB12 CDE"]),
        ("  nothing here  ", []),
        ("", []),
        (" \n", []),
        ("07700 900123", ["07700 900123"]),
        ("x " * 200 + "07700 900123.", ["x " * 200 + "07700 900123."]),
    ],
)
def test_what_was_held_is_marked_and_nothing_is_lost(text: str, marked: list[str]) -> None:
    found = list(passages(text))
    assert "".join(piece for piece, _ in found) == text
    assert [piece for piece, is_marked in found if is_marked] == marked


# By telephone


async def test_a_caller_s_report_says_who_took_it_down(
    client: httpx.AsyncClient, desk: Desk, county: County, owner: Connection
) -> None:
    await desk.account(name="Sam Reed", role="crew", teams=("highways",))
    await sign_in(client, email="sam@shire.example")
    form = await client.get("/console/report")
    assert form.status_code == 200
    assert form.text.index('id="contact.name"') < form.text.index('id="description"')
    assert "outbox.js" not in form.text  # nothing of a caller is kept in this browser
    [key] = re.findall(r'name="key" value="([^"]+)"', form.text)
    sent = {
        "key": key,
        "contact.name": "Ann Price",
        "contact.phone": "01234 567890",
        "contact.language": "cy",
        "category": "pothole",
        "answer.pothole.where": "cycle_lane",
        "answer.pothole.depth": "over_7cm",
        **{name: str(value) for name, value in inside("W1").items()},
        "description": "By the gate.",
    }
    done = await client.post("/console/report", data=sent)
    assert done.status_code == 303, done.text
    read = await client.get(done.headers["location"])
    reference = urlsplit(done.headers["location"]).path.rsplit("/", 1)[-1]
    for words in (reference, "Kilo", "Diolch", "Highways", 'lang="cy"'):
        assert words in unescape(read.text)
    assert f"report-{reference}" not in client.cookies  # it is the caller's to follow
    cursor = await owner.execute(
        "select staff.name, reporter.name, reporter.phone, reporter.language from report"
        " join staff on staff.id = taken_by join reporter on reporter.id = reporter_id"
    )
    assert await cursor.fetchall() == [("Sam Reed", "Ann Price", "01234 567890", "cy")]
    again = await client.post("/console/report", data=sent)
    assert again.headers["location"] == done.headers["location"]
    cursor = await owner.execute("select count(*) from report")
    assert await cursor.fetchall() == [(1,)]


async def test_what_is_wrong_is_shown_on_the_caller_s_form(
    client: httpx.AsyncClient, desk: Desk, county: County
) -> None:
    await sign_in(client)
    answer = await client.post(
        "/console/report", data={"key": str(uuid4()), "contact.name": "Ann Price"}
    )
    assert answer.status_code == 422
    assert 'value="Ann Price"' in answer.text
    assert "Choose what it is." in answer.text
    assert "Signed in as" in answer.text


async def test_a_call_may_bring_photos_as_large_as_phones_make_them(
    client: httpx.AsyncClient, desk: Desk, county: County, owner: Connection
) -> None:
    await sign_in(client)
    large = noisy(2400, 1800)
    assert len(large) > JSON_LIMIT
    sent = {
        "key": str(uuid4()),
        "category": "pothole",
        "answer.pothole.where": "cycle_lane",
        "answer.pothole.depth": "over_7cm",
        **{name: str(value) for name, value in inside("W1").items()},
    }
    files = {"photo": ("IMG_1.jpg", large, "image/jpeg")}
    done = await client.post("/console/report", data=sent, files=files)
    assert done.status_code == 303, done.text
    cursor = await owner.execute("select bytes from photo where report_id is not null")
    assert await cursor.fetchall() == [(len(large),)]


async def test_an_auditor_takes_no_report(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.account(name="Ada Finch", role="auditor")
    await sign_in(client, email="ada@shire.example")
    assert (await client.get("/console/report")).status_code == 403
    assert (await client.post("/console/report")).status_code == 403
    assert "/console/report" not in (await client.get("/console")).text


async def test_the_residents_page_says_that_staff_are_signed_in(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    assert "Signed in as" not in (await client.get("/")).text
    await sign_in(client)
    page = (await client.get("/")).text
    assert "Signed in as Jo Marsh" in page
    assert 'action="/console/sign-out"' in page


# All of them


async def test_nothing_stands_inline_and_every_label_leads_somewhere(
    client: httpx.AsyncClient, desk: Desk, county: County, prints: Prints
) -> None:
    made = await report(client, pothole("W1", description=HELD))
    photo = await prints.of(made["id"])
    pages = [await client.get(SIGN_IN)]
    await sign_in(client)
    for address in (
        "/console",
        f"/console/photos/{photo}",
        f"/console/photos/{photo}?note=meanwhile&done={photo}",
        "/console/words",
        "/console/report",
        f"/console/report/{made['reference']}",
    ):
        pages.append(await client.get(address))
    for page in pages:
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert "unsafe" not in page.headers["content-security-policy"]
        elements = WithPictures(page.text)
        ids = elements.values("id")
        assert elements.values("for") <= ids, page.url
        assert elements.values("aria-describedby") <= ids
        assert elements.values("aria-labelledby") <= ids
        names = {name for _, attrs in elements.found for name in attrs}
        assert not {name for name in names if name.startswith("on")} | (names & {"style"})
        for tag, attrs in elements.found:
            assert tag != "style"
            assert tag != "script" or attrs.get("src") or attrs["type"] == "application/json"
