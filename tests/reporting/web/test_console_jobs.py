"""A job at a desk, without JavaScript: found, passed on, taken back, handed over."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from reporting.runtime import Connection
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.desk import Desk, sign_in
from tests.support.people import job_of, report

OURS = {"Origin": "http://testserver"}


@pytest.fixture
async def desk(app: FastAPI, county: County) -> Desk:
    found = Desk(app)
    await found.account()
    return found


def field(page: str, name: str) -> str:
    """The value of a hidden field, the first of its name."""
    return re.findall(rf'name="{name}" value="([^"]*)"', page)[0]


async def act(client: httpx.AsyncClient, job: UUID, action: str, **values: str) -> httpx.Response:
    """Open the job's page and send one of its forms."""
    page = (await client.get(f"/console/jobs/{job}")).text
    form = {"action": action, "key": field(page, "key"), "version": field(page, "version")}
    return await client.post(f"/console/jobs/{job}", data={**form, **values}, headers=OURS)


async def test_a_job_is_found_by_what_somebody_reads_out(
    client: httpx.AsyncClient, desk: Desk, owner: Connection
) -> None:
    made = await report(client, pothole("W1", description="By the gate"))
    await sign_in(client)
    start = (await client.get("/console")).text
    assert 'action="/console/jobs"' in start
    page = f"/console/jobs/{job_of(made)}"
    for typed in (
        made["reference"],
        made["job"]["reference"],
        f" {made['reference'][3:].lower()} ",
    ):
        found = await client.get("/console/jobs", params={"reference": typed})
        assert (found.status_code, found.headers["location"]) == (303, page)
    for typed in ("KB-222222", "nonsense", "<b>"):
        lost = await client.get("/console/jobs", params={"reference": typed})
        assert lost.status_code == 404
        assert "No job of yours has the reference" in lost.text
    text = (await client.get(page)).text
    for told in ("Pothole", "By the gate", "How deep is it", "Highways of Shire County Council"):
        assert told in text
    assert "won because it is the only rule that applies" in text


async def test_it_is_passed_on_and_gone_and_the_others_accept_it(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    made = await report(client, pothole("W1"))
    job = job_of(made)
    await desk.account(name="Wyn Price", authority="west")
    await sign_in(client)
    wrong = await act(client, job, "refer", authority="east", note="Theirs, I think.")
    assert wrong.status_code == 422
    assert "does not answer for this place" in wrong.text
    assert "Theirs, I think." in wrong.text
    gone = await act(client, job, "refer", authority="west", note="It is on your car park.")
    assert gone.status_code == 303
    told = await client.get(gone.headers["location"])
    assert f"{made['job']['reference']} was passed on to West District Council" in told.text
    assert (await client.get(f"/console/jobs/{job}")).status_code == 404
    await sign_in(client, "wyn@west.example")
    waiting = (await client.get("/console/jobs")).text
    assert made["job"]["reference"] in waiting
    assert "Passed to you: accept it or pass it on" in waiting
    text = (await client.get(f"/console/jobs/{job}")).text
    assert "It is on your car park." in text
    assert "Shire County Council referred it to West District Council." in text
    assert (await act(client, job, "back")).status_code == 303
    assert "Passed to you" not in (await client.get(f"/console/jobs/{job}")).text


async def test_it_is_passed_outside_with_a_link_and_taken_back(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    job = job_of(await report(client, pothole("W1")))
    await sign_in(client)
    assert (await act(client, job, "outside", name="")).status_code == 422
    sent = await act(
        client, job, "outside", name="Network Rail", email="asset@rail.example", days="20"
    )
    assert sent.status_code == 303
    text = (await client.get(f"/console/jobs/{job}")).text
    assert "Passed on to Network Rail" in text
    assert "and the clock stands still" in text
    assert "http://testserver/handover/" in text
    assert (await act(client, job, "back")).status_code == 303
    assert "Passed on to Network Rail" not in (await client.get(f"/console/jobs/{job}")).text


async def test_links_are_made_shown_and_revoked(client: httpx.AsyncClient, desk: Desk) -> None:
    job = job_of(await report(client, pothole("W1")))
    await sign_in(client)
    for wrong in ({"days": "0"}, {"days": "x"}, {"email": "nobody"}, {"name": "\x00"}):
        values: dict[str, str] = {"name": "Mere Surfacing", "days": "14", **wrong}
        refused = await act(client, job, "hand-over", **values)
        assert refused.status_code == 422, wrong
    made = await act(client, job, "hand-over", name="Mere Surfacing", days="14")
    assert made.status_code == 303
    text = (await client.get(f"/console/jobs/{job}")).text
    [link] = set(re.findall(r"http://testserver(/handover/[\w-]{43})", text))
    assert (await client.get(link)).status_code == 200
    handover = field(text, "handover")
    assert (await act(client, job, "revoke", handover=handover)).status_code == 303
    assert (await client.get(link)).status_code == 404
    text = (await client.get(f"/console/jobs/{job}")).text
    assert "/handover/" not in text
    assert "The link of Mere Surfacing was revoked." in text


@pytest.mark.parametrize("role", ["crew", "auditor"])
async def test_who_may_only_see_it_decides_nothing(
    client: httpx.AsyncClient, desk: Desk, role: str
) -> None:
    job = job_of(await report(client, pothole("W1")))
    teams: tuple[Any, ...] = ("highways",) if role == "crew" else ()
    await desk.account(role, name="Sam Cole", teams=teams)
    await sign_in(client)
    assert (await act(client, job, "hand-over", name="Mere", days="9")).status_code == 303
    await sign_in(client, "sam@shire.example")
    text = (await client.get(f"/console/jobs/{job}")).text
    assert "Hand it over" not in text
    assert "/handover/" not in text
    assert (await client.get("/console")).status_code == 200
    for values in (
        {"action": "hand-over", "name": "Mere", "days": "9"},
        {"action": "refer", "authority": "west", "version": "2"},
        {"action": "outside", "name": "Mere", "version": "2"},
    ):
        refused = await client.post(f"/console/jobs/{job}", data=values, headers=OURS)
        assert refused.status_code == 403, values


async def test_a_form_of_another_site_passes_nothing_on(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    job = job_of(await report(client, pothole("W1")))
    await sign_in(client)
    sent = await client.post(
        f"/console/jobs/{job}",
        data={"action": "refer", "authority": "west", "version": "1"},
        headers={"Origin": "https://elsewhere.example"},
    )
    assert sent.status_code == 403
    assert (await client.get(f"/console/jobs/{job}")).status_code == 200
