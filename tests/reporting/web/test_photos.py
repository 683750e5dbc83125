import asyncio
import re
import time
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from limits import RateLimitItemPerHour

from reporting import photos
from reporting.keys import Keys
from reporting.runtime import Connection, Runtime
from reporting.settings import Settings
from reporting.web import arriving, limits, photo_links
from reporting.web.photo_links import Audience, link, photo_view
from routing.categories import Category
from tests.reporting.test_reports import count, pothole, send
from tests.support.county import County
from tests.support.people import People
from tests.support.pictures import encoded, heic_bomb, jpeg_bomb, noisy, picture, png_bomb

PICTURE = encoded(picture())
OTHER = encoded(picture(50, 50))


def where(photo: UUID) -> str:
    return f"/v1/photos/{photo}"


def digest(data: bytes) -> str:
    return f"sha-256=:{b64encode(sha256(data).digest()).decode()}:"


async def stored(runtime: Runtime) -> list[str]:
    return [key async for key, _ in runtime.photos.listing()]


async def test_a_picture_is_kept_byte_for_byte(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    photo, data = uuid4(), noisy(800, 600)
    answer = await client.put(where(photo), content=data)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(photo),
        "state": "stored",
        "media_type": "image/jpeg",
        "bytes": len(data),
        "width": 800,
        "height": 600,
    }
    (key,) = await stored(runtime)
    assert await runtime.photos.get(key) == data
    row = await (await owner.execute("select topic, subject from outbox")).fetchone()
    assert row == ("photo", photo)


async def test_the_same_again_is_the_same_and_other_bytes_are_refused(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    photo = uuid4()
    first = await client.put(where(photo), content=PICTURE)
    again = await client.put(where(photo), content=PICTURE)
    other = await client.put(where(photo), content=OTHER)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json() == first.json()
    assert other.json()["code"] == "photo-taken"
    assert len(await stored(runtime)) == 1
    assert await count(owner, "outbox") == 1


async def test_the_same_id_twice_at_once(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    """Whoever is second gets the answer of the first, or hears that the id is taken."""
    for _ in range(5):
        photo = uuid4()
        answers = await asyncio.gather(
            *(client.put(where(photo), content=data) for data in (PICTURE, OTHER, PICTURE, OTHER))
        )
        row = await (
            await owner.execute("select sha256, object_key from photo where id = %s", (photo,))
        ).fetchone()
        won = PICTURE if row[0] == sha256(PICTURE).digest() else OTHER
        codes = [answer.status_code for answer in answers]
        assert sorted(codes) == [200, 201, 409, 409]
        for answer, data in zip(answers, (PICTURE, OTHER, PICTURE, OTHER), strict=True):
            assert (answer.status_code == 409) == (data is not won)
        mine = [key for key in await stored(runtime) if str(photo) in key]
        assert mine == [f"{row[1]}/original"]
        assert await runtime.photos.get(mine[0]) == won


BAD = {
    "nothing": (b"", 422, "image-broken"),
    "gif": (b"GIF89a" + bytes(50), 415, "image-refused"),
    "pdf": (b"%PDF-1.7", 415, "image-refused"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "image-refused"),
    "json": (b'{"photo": 1}', 415, "image-refused"),
    "cut": (PICTURE[:-40], 422, "image-broken"),
    "jpeg bomb": (jpeg_bomb(64250, 64250), 422, "image-too-large"),
    "png bomb": (png_bomb(30000, 30000), 422, "image-too-large"),
    "heic bomb": (heic_bomb(64250, 64250), 422, "image-too-large"),
    "too long": (PICTURE + bytes(20_000_001), 413, "body-too-large"),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_refused_leaves_nothing(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection, name: str
) -> None:
    data, status, code = BAD[name]
    began = time.process_time()
    answer = await client.put(where(uuid4()), content=data)
    assert time.process_time() - began < 1
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await stored(runtime) == []
    assert await count(owner, "photo") == await count(owner, "outbox") == 0


async def test_a_body_without_a_length_is_counted(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield PICTURE
        while True:
            sent += 1_000_000
            yield bytes(1_000_000)

    sent = 0
    answer = await client.put(where(uuid4()), content=endless())
    assert answer.status_code == 413
    assert sent <= 22_000_000

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(PICTURE), 100):
            yield PICTURE[at : at + 100]

    assert (await client.put(where(uuid4()), content=parts())).status_code == 201


async def test_twenty_megabytes_are_taken_and_held_once(client: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield PICTURE
        left = 20_000_000 - len(PICTURE)
        while left:
            yield bytes(min(left, 65_536))
            left -= min(left, 65_536)

    tracemalloc.start()
    try:
        assert (await client.put(where(uuid4()), content=parts())).status_code == 201
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize(
    "header",
    [
        {"Repr-Digest": digest(OTHER)},
        {"Repr-Digest": "sha-256=:AAAA:"},
        {"Repr-Digest": "sha-256=nonsense"},
        {"Repr-Digest": f"sha-512=:AAAA:, {digest(OTHER)}"},
        {"Upload-Offset": "-1"},
        {"Upload-Length": "10"},
        {"Upload-Length": "many"},
        {"Upload-Complete": "?0"},
    ],
)
async def test_a_picture_that_is_not_what_its_headers_say(
    client: httpx.AsyncClient, runtime: Runtime, header: dict[str, str]
) -> None:
    answer = await client.put(where(uuid4()), content=PICTURE, headers=header)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"digest-differs", "upload-headers-refused"}
    assert await stored(runtime) == []


@pytest.mark.parametrize(
    "header",
    [
        {"Repr-Digest": digest(PICTURE)},
        {"Repr-Digest": f"sha-512=:AAAA:, {digest(PICTURE)}"},
        {"Repr-Digest": "md5=:AAAA:"},
        {"Upload-Offset": "0", "Upload-Length": str(len(PICTURE)), "Upload-Complete": "?1"},
        {"Content-Type": "text/html"},
    ],
)
async def test_a_picture_that_is(client: httpx.AsyncClient, header: dict[str, str]) -> None:
    answer = await client.put(where(uuid4()), content=PICTURE, headers=header)
    assert answer.status_code == 201
    assert answer.json()["media_type"] == "image/jpeg"


async def test_head_says_whether_it_is_there(client: httpx.AsyncClient) -> None:
    photo = uuid4()
    assert (await client.head(where(photo))).status_code == 404
    await client.put(where(photo), content=PICTURE)
    answer = await client.head(where(photo))
    assert answer.status_code == 200
    assert answer.headers["upload-offset"] == answer.headers["content-length"] == str(len(PICTURE))


async def test_a_device_s_picture_is_its_own(client: httpx.AsyncClient, county: County) -> None:
    people, photo = People(county), uuid4()
    mine, other = await people.device(), await people.device()
    await client.put(where(photo), content=PICTURE, headers=mine)
    assert (await client.head(where(photo), headers=mine)).status_code == 200
    assert (await client.head(where(photo), headers=other)).status_code == 404
    assert (await client.head(where(photo))).status_code == 404
    for headers, status in ((other, 422), ({}, 422), (mine, 201)):
        answer = await send(client, pothole(photos=[str(photo)]), **headers)
        assert answer.status_code == status


async def test_a_full_disk_is_said_and_forgotten(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    folder = Path(runtime.settings.photo_store)
    folder.write_text("a file where the folder was")
    answer = await client.put(where(uuid4()), content=PICTURE)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert await count(owner, "photo") == 0
    folder.unlink()
    assert (await client.put(where(uuid4()), content=PICTURE)).status_code == 201


async def test_too_many_at_once_are_told_to_wait(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "IN_HAND_LIMIT", len(PICTURE) - 1)
    assert (await client.put(where(uuid4()), content=PICTURE)).status_code == 503
    monkeypatch.setattr(arriving, "IN_HAND_LIMIT", len(PICTURE))
    for _ in range(3):  # what is answered is no longer in hand
        assert (await client.put(where(uuid4()), content=PICTURE)).status_code == 201


class TestLimit:
    """Uploads are limited for an address; by the hour here, as no minute ends in the middle."""

    @pytest.fixture
    def settings(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
        monkeypatch.setitem(limits.RATES, "photos", (RateLimitItemPerHour(5),))
        return settings.model_copy(update={"limits": "on"})

    async def test_one_address_sends_so_many(self, client: httpx.AsyncClient) -> None:
        photo = uuid4()
        codes = [(await client.put(where(photo), content=PICTURE)).status_code for _ in range(6)]
        assert codes == [201, 200, 200, 200, 200, 429]


# Seeing them


async def ready(runtime: Runtime, owner: Connection, client: httpx.AsyncClient) -> UUID:
    """A picture with its copies."""
    photo = uuid4()
    await client.put(where(photo), content=PICTURE)
    row = await (
        await owner.execute(
            "update photo set state = 'ready', made = 'one' where id = %s returning object_key",
            (photo,),
        )
    ).fetchone()
    for size in ("large", "small"):
        await runtime.photos.put(f"{row[0]}/one-{size}", size.encode())
    return photo


async def test_a_link_opens_what_it_says_and_nothing_else(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    photo, other = await ready(runtime, owner, client), await ready(runtime, owner, client)
    path = link(runtime.keys, photo, "large")
    assert (await client.get(path)).content == b"large"
    for elsewhere in (
        path.replace("/large", "/small"),
        path.replace("/large", "/original"),
        path.replace(str(photo), str(other)),
        path.split("&", maxsplit=1)[0],
        path.split("?", maxsplit=1)[0],
        path.replace("expires=", "expires=1"),
        path.replace("signature=", "signature=A"),
        path.replace("signature=", "signature=%C3%A9"),
    ):
        assert (await client.get(elsewhere)).status_code == 404, elsewhere


async def test_no_byte_of_a_link_may_change(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    photo = await ready(runtime, owner, client)
    path = link(runtime.keys, photo, "large")
    start = path.index("expires=") + len("expires=")
    for at in range(start, len(path)):
        if path[at] in "&=" or path[at:].startswith("signature") or path[at - 1] == "&":
            continue
        changed = path[:at] + ("1" if path[at] != "1" else "2") + path[at + 1 :]
        assert (await client.get(changed)).status_code == 404, changed
    assert (await client.get(path)).status_code == 200


async def test_a_link_ends(
    client: httpx.AsyncClient,
    runtime: Runtime,
    owner: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo, now = await ready(runtime, owner, client), time.time()
    path = link(runtime.keys, photo, "small")
    monkeypatch.setattr(photo_links.time, "time", lambda: now + 599)
    assert (await client.get(path)).status_code == 200
    monkeypatch.setattr(photo_links.time, "time", lambda: now + 901)
    assert (await client.get(path)).status_code == 404


async def test_a_link_of_another_installation_opens_nothing(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    photo = await ready(runtime, owner, client)
    theirs = link(Keys("another key of more than 32 bytes, all the same"), photo, "large")
    assert (await client.get(theirs)).status_code == 404


async def test_not_yet_made_is_said(client: httpx.AsyncClient, runtime: Runtime) -> None:
    photo = uuid4()
    await client.put(where(photo), content=PICTURE)
    answer = await client.get(link(runtime.keys, photo, "large"))
    assert (answer.status_code, answer.json()["code"]) == (404, "photo-pending")
    assert answer.headers["retry-after"]
    assert photo_view(runtime.keys, photo, "unreadable", "needs_check").large is None


async def test_who_may_see_the_report_may_see_its_picture(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    people = People(county)
    photo, mine = await ready(runtime, owner, client), await people.device()
    made = (await send(client, pothole("W1", photos=[str(photo)]), **mine)).json()
    may = {
        "its device": mine,
        "its tracking token": {"Authorization": f"Bearer {made['tracking_token']}"},
        "its crew": await people.crew(),
        "its supervisor": await people.staff("supervisor", "shire"),
        "its auditor": await people.staff("auditor", "shire"),
    }
    unrelated = (await send(client, pothole("E2"))).json()
    may_not = {
        "anyone": {},
        "another device": await people.device(),
        "another report's token": {"Authorization": f"Bearer {unrelated['tracking_token']}"},
        "another team's crew": await people.crew("west", "cleansing"),
        "another council's admin": await people.staff("admin", "east"),
    }
    for who, headers in may.items():
        answer = await client.get(f"{where(photo)}/large", headers=headers)
        assert (answer.status_code, answer.content) == (200, b"large"), who
        assert (await client.get(f"{where(photo)}/original", headers=headers)).status_code == 404
    absent = await client.get(f"{where(uuid4())}/large")
    for who, headers in may_not.items():
        answer = await client.get(f"{where(photo)}/large", headers=headers)
        assert answer.status_code == 404, who
        assert answer.content == absent.content


async def test_a_picture_of_no_report_is_nobody_s(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    photo = await ready(runtime, owner, client)
    admin = await People(county).staff("admin", "shire")
    assert (await client.get(f"{where(photo)}/large", headers=admin)).status_code == 404


# Whom they are for


async def decided(owner: Connection, photo: UUID, review: str) -> None:
    await owner.execute("update photo set review = %s where id = %s", (review, photo))


PUBLIC = {
    ("auto", "auto_ok"): 200,
    ("auto", "human_ok"): 200,
    ("auto", "needs_check"): 410,
    ("auto", "hidden"): 410,
    ("checked", "auto_ok"): 410,
    ("checked", "human_ok"): 200,
    ("checked", "needs_check"): 410,
    ("checked", "hidden"): 410,
    ("never", "auto_ok"): 410,
    ("never", "human_ok"): 410,
    ("never", "hidden"): 410,
}


async def test_a_public_link_opens_what_everyone_may_see(
    client: httpx.AsyncClient,
    county: County,
    runtime: Runtime,
    owner: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = await ready(runtime, owner, client)
    await send(client, pothole("W1", photos=[str(photo)]))
    for (rule, review), status in PUBLIC.items():
        category = (await runtime.category("pothole")).model_copy(update={"public_photos": rule})
        assert photos.is_public(review, category) is (status == 200)

        async def ruled(_: object, __: str, found: Category = category) -> Category:
            return found

        monkeypatch.setattr(Runtime, "category", ruled)
        await decided(owner, photo, review)
        answer = await client.get(link(runtime.keys, photo, "large", Audience.PUBLIC))
        assert answer.status_code == status, (rule, review)
        if status == 200:
            assert answer.headers["cache-control"] == "public, max-age=30"
        else:
            assert answer.json()["code"] == "photo-gone"
            assert answer.headers["cache-control"] == "no-store"


async def test_a_public_link_does_not_become_a_private_one(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    photo = await ready(runtime, owner, client)
    await send(client, pothole("W1", photos=[str(photo)]))
    public = link(runtime.keys, photo, "large", Audience.PUBLIC)
    private = link(runtime.keys, photo, "large")
    assert (await client.get(private)).status_code == 200
    assert (await client.get(public)).status_code == 410
    for forged in (
        public.replace("audience=public", "audience=private"),
        public.replace("audience=public&", ""),
        private.replace("audience=private", "audience="),
    ):
        assert (await client.get(forged)).status_code == 404


async def test_a_picture_of_no_report_is_never_public(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    photo = await ready(runtime, owner, client)
    await decided(owner, photo, "human_ok")
    answer = await client.get(link(runtime.keys, photo, "large", Audience.PUBLIC))
    assert answer.status_code == 410


async def test_what_is_hidden_is_gone_for_all_but_those_who_oversee_it(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    """At once where nothing was kept, and everywhere when what may be kept is a minute old."""
    people = People(county)
    photo, mine = await ready(runtime, owner, client), await people.device()
    made = (await send(client, pothole("W1", photos=[str(photo)]), **mine)).json()
    await decided(owner, photo, "human_ok")
    shown = (await client.get(f"/v1/reports/{made['id']}")).json()["photos"]
    own = (await client.get(f"/v1/reports/{made['id']}", headers=mine)).json()["photos"]
    links = [found[size] for found in (*shown, *own) for size in ("large", "small")]
    assert len(links) == 4
    for path in links:
        answer = await client.get(path)
        assert answer.status_code == 200
        kept = re.search(r"max-age=(\d+)", answer.headers["cache-control"])
        assert int(kept[1]) <= 60 if kept else "no-store" in answer.headers["cache-control"]
    async with runtime.unit() as conn:
        await photos.review(conn, photo, review="hidden", by=await some_staff(people, owner))
    for path in links:
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (410, "photo-gone")
    assert (await client.get(f"/v1/reports/{made['id']}")).json()["photos"] == []
    (left,) = (await client.get(f"/v1/reports/{made['id']}", headers=mine)).json()["photos"]
    assert (left["review"], left["large"], left["small"]) == ("hidden", None, None)
    for headers, status in (
        (mine, 410),
        (await people.crew(), 410),
        (await people.staff("auditor", "shire"), 410),
        (await people.staff("admin", "east"), 404),
        (await people.staff("supervisor", "shire"), 200),
        (await people.staff("admin", "shire"), 200),
    ):
        assert (await client.get(f"{where(photo)}/large", headers=headers)).status_code == status
    # A link of before, in the hands of somebody who may.
    admin = await people.staff("admin", "shire")
    assert (await client.get(own[0]["large"], headers=admin)).status_code == 200


async def some_staff(people: People, owner: Connection) -> UUID:
    await people.staff("supervisor", "shire")
    return (await (await owner.execute("select id from staff limit 1")).fetchone())[0]


async def test_the_clear_copy_is_for_staff_who_may_see_the_original(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    people = People(county)
    photo, mine = await ready(runtime, owner, client), await people.device()
    await send(client, pothole("W1", photos=[str(photo)]), **mine)
    key = (await (await owner.execute("select object_key from photo")).fetchone())[0]
    await runtime.photos.put(f"{key}/clear", b"every face")
    path = f"{where(photo)}/clear"
    for headers, status in (
        ({}, 404),
        (await people.device(), 404),
        (await people.staff("admin", "east"), 404),
        (await people.crew("west", "cleansing"), 404),
        (mine, 403),
        (await people.crew(), 403),
        (await people.staff("auditor", "shire"), 403),
    ):
        assert (await client.get(path, headers=headers)).status_code == status
    signed = link(runtime.keys, photo, "clear")
    assert (await client.get(signed)).status_code == 404
    for role in ("supervisor", "admin"):
        answer = await client.get(path, headers=await people.staff(role, "shire"))
        assert answer.content == b"every face"
        assert answer.headers["cache-control"] == "private, no-store"
    admin = await people.staff("admin", "shire")
    await owner.execute("update photo set original_gone_at = now()")
    assert (await client.get(path, headers=admin)).status_code == 410


async def test_nobody_sees_what_was_not_looked_at(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    """Where the finder failed there are no copies, and the report says that they are waited for."""
    people = People(county)
    photo, mine = await ready(runtime, owner, client), await people.device()
    made = (await send(client, pothole("W1", photos=[str(photo)]), **mine)).json()
    await owner.execute("update photo set made = null")
    for headers in (mine, await people.crew(), await people.staff("admin", "shire")):
        answer = await client.get(f"{where(photo)}/large", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "photo-pending")
    (shown,) = (await client.get(f"/v1/reports/{made['id']}", headers=mine)).json()["photos"]
    assert (shown["state"], shown["review"]) == ("stored", "needs_check")
