"""What the server gives a crew's tablet: its page, its worker, its manifest, and a session."""

from uuid import uuid4

import httpx
from fastapi import FastAPI

from reporting import staff
from reporting.runtime import Connection
from tests.support.county import County
from tests.support.desk import PASSWORD, Desk


async def test_the_page_and_its_worker_are_anybodys_and_the_residents_worker_keeps_none_of_it(
    client: httpx.AsyncClient, county: County
) -> None:
    page = await client.get("/crew")
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    worker = await client.get("/crew/sw.js")
    assert worker.headers["Service-Worker-Allowed"] == "/crew"
    assert worker.headers["Cache-Control"] == "no-cache"
    assert "/crew/sync.js" in worker.text
    assert "maplibre-gl-worker.mjs?v=6.17.0" in worker.text
    manifest = (await client.get("/crew/manifest.webmanifest")).json()
    assert (manifest["start_url"], manifest["scope"]) == ("/crew", "/crew")
    residents = (await client.get("/sw.js")).text
    assert "/crew/sync.js" not in residents


async def test_signing_in_on_a_tablet_lasts_a_month_and_is_bound_to_it(
    app: FastAPI, client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    await Desk(app).account("crew", name="Ann Cole", teams=("highways",))
    tablet = str(uuid4())
    form = {"email": "ann@shire.example", "password": "not the password", "tablet": tablet}
    wrong = await client.post("/crew/sign-in", data=form)
    assert wrong.status_code == 401
    assert "not the password" not in wrong.text
    answer = await client.post("/crew/sign-in", data=form | {"password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/crew")
    assert f"Max-Age={staff.LASTING_S}" in answer.headers["set-cookie"]
    cursor = await owner.execute(
        "select tablet, expires_at > now() + interval '29 days' from staff_token"
    )
    [(bound, lasts)] = await cursor.fetchall()
    assert (str(bound), lasts) == (tablet, True)
    assert (await client.get("/v1/me")).status_code == 200
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert (await client.post("/crew/sign-out", headers=foreign)).status_code == 403
    assert (await client.post("/crew/sign-out")).status_code == 204
    assert (await client.get("/v1/me")).status_code == 401
