"""Pictures and words that staff look at before everyone sees them, over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from reporting.images.regions import REGIONS_LIMIT
from reporting.queries import reviewing as queries
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import pothole
from tests.support.county import County, inside
from tests.support.people import Headers, People, report
from tests.support.plans import MODES, nodes, plan_of, rows_read
from tests.support.prints import FACE, Prints

PLATE = {"kind": "plate", "x": 0.8, "y": 0.6, "width": 0.1, "height": 0.04}


@pytest.fixture
def prints(runtime: Runtime, owner: Connection) -> Prints:
    return Prints(runtime, owner)


@pytest.fixture
async def supervisor(county: County) -> Headers:
    return await People(county).staff("supervisor", "shire")


async def listed(client: httpx.AsyncClient, who: Headers, **query: Any) -> list[str]:
    answer = await client.get("/v1/photos", params=query, headers=who)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def put(client: httpx.AsyncClient, who: Headers, photo: UUID, **body: Any) -> httpx.Response:
    return await client.put(f"/v1/photos/{photo}/review", json=body, headers=who)


async def set_public_photos(county: County, category: str, value: str) -> None:
    await county.conn.execute(
        "update category set definition = (definition::jsonb || jsonb_build_object("
        "'public_photos', %s::text))::json where code = %s",
        (value, category),
    )
    await county.touch()


async def test_a_picture_comes_with_the_facts_to_judge_it_by(
    client: httpx.AsyncClient, county: County, prints: Prints, supervisor: Headers
) -> None:
    made = await report(client, pothole("W1"))
    place = inside("W1")
    photo = await prints.of(made["id"], taken=(place["lat"] + 0.001, place["lng"]))
    (item,) = (await client.get("/v1/photos", headers=supervisor)).json()["items"]
    assert item["report"] == {"id": made["id"], "reference": made["reference"]}
    assert item["job"]["reference"] == made["job"]["reference"]
    assert item["category"] == "pothole"
    assert item["review"] == "needs_check"
    assert item["regions"] == [FACE]
    assert item["is_public"] is False
    assert item["taken_away_m"] == pytest.approx(111, abs=1)
    assert item["taken_location"]["lat"] == pytest.approx(place["lat"] + 0.001)
    assert (item["width"], item["height"]) == (1200, 900)
    for which in ("large", "small", "clear"):
        opened = await client.get(item[which], headers=supervisor)
        assert opened.status_code == 200, which
        assert opened.headers["content-type"] == "image/jpeg"
    assert UUID(item["id"]) == photo


async def test_the_queue_is_the_doubtful_and_what_the_category_wants_looked_at(
    client: httpx.AsyncClient, county: County, prints: Prints, supervisor: Headers
) -> None:
    made = (await report(client, pothole("W1")))["id"]
    doubtful = await prints.of(made, age_s=30)
    fine = await prints.of(made, review="auto_ok", age_s=20)
    nobody_looked = await prints.of(made, made=None, regions=[], age_s=10)
    await prints.of(made, review="human_ok")
    await prints.of(made, review="hidden")
    loose = await prints.of(made)
    await county.conn.execute("update photo set report_id = null where id = %s", (loose,))
    waits = [str(each) for each in (doubtful, fine, nobody_looked)]
    await set_public_photos(county, "pothole", "checked")
    assert await listed(client, supervisor) == waits
    await set_public_photos(county, "pothole", "auto")
    assert await listed(client, supervisor) == [waits[0], waits[2]]
    await set_public_photos(county, "pothole", "never")
    assert await listed(client, supervisor) == []


async def test_a_crew_s_picture_waits_too(
    client: httpx.AsyncClient, county: County, prints: Prints, supervisor: Headers
) -> None:
    made = await report(client, pothole("W1"))
    photo = await prints.of(made["id"])
    await county.conn.execute(
        "update photo set report_id = null, update_id = (select id from job_update) where id = %s",
        (photo,),
    )
    (item,) = (await client.get("/v1/photos", headers=supervisor)).json()["items"]
    assert (item["id"], item["report"]) == (str(photo), None)
    assert item["job"]["reference"] == made["job"]["reference"]
    assert (await put(client, supervisor, photo, review="human_ok")).json()["is_public"] is True


async def test_the_oldest_comes_first_and_pages_miss_nothing(
    client: httpx.AsyncClient, county: County, prints: Prints, supervisor: Headers
) -> None:
    made = (await report(client, pothole("W1")))["id"]
    photos = [str(await prints.of(made, age_s=age, size=(64, 48))) for age in (50, 40, 30, 20, 10)]
    await county.conn.execute(
        "update photo set uploaded_at = '2026-01-01Z' where id = any(%s)", (photos[1:3],)
    )
    photos[:3] = [*sorted(photos[1:3]), photos[0]]
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = (await client.get("/v1/photos", params=query, headers=supervisor)).json()
        found += [item["id"] for item in answer["items"]]
        if answer["next"] is None:
            break
        query["cursor"] = answer["next"]
    assert found == photos
    for forged in ("x", answer["next"] or "eHh4", query["cursor"][:-2] + "AA"):
        refused = await client.get("/v1/photos", params={"cursor": forged}, headers=supervisor)
        assert (refused.status_code, refused.json()["code"]) == (422, "cursor-refused")
    words = await client.get("/v1/words", params={"cursor": query["cursor"]}, headers=supervisor)
    assert words.status_code == 422  # of another list


async def test_each_sees_what_is_theirs(
    client: httpx.AsyncClient, county: County, prints: Prints
) -> None:
    people = People(county)
    west = str(await prints.of((await report(client, pothole("W1")))["id"], age_s=9))
    east = str(await prints.of((await report(client, pothole("E1")))["id"]))
    admin = await people.staff("admin", "shire")
    assert await listed(client, admin) == [west, east]
    for division, theirs in (("D1", [west]), ("D2", [east])):
        who = await people.staff("supervisor", "shire", wards=(division,))
        assert await listed(client, who) == theirs
    assert await listed(client, await people.staff("admin", "west")) == []


async def test_who_looked_and_when_is_kept_and_it_leaves_the_queue(
    client: httpx.AsyncClient,
    county: County,
    prints: Prints,
    supervisor: Headers,
    owner: Connection,
) -> None:
    made = await report(client, pothole("W1"))
    photo = await prints.of(made["id"])
    answer = await put(client, supervisor, photo, review="human_ok")
    assert answer.status_code == 200, answer.text
    item = answer.json()
    assert (item["review"], item["is_public"]) == ("human_ok", True)
    assert item["reviewed_by"] == "Supervisor of shire"
    assert item["reviewed_at"] is not None
    assert item["regions"] == [FACE]
    assert await listed(client, supervisor) == []
    cursor = await owner.execute(
        "select staff.role, now() - reviewed_at from photo"
        " join staff on staff.id = reviewed_by where photo.id = %s",
        (photo,),
    )
    role, ago = await cursor.fetchone()
    assert role == "supervisor"
    assert ago < timedelta(seconds=30)
    again = await put(client, supervisor, photo, review="needs_check")
    assert again.json()["is_public"] is False
    assert await listed(client, supervisor) == [str(photo)]


async def test_other_boxes_are_kept_by_who_drew_them_and_the_copies_are_made_again(
    client: httpx.AsyncClient,
    county: County,
    prints: Prints,
    supervisor: Headers,
    owner: Connection,
) -> None:
    made = await report(client, pothole("W1"))
    photo = await prints.of(made["id"])
    await owner.execute("update outbox set done_at = now()")
    before = (await client.get("/v1/photos", headers=supervisor)).json()["items"][0]
    face = {name: value for name, value in FACE.items() if name != "by"}
    answer = await put(client, supervisor, photo, review="human_ok", regions=[face, PLATE])
    item = answer.json()
    assert item["regions"] == [FACE, {**PLATE, "by": "staff"}]
    assert (item["state"], item["is_public"], item["large"]) == ("stored", False, None)
    cursor = await owner.execute("select topic, subject from outbox where done_at is null")
    assert await cursor.fetchall() == [("photo", photo)]
    # The copy that lacks the new box opens for nobody from now on; what is clear, for staff.
    assert (await client.get(before["large"])).status_code == 404
    assert (await client.get(item["clear"], headers=supervisor)).status_code == 200


async def test_a_hidden_picture_is_gone_at_once(
    client: httpx.AsyncClient, county: County, prints: Prints
) -> None:
    made = await report(client, pothole("W1"))
    photo = await prints.of(made["id"], review="human_ok")
    mine = {"Authorization": f"Bearer {made['tracking_token']}"}
    path = f"/v1/photos/{photo}/large"
    assert (await client.get(path, headers=mine)).status_code == 200
    crew = await People(county).crew()
    answer = await put(client, crew, photo, review="hidden")
    assert answer.status_code == 200, answer.text
    assert answer.json()["clear"] is None  # a crew may hide what it may not see
    assert (await client.get(path, headers=mine)).status_code == 410
    back = await put(client, crew, photo, review="human_ok")
    assert (back.status_code, back.json()["code"]) == (403, "not-allowed")


async def test_nobody_s_decision_is_overwritten_unseen(
    client: httpx.AsyncClient, county: County, prints: Prints, supervisor: Headers
) -> None:
    made = await report(client, pothole("W1"))
    photo = await prints.of(made["id"])
    admin = await People(county).staff("admin", "shire")
    first = (await put(client, admin, photo, review="hidden", reviewed_at=None)).json()
    late = await put(client, supervisor, photo, review="human_ok", reviewed_at=None)
    assert (late.status_code, late.json()["code"]) == (409, "reviewed-meanwhile")
    seen = first["reviewed_at"]
    assert (
        await put(client, supervisor, photo, review="human_ok", reviewed_at=seen)
    ).status_code == 200


BAD_BODIES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "auto": {"review": "auto_ok"},
    "outside": {"review": "human_ok", "regions": [{**PLATE, "x": 0.95}]},
    "empty": {"review": "human_ok", "regions": [{**PLATE, "width": 0}]},
    "negative": {"review": "human_ok", "regions": [{**PLATE, "y": -0.1}]},
    "pixels": {"review": "human_ok", "regions": [{**PLATE, "x": 640}]},
    "words": {"review": "human_ok", "regions": [{**PLATE, "x": "0.1"}]},
    "unknown kind": {"review": "human_ok", "regions": [{**PLATE, "kind": "dog"}]},
    "whose": {"review": "human_ok", "regions": [{**PLATE, "by": "finder"}]},
    "too many": {"review": "human_ok", "regions": [PLATE] * (REGIONS_LIMIT + 1)},
    "another field": {"review": "hidden", "state": "ready"},
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_what_makes_no_sense_changes_nothing(
    client: httpx.AsyncClient,
    county: County,
    prints: Prints,
    supervisor: Headers,
    owner: Connection,
    name: str,
) -> None:
    photo = await prints.of((await report(client, pothole("W1")))["id"])
    answer = await put(client, supervisor, photo, **BAD_BODIES[name])
    assert answer.status_code == 422, answer.text
    cursor = await owner.execute("select review, reviewed_at from photo where id = %s", (photo,))
    assert await cursor.fetchone() == ("needs_check", None)


async def test_a_long_review_is_refused_before_it_is_read(
    client: httpx.AsyncClient, county: County, prints: Prints, supervisor: Headers
) -> None:
    """A photo may be 20 MB long; what is said about one may not."""
    photo = await prints.of((await report(client, pothole("W1")))["id"])
    answer = await client.put(
        f"/v1/photos/{photo}/review",
        content=b'{"review": "' + b"x" * 1_000_001 + b'"}',
        headers={**supervisor, "Content-Type": "application/json"},
    )
    assert answer.status_code == 413


# Words

HELD = "Ring me on 07700 900123, I saw who did it."


async def words(client: httpx.AsyncClient, who: Headers) -> list[dict[str, Any]]:
    answer = await client.get("/v1/words", headers=who)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def decide(
    client: httpx.AsyncClient, who: Headers, made: dict[str, Any], public: bool | None
) -> dict[str, Any]:
    answer = await client.put(
        f"/v1/reports/{made['id']}/words", json={"public": public}, headers=who
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def public_words(client: httpx.AsyncClient, made: dict[str, Any]) -> str | None:
    found = (await client.get(f"/v1/reports/{made['id']}")).json().get("description")
    return str(found) if found is not None else None


async def test_held_words_are_read_by_somebody_who_lets_them_through_or_not(
    client: httpx.AsyncClient, county: County, supervisor: Headers, owner: Connection
) -> None:
    held = await report(client, pothole("W1", description=HELD))
    plain = await report(client, pothole("E1", description="Deep, and full of water."))
    (item,) = await words(client, supervisor)
    assert item["report"]["reference"] == held["reference"]
    assert item["description"] == HELD
    assert "phone" in item["held_for"]
    assert item["is_public"] is False
    assert await public_words(client, held) is None
    assert await public_words(client, plain) == "Deep, and full of water."

    released = await decide(client, supervisor, held, True)
    assert (released["is_public"], released["decided_by"]) == (True, "Supervisor of shire")
    assert await words(client, supervisor) == []
    assert await public_words(client, held) == HELD

    kept = await decide(client, supervisor, held, False)
    assert (kept["is_public"], kept["decided_by"]) == (False, "Supervisor of shire")
    assert await words(client, supervisor) == []
    assert await public_words(client, held) is None

    opened = await decide(client, supervisor, held, None)
    assert (opened["is_public"], opened["decided_by"]) == (False, None)
    assert len(await words(client, supervisor)) == 1


@pytest.mark.parametrize("beside", [None, "Deep, and full of water."])
async def test_who_releases_words_has_read_those_of_the_place_too(
    client: httpx.AsyncClient, county: County, supervisor: Headers, beside: str | None
) -> None:
    there = "Outside 12 High Street, ring 01632 960001"
    words_of = {"description": beside} if beside else {}
    place = {"place_text": there, "authority": "shire"}
    made = await report(client, pothole(**words_of) | place | {"location": None})
    (item,) = await words(client, supervisor)
    assert (item["place_text"], item["description"]) == (there, beside)
    browser = {"Cookie": f"staff={supervisor['Authorization'].removeprefix('Bearer ')}"}
    page = await client.get("/console/words", headers=browser)
    assert page.status_code == 200
    assert "Outside 12 High Street" in page.text
    assert "None" not in page.text
    seen = (await client.get(f"/v1/reports/{made['id']}")).json()
    assert (seen["place_text"], seen["description"]) == (None, None)
    assert (await decide(client, supervisor, made, True))["place_text"] == there
    seen = (await client.get(f"/v1/reports/{made['id']}")).json()
    assert (seen["place_text"], seen["description"]) == (there, beside)


async def test_words_that_the_screen_let_through_can_be_taken_back(
    client: httpx.AsyncClient, county: County, supervisor: Headers
) -> None:
    made = await report(client, pothole("W1", description="Old Tom from the corner did it."))
    assert await public_words(client, made) is not None
    found = await decide(client, supervisor, made, False)
    assert (found["held_for"], found["is_public"]) == (["staff"], False)
    assert await public_words(client, made) is None


async def test_a_report_without_words_has_none_to_decide_on(
    client: httpx.AsyncClient, county: County, supervisor: Headers
) -> None:
    made = await report(client, pothole("W1"))
    for body in (made["id"], uuid4()):
        answer = await client.put(
            f"/v1/reports/{body}/words", json={"public": True}, headers=supervisor
        )
        assert answer.status_code == 404


# What it costs

FILL = """
insert into photo (id, object_key, sha256, bytes, media_type, width, height, state, made,
  uploaded_at, report_id, review, reviewed_at)
select gen_random_uuid(), n, '', 1, 'image/jpeg', 1, 1, 'ready', 'm',
  now() - n * interval '1 minute', %(report)s::uuid,
  case when n <= 300 then 'needs_check' else 'human_ok' end,
  case when n > 300 then now() end
from generate_series(1, 20000) n
"""
FILL_WORDS = """
insert into report_words (report_id, description, held_for, kept_at)
select gen_random_uuid(), 'x', '{phone}', now() from generate_series(1, 20000)
"""


@pytest.mark.parametrize("mode", MODES)
async def test_the_queues_read_what_waits_and_not_what_is_done(
    client: httpx.AsyncClient, county: County, mode: str
) -> None:
    made = await report(client, pothole("W1", description=HELD))
    conn = county.conn
    await conn.execute(FILL, {"report": made["id"]})
    await conn.execute(FILL_WORDS)
    for table in ("photo", "report", "report_words", "job_report", "job", "job_update"):
        await conn.execute(f"vacuum analyze {table}")
    values = {
        "authority": county.authorities["shire"],
        "areas": [county.areas["D1"]],
        "checked": ["pothole"],
        "never": [],
        "after_at": "-infinity",
        "after_id": UUID(int=0),
        "rows": 51,
        "most": 100,
    }
    wrong = []
    for name in ("TO_CHECK", "COUNT_TO_CHECK", "TO_READ", "COUNT_TO_READ"):
        plan = await plan_of(conn, mode, getattr(queries, name), values)
        assert plan["Actual Rows"] > 0, name
        for node in nodes(plan):
            if node.get("Relation Name") in {"photo", "report_words"} and (
                node["Node Type"] == "Seq Scan" or rows_read(node) > 320
            ):
                wrong.append((name, node["Node Type"], rows_read(node)))
    assert not wrong
