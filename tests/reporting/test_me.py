"""My reports, all you hold on me, forget me: with a device's and with a tracking bearer."""

import json
from typing import Any

import httpx
import pytest

from reporting import outbox
from reporting.runtime import Connection, Runtime
from reporting.verify import verify
from tests.reporting.test_devices import bearer, made
from tests.reporting.test_reports import pothole, send
from tests.support.county import County
from tests.support.street import Street

SECRET = "Ann Example of 3 Mill Lane"
CONTACT = {"name": "Ann Example", "email": "ann@example.org", "phone": "01632 960001"}


async def sent(client: httpx.AsyncClient, headers: dict[str, str], **more: Any) -> dict[str, Any]:
    said = await send(client, pothole(**more), **headers)
    assert said.status_code == 201, said.text
    return said.json()


async def personal(conn: Connection) -> list[str]:
    """Every row of the database in which a reporter can be found."""
    cursor = await conn.execute(
        "select table_name from information_schema.tables"
        " where table_schema = 'public' and table_type = 'BASE TABLE'"
        " and table_name not in ('spatial_ref_sys')"
    )
    found = []
    for (table,) in await cursor.fetchall():
        rows = await conn.execute(f'select row_to_json(t)::text from "{table}" t')
        found += [row for (row,) in await rows.fetchall() if "Ann" in row or "01632" in row]
    return found


async def test_my_reports_are_mine_newest_first_in_pages(client: httpx.AsyncClient, county: County):
    _, mine = await made(client)
    _, others = await made(client)
    first, second, third = [await sent(client, mine, ward=ward) for ward in ("W1", "W2", "E1")]
    await sent(client, others, ward="E2")
    said = await client.get("/v1/me/reports", headers=mine)
    assert said.status_code == 200
    assert said.headers["etag"]
    wanted = [third["reference"], second["reference"], first["reference"]]
    assert [item["reference"] for item in said.json()["items"]] == wanted
    assert said.json()["next"] is None
    seen, cursor = [], ""
    while cursor is not None:
        page = await client.get(f"/v1/me/reports?limit=2{cursor}", headers=mine)
        seen += [item["reference"] for item in page.json()["items"]]
        cursor = page.json()["next"] and f"&cursor={page.json()['next']}"
    assert seen == wanted
    tracked = await client.get("/v1/me/reports", headers=bearer(first["tracking_token"]))
    assert [item["reference"] for item in tracked.json()["items"]] == [first["reference"]]


@pytest.mark.parametrize("cursor", ["x", "bnVsbA==", "WzEsMl0=", "%00"])
async def test_a_strange_cursor_is_refused(client: httpx.AsyncClient, county: County, cursor: str):
    _, mine = await made(client)
    said = await client.get(f"/v1/me/reports?cursor={cursor}", headers=mine)
    assert (said.status_code, said.json()["code"]) == (422, "cursor-refused")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/reports"), ("GET", "/export"), ("DELETE", "")]
)
async def test_only_a_reporter_has_a_me(client: httpx.AsyncClient, method: str, path: str):
    assert (await client.request(method, f"/v1/me{path}")).status_code == 401
    for token in ("kbt_none", "kbd_none", "kbs_none", "kbk_none", "eyJhbGciOiJub25lIn0.e30."):
        said = await client.request(method, f"/v1/me{path}", headers=bearer(token))
        assert said.status_code == 401, token


async def test_the_export_holds_all_we_hold(
    client: httpx.AsyncClient, county: County, owner: Connection
):
    device, mine = await made(client, platform="ios", language="en")
    await client.put(f"/v1/devices/{device}/push", json={"fcm": {"token": "phone"}}, headers=mine)
    report = await sent(client, mine, description=SECRET, contact=CONTACT)
    await sent(client, {}, ward="E1", description="Somebody else's")
    said = await client.get("/v1/me/export", headers=mine)
    assert said.status_code == 200
    assert said.headers["cache-control"] == "no-store"
    found = said.json()
    assert found["device"]["id"] == device
    assert [push["address"] for push in found["device"]["push"]] == ["phone"]
    (whole,) = found["reports"]
    assert whole["reference"] == report["reference"]
    assert whole["description"] == SECRET
    assert whole["contact"]["email"] == CONTACT["email"]
    assert [entry["status"] for entry in whole["timeline"]] == ["received"]
    assert "Somebody else" not in said.text


async def test_forgetting_me_leaves_the_report_the_job_and_the_chain(
    client: httpx.AsyncClient, county: County, owner: Connection, runtime: Runtime
):
    device, mine = await made(client)
    await client.put(
        f"/v1/devices/{device}/push",
        json={"fcm": {"token": "Ann"}},
        headers=mine,
    )
    report = await sent(client, mine, description=SECRET, contact=CONTACT)
    assert await personal(owner)
    assert (await client.delete("/v1/me", headers=mine)).status_code == 204
    assert await personal(owner) == []
    assert (await client.get("/v1/me/reports", headers=mine)).status_code == 401
    public = await client.get(f"/v1/reports/{report['reference']}")
    assert public.json()["status"] == "received"
    proof = await verify(owner, runtime.keys)
    assert proof.findings == []
    assert proof.jobs == 1
    cursor = await owner.execute("select count(*) from idempotency_key")
    assert await cursor.fetchone() == (0,)


async def test_a_tracking_token_forgets_its_one_report(
    client: httpx.AsyncClient, county: County, owner: Connection
):
    _, mine = await made(client)
    one = await sent(client, mine, description=SECRET, contact=CONTACT)
    other = await sent(client, mine, ward="E1", description="Kept")
    said = await client.delete("/v1/me", headers=bearer(one["tracking_token"]))
    assert said.status_code == 204
    assert await personal(owner) == []
    left = (await client.get("/v1/me/reports", headers=mine)).json()["items"]
    assert [item["reference"] for item in left] == [other["reference"]]
    assert len((await client.get("/v1/me/export", headers=mine)).json()["reports"]) == 1


async def test_what_was_typed_in_answer_to_a_question_is_forgotten_too(
    client: httpx.AsyncClient, county: County, owner: Connection
):
    lamp = {
        "code": "lamp",
        "name": "Street lamp",
        "questions": [
            {"code": "column", "label": "What is on the column?", "kind": "text"},
            {"code": "lit", "label": "Is it lit?", "kind": "bool"},
            {
                "code": "side",
                "label": "Which side?",
                "kind": "choice",
                "choices": [{"code": "left", "label": "Left"}],
            },
        ],
        "risk": {"impact": 1, "likelihood": 1, "moves": []},
        "radius_m": 10,
    }
    await county.conn.execute(
        "insert into category (code, position, definition) values ('lamp', 9, %s)",
        (json.dumps(lamp),),
    )
    await county.touch()
    _, mine = await made(client)
    answers = {"column": SECRET, "lit": False, "side": "left"}
    await sent(client, mine, category="lamp", answers=answers)
    assert await personal(owner)
    assert (await client.delete("/v1/me", headers=mine)).status_code == 204
    assert await personal(owner) == []
    cursor = await owner.execute("select answers from report")
    assert await cursor.fetchall() == [({"lit": False, "side": "left"},)]


async def test_forgetting_drops_what_waits_to_be_sent(
    client: httpx.AsyncClient, county: County, owner: Connection
):
    street = Street(county)
    device, mine = await made(client)
    await client.put(f"/v1/devices/{device}/push", json={"fcm": {"token": "phone"}}, headers=mine)
    await sent(client, mine)
    assert await outbox.fan_out(owner, await street.outbox_ids())
    assert (await client.delete("/v1/me", headers=mine)).status_code == 204
    assert await street.all("select 1 from delivery") == []
