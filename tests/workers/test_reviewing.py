"""What staff decide about a picture reaches everyone: the whole way, with the whole worker."""

from typing import Any
from uuid import uuid4

import httpx

from reporting.runtime import Connection
from tests.reporting.test_reports import pothole, send
from tests.support.county import County
from tests.support.people import People
from tests.support.pictures import QUARTERS, alike, encoded, picture, quarters
from tests.support.until import until
from tests.workers.conftest import Working

LEFT = {"kind": "other", "x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}
#: Red and blue, filled with what they are on average.
MEAN = (115, 30, 115)


async def test_a_box_that_was_missed_is_filled_before_anybody_sees_the_picture(
    client: httpx.AsyncClient, county: County, owner: Connection, working: Working
) -> None:
    photo = uuid4()
    sent = await client.put(f"/v1/photos/{photo}", content=encoded(picture(400, 300)))
    assert sent.status_code == 201
    made = (await send(client, pothole(photos=[str(photo)]))).json()
    await owner.execute(
        "update category set definition = jsonb_set(definition::jsonb,"
        " '{public_photos}', '\"checked\"')::json where code = 'pothole'"
    )
    await county.touch()
    supervisor = await People(county).staff("supervisor", "shire")

    async def waiting() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await client.get("/v1/photos", headers=supervisor)).json()[
            "items"
        ]
        return found

    async def public() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await client.get(f"/v1/reports/{made['id']}")).json()[
            "photos"
        ]
        return found

    async with working():
        await until(waiting)
        (item,) = await waiting()
        assert alike(quarters((await client.get(item["clear"], headers=supervisor)).content))
        assert await public() == []
        answer = await client.put(
            f"/v1/photos/{photo}/review",
            json={"review": "human_ok", "regions": [*_boxes(item), LEFT]},
            headers=supervisor,
        )
        assert answer.status_code == 200, answer.text
        await until(public)
    (shown,) = await public()
    for size in ("large", "small"):
        seen = await client.get(shown[size])
        assert seen.status_code == 200
        assert alike(quarters(seen.content), (MEAN, QUARTERS[1], MEAN, QUARTERS[3]))
    hidden = await client.put(
        f"/v1/photos/{photo}/review", json={"review": "hidden"}, headers=supervisor
    )
    assert hidden.status_code == 200
    assert await public() == []
    assert (await client.get(shown["large"])).status_code == 410


def _boxes(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: box[name] for name in LEFT} for box in item["regions"]]
