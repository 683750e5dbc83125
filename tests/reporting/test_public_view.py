"""What everyone may see of a report: no person, no held word, no picture that is not public."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from reporting.runtime import Connection
from tests.reporting.test_following import Story
from tests.reporting.test_reports import pothole, send
from tests.support.county import County
from tests.support.people import People, report

HELD = "Mrs Smith's van AB12 CDE, ring 07700 900123"


@pytest.fixture
async def crew_story(client: httpx.AsyncClient, county: County, owner: Connection) -> Story:
    made = await report(client, pothole(description="Deep, by the A34"))
    return Story(client, owner, county, await People(county).crew(), made)


async def public(story: Story) -> dict[str, Any]:
    answer = await story.client.get(f"/v1/reports/{story.made['reference']}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_words_that_pass_the_screen_are_public_and_held_ones_wait(
    crew_story: Story, owner: Connection
) -> None:
    assert (await public(crew_story))["description"] == "Deep, by the A34"
    held = await report(crew_story.client, pothole("E1", description=HELD))
    story = Story(crew_story.client, owner, crew_story.county, crew_story.crew, held)
    assert (await public(story))["description"] is None
    assert (await story.own())["description"] == HELD
    await owner.execute("update report_words set released_at = now()")
    assert (await public(story))["description"] == HELD


async def test_words_from_before_the_screen_are_looked_at_when_they_are_read(
    crew_story: Story, owner: Connection
) -> None:
    await owner.execute("update report_words set description = %s, held_for = '{}'", (HELD,))
    assert (await public(crew_story))["description"] is None


async def test_what_staff_kept_back_stays_back_whatever_the_screen_says(
    crew_story: Story, owner: Connection
) -> None:
    await owner.execute("update report_words set held_for = '{words}'")
    assert (await public(crew_story))["description"] is None


@pytest.mark.parametrize(
    ("words", "shown"), [("The lay-by past the barn", True), ("12 Mill Lane, OX14 3AB", False)]
)
async def test_a_place_in_words_is_public_only_if_it_passes(
    client: httpx.AsyncClient, county: County, words: str, shown: bool
) -> None:
    body = pothole(place_text=words, authority="shire")
    del body["location"]
    made = (await send(client, body)).json()
    found = (await client.get(f"/v1/reports/{made['id']}")).json()
    assert found["place_text"] == (words if shown else None)


async def test_a_crews_message_is_public_only_if_it_passes(crew_story: Story) -> None:
    await crew_story.crews(status="scheduled", public_message="Cones go out on Friday")
    await crew_story.crews(public_message="Call Dave on 07700 900123")
    messages = [entry["message"] for entry in (await public(crew_story))["timeline"]]
    assert messages == [None, "Cones go out on Friday", None]
    own = [entry["message"] for entry in (await crew_story.own())["timeline"]]
    assert own[-1] == "Call Dave on 07700 900123"


@pytest.mark.parametrize("review", ["auto_ok", "needs_check", "human_ok", "hidden"])
@pytest.mark.parametrize("rule", ["auto", "checked", "never"])
async def test_pictures_are_public_only_by_their_review_and_the_categorys_rule(
    crew_story: Story, owner: Connection, review: str, rule: str
) -> None:
    photo = await crew_story.photo()
    await crew_story.crews(note="x", photos=[photo])
    sent = str(uuid4())
    await owner.execute(
        "insert into photo (id, object_key, sha256, bytes, media_type, width, height, report_id)"
        " values (%s, 'none', '', 1, 'image/jpeg', 1, 1, %s)",
        (sent, crew_story.made["id"]),
    )
    await owner.execute(
        "update category"
        " set definition = definition || jsonb_build_object('public_photos', %s::text)",
        (rule,),
    )
    await owner.execute("update rulebook set version = version + 1")
    await owner.execute("update photo set state = 'ready', made = 'm', review = %s", (review,))
    allowed = {"auto": {"auto_ok", "human_ok"}, "checked": {"human_ok"}, "never": set()}[rule]
    found = await public(crew_story)
    assert [each["id"] for each in found["photos"]] == ([sent] if review in allowed else [])
    for each in found["photos"]:
        assert "audience=public" in each["large"]
    own = await crew_story.own()
    assert [each["id"] for each in own["photos"]] == [sent]
