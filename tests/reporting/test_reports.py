"""Reports over HTTP, from the phone's side."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx

from reporting.keys import token_hash
from reporting.runtime import Connection
from tests.support.county import County, inside
from tests.support.pictures import encoded, picture

POTHOLE = {"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"}
MILD = {"where": "parking", "depth": "under_4cm", "width": "under_30cm"}
FLY_TIPPING = {"size": "car_boot", "waste": "household_other", "land": "highway"}


async def send(
    client: httpx.AsyncClient, body: dict[str, Any], key: str | None = None, **headers: str
) -> httpx.Response:
    return await client.post(
        "/v1/reports", json=body, headers={"Idempotency-Key": key or str(uuid4()), **headers}
    )


def pothole(ward: str = "W1", dx: float = 0.5, dy: float = 0.5, **more: Any) -> dict[str, Any]:
    return {"category": "pothole", "location": inside(ward, dx, dy), "answers": POTHOLE, **more}


async def count(conn: Connection, table: str) -> int:
    row = await (await conn.execute(f"select count(*) from {table}")).fetchone()
    return row[0]


async def test_two_tiers_get_what_is_theirs(client: httpx.AsyncClient, county: County) -> None:
    hole = (await send(client, pothole("E1"))).json()
    tip = (
        await send(
            client,
            {"category": "fly_tipping", "location": inside("E1"), "answers": FLY_TIPPING},
        )
    ).json()
    assert (hole["authority"]["slug"], hole["team"]["slug"]) == ("shire", "highways")
    assert (tip["authority"]["slug"], tip["team"]["slug"]) == ("east", "cleansing")
    assert hole["ward"] == tip["ward"] == {"code": "E1", "name": "E1 Ward"}
    assert hole["job"] != tip["job"]


async def test_the_answer_is_all_a_resident_needs(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    answer = await send(client, pothole("W2", description="By the school gate"))
    assert answer.status_code == 201
    got = answer.json()
    assert got["status"] == "received"
    assert got["reference"].startswith("KB-")
    assert got["job"] == {**got["job"], "reports": 1, "matched": False}
    assert got["tracking_url"].endswith(f"/r/{got['reference']}?t={got['tracking_token']}")
    # The token is nowhere in the database, not even in the stored answer.
    for table in ("report", "idempotency_key"):
        row = await (
            await owner.execute(f"select string_agg(t::text, '') from {table} t")
        ).fetchone()
        assert got["tracking_token"] not in row[0]
    row = await (await owner.execute("select tracking_hash from report")).fetchone()
    assert row[0] == token_hash(got["tracking_token"])


async def test_the_public_sees_no_words_and_the_reporter_sees_their_own(
    client: httpx.AsyncClient, county: County
) -> None:
    made = (
        await send(
            client,
            pothole(
                description="Outside my house, call 01234 567890",
                contact={"name": "Ann", "email": "ann@example.org", "updates": ["email"]},
            ),
        )
    ).json()
    public = await client.get(f"/v1/reports/{made['id']}")
    assert public.status_code == 200
    assert "my house" not in public.text
    assert "ann@" not in public.text
    assert public.json()["timeline"] == [
        {**public.json()["timeline"][0], "status": "received", "message": None, "photos": []}
    ]
    token = {"Authorization": f"Bearer {made['tracking_token']}"}
    own = (await client.get(f"/v1/reports/{made['reference']}", headers=token)).json()
    assert own["description"] == "Outside my house, call 01234 567890"
    assert own["contact"]["email"] == "ann@example.org"
    other = (await send(client, pothole("E2"))).json()
    foreign = await client.get(f"/v1/reports/{other['id']}", headers=token)
    assert "answers" not in foreign.json()


async def test_a_repeat_is_the_same_answer_and_stores_nothing(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    key, body = str(uuid4()), pothole()
    first, second = await send(client, body, key), await send(client, body, key)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert await count(owner, "report") == 1
    other = await send(client, pothole("E1"), key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert await count(owner, "report") == 1


async def test_fifty_at_once_with_one_key_are_one_report(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    key, body = str(uuid4()), pothole()
    answers = await asyncio.gather(*(send(client, body, key) for _ in range(50)))
    codes = {answer.status_code for answer in answers}
    assert codes <= {201, 409, 503}
    given = {answer.content for answer in answers if answer.status_code == 201}
    assert len(given) == 1
    assert all(a.headers["Retry-After"] for a in answers if a.status_code != 201)
    assert await count(owner, "report") == 1
    assert await count(owner, "job") == 1


async def test_two_phones_in_one_second_make_one_job(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    # 20 reports within two metres of a corner of four lock cells, all at once.
    places = [
        {"lat": 52.005 + dy * 1e-5, "lng": -0.992 + dx * 1e-5}
        for dx in (-1, 0, 1, 2)
        for dy in (-1, 0, 1, 2, 3)
    ]
    bodies = [{"category": "pothole", "location": p, "answers": POTHOLE} for p in places]

    async def persist(body: dict[str, Any]) -> dict[str, Any]:
        key = str(uuid4())
        for _ in range(100):
            answer = await send(client, body, key)
            if answer.status_code == 201:
                return answer.json()
            assert answer.status_code in {409, 503}
        raise AssertionError("never accepted")

    made = await asyncio.gather(*(persist(body) for body in bodies))
    assert len({report["job"]["id"] for report in made}) == 1
    assert sorted(report["job"]["reports"] for report in made) == list(range(1, 21))
    assert await count(owner, "job") == 1
    row = await (await owner.execute("select reports, version from job")).fetchone()
    assert row == (20, 20)


async def test_reports_far_apart_or_of_another_kind_make_jobs_of_their_own(
    client: httpx.AsyncClient, county: County
) -> None:
    first = (await send(client, pothole(dx=0.5))).json()
    far = (await send(client, pothole(dx=0.6))).json()
    tip = (
        await send(
            client, {"category": "fly_tipping", "location": inside("W1"), "answers": FLY_TIPPING}
        )
    ).json()
    assert len({report["job"]["id"] for report in (first, far, tip)}) == 3


async def test_across_a_border_the_other_district_gets_its_own_job(
    client: httpx.AsyncClient, county: County
) -> None:
    west = {"lat": 52.01, "lng": -0.960005}
    east = {"lat": 52.01, "lng": -0.959995}
    made = [
        (
            await send(
                client, {"category": "fly_tipping", "location": place, "answers": FLY_TIPPING}
            )
        ).json()
        for place in (west, east)
    ]
    assert [report["authority"]["slug"] for report in made] == ["west", "east"]
    assert made[0]["job"]["id"] != made[1]["job"]["id"]


async def test_same_as_joins_the_job_and_waives_the_questions(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    first = (await send(client, pothole())).json()
    reference = first["job"]["reference"]
    near = inside("W1", 0.5, 0.6)  # about 220 m away
    joined = await send(client, {"category": "pothole", "location": near, "same_as": reference})
    assert joined.json()["job"] == {**first["job"], "reports": 2, "matched": True}
    far = await send(
        client, {"category": "pothole", "location": inside("W2"), "same_as": reference}
    )
    assert (far.status_code, far.json()["code"]) == (422, "same-as-refused")
    await owner.execute("update job set status = 'fixed'")
    closed = await send(client, {"category": "pothole", "location": near, "same_as": reference})
    assert closed.json()["code"] == "same-as-refused"


async def test_a_place_in_words_goes_to_the_authority_s_fallback_team(
    client: httpx.AsyncClient, county: County
) -> None:
    body = {
        "category": "pothole",
        "place_text": "Outside 12 High Street",
        "authority": "west",
        "answers": POTHOLE,
    }
    made = (await send(client, body)).json()
    assert made["team"]["slug"] == "west-triage"
    assert made["flags"] == ["needs_place"]
    assert made["location"] is None
    unknown = await send(client, {**body, "authority": "nowhere"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown-authority")


async def test_more_reports_raise_a_priority_and_never_lower_it(
    client: httpx.AsyncClient, county: County
) -> None:
    mild = {**pothole(), "answers": MILD}
    bad = pothole()
    first = await send(client, mild)
    second, third = await send(client, bad), await send(client, mild)
    priorities = [answer.json()["priority"] for answer in (first, second, third)]
    assert priorities[1] < priorities[0]
    assert priorities[2] == priorities[1]
    assert second.json()["due_at"] <= first.json()["due_at"]


async def test_nearby_shows_open_jobs_nearest_first(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    here = inside("W1")
    for dx in (0.53, 0.51, 0.6):
        await send(client, pothole(dx=dx))
    found = (await client.get("/v1/reports/nearby", params={**here, "category": "pothole"})).json()[
        "items"
    ]
    assert [item["distance_m"] for item in found] == sorted(item["distance_m"] for item in found)
    assert len(found) == 3
    await owner.execute("update job set status = 'fixed'")
    again = await client.get("/v1/reports/nearby", params={**here, "category": "pothole"})
    assert again.json()["items"] == []


async def test_where_and_categories_answer_for_a_place(
    client: httpx.AsyncClient, county: County
) -> None:
    where = await client.get("/v1/where", params={**inside("E2"), "category": "pothole"})
    assert [a["slug"] for a in where.json()["authorities"]] == ["east", "shire"]
    assert where.json()["ward"]["code"] == "E2"
    assert where.json()["division"]["code"] == "D2"
    assert where.json()["team"]["slug"] == "highways"
    plain = (await client.get("/v1/where", params=inside("E2"))).json()
    assert "team" not in plain
    found = (await client.get("/v1/categories", params=inside("E2"))).json()["items"]
    assert {c["code"]: c["authority"]["slug"] for c in found} == {
        "pothole": "shire",
        "fly_tipping": "east",
    }
    tag = where.headers["ETag"]
    again = await client.get(
        "/v1/where", params={**inside("E2"), "category": "pothole"}, headers={"If-None-Match": tag}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_an_unknown_report_is_not_found(client: httpx.AsyncClient, county: County) -> None:
    for name in (str(uuid4()), "KB-222222", "nonsense", str(UUID(int=0))):
        answer = await client.get(f"/v1/reports/{name}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_the_reporter_and_nobody_else_is_shown_the_photo(
    client: httpx.AsyncClient, county: County
) -> None:
    photo = str(uuid4())
    put = await client.put(
        f"/v1/photos/{photo}", content=encoded(picture()), headers={"Content-Type": "image/jpeg"}
    )
    assert put.status_code == 201
    made = (await send(client, pothole(photos=[photo]))).json()
    assert made["photos"] == [photo]
    public = (await client.get(f"/v1/reports/{made['id']}")).json()
    assert photo not in str(public)
    token = {"Authorization": f"Bearer {made['tracking_token']}"}
    own = (await client.get(f"/v1/reports/{made['id']}", headers=token)).json()
    (shown,) = own["photos"]
    assert (shown["id"], shown["state"]) == (photo, "stored")
    assert shown["large"].startswith(f"/v1/photos/{photo}/large?")
    again = await send(client, pothole("E1", photos=[photo]))
    assert (again.status_code, again.json()["code"]) == (422, "photo-unknown")
