"""News of a report as they come: live, resumed, for everyone and for its reporter."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from psycopg import AsyncConnection

from reporting.commands.http import Protocol
from reporting.runtime import Connection
from reporting.web import news
from reporting.web.api import events
from tests.reporting.test_following import Story
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import People, report
from tests.support.scratch import Database
from tests.support.until import until


class Stream:
    """An open stream, and what came over it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.events: list[dict[str, Any]] = []
        self.comments = 0
        self.ended = False

    async def read(self) -> None:
        event: dict[str, Any] = {}
        try:
            async for line in self.answer.aiter_lines():
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    event[name] = json.loads(value) if name == "data" else value
                elif "event" in event:
                    self.events.append(event)
                    event = {}
        except httpx.HTTPError:
            pass
        self.ended = True

    @property
    def told(self) -> list[str]:
        return [
            f"{event['event']} {event['data'].get('status', '')}".strip() for event in self.events
        ]


@asynccontextmanager
async def watching(
    site: str, reference: str, headers: dict[str, str] | None = None, **params: str
) -> AsyncIterator[Stream]:
    async with (
        httpx.AsyncClient(base_url=site, timeout=httpx.Timeout(10, read=None)) as client,
        client.stream(
            "GET", f"/v1/reports/{reference}/events", headers=headers or {}, params=params
        ) as answer,
    ):
        stream = Stream(answer)
        if answer.status_code != 200:
            await answer.aread()
            yield stream
            return
        reading = asyncio.create_task(stream.read())
        try:
            yield stream
        finally:
            reading.cancel()


@pytest.fixture
async def story(client: httpx.AsyncClient, county: County, owner: Connection) -> Story:
    made = await report(client, pothole())
    return Story(client, owner, county, await People(county).crew(), made)


async def test_a_change_arrives_with_what_the_timeline_says(site: str, story: Story) -> None:
    async with watching(site, story.made["id"], story.mine) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert stream.answer.headers["cache-control"] == "no-store"
        assert stream.answer.headers["x-accel-buffering"] == "no"
        await story.crews(status="in_progress", public_message="With cones")
        (event,) = await until(lambda: stream.events)
        assert event["id"] == f"{story.made['job']['id']}:2"
        assert event["data"]["status_text"] == "A crew is on it"
        timeline = (await story.own())["timeline"]
        assert event["data"]["entry"] == timeline[-1]
        assert event["data"]["entry"]["message"] == "With cones"


async def test_the_public_hears_what_the_public_may_see(site: str, story: Story) -> None:
    async with watching(site, story.made["reference"]) as stream:
        await story.crews(status="waiting", reason="Dave", public_message="Ring 07700 900123")
        (event,) = await until(lambda: stream.events)
        assert event["data"]["status"] == "waiting"
        assert event["data"]["entry"]["message"] is None
        assert "Dave" not in json.dumps(event)
        await story.says(True, description="Ann's words")
        await story.crews(status="in_progress")
        await until(lambda: stream.told[-1] == "update in_progress")
        assert "Ann" not in json.dumps(stream.events)


@pytest.mark.parametrize("how", ["header", "since"])
async def test_who_comes_back_misses_nothing(site: str, story: Story, how: str) -> None:
    async with watching(site, story.made["id"]) as stream:
        await story.crews(status="in_progress")
        last = (await until(lambda: stream.events))[-1]["id"]
    await story.crews(status="waiting", reason="sun")
    await story.crews(note="for colleagues only")
    await story.crews(status="in_progress")
    await story.crews(note="and this")
    headers, params = ({"Last-Event-ID": last}, {}) if how == "header" else ({}, {"since": last})
    async with watching(site, story.made["id"], headers, **params) as stream:
        await until(lambda: len(stream.events) == 3)
        ids = [event["id"].rpartition(":")[2] for event in stream.events]
        assert ids == ["3", "5", "6"]
        assert stream.told == ["update in_progress"] * 3  # how it stands now, with each
        entries = [event["data"]["entry"] for event in stream.events]
        assert [entry and entry["status"] for entry in entries] == ["waiting", "in_progress", None]
        await story.crews(status="fixed")
        await until(lambda: stream.told[-1] == "update fixed")


async def test_who_missed_too_much_or_knows_another_job_reads_anew(
    site: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_MISSED", 1)
    for status in ("in_progress", "scheduled", "in_progress"):
        await story.crews(status=status)
    job = story.made["job"]["id"]
    for last in (f"{job}:1", f"{story.made['id']}:1", f"{job}:99"):
        async with watching(site, story.made["id"], {"Last-Event-ID": last}) as stream:
            await until(lambda: stream.events)
            assert stream.told == ["reload"]
            assert stream.events[0]["id"] == f"{job}:4"


@pytest.mark.parametrize("last", ["", "x", "1:2", "-" * 36 + ":1", "1:2:3"])
async def test_an_id_that_is_none_of_ours_begins_now(site: str, story: Story, last: str) -> None:
    async with watching(site, story.made["id"], {"Last-Event-ID": last}) as stream:
        await story.crews(status="in_progress")
        await until(lambda: stream.events)
        assert stream.told == ["update in_progress"]


@pytest.mark.parametrize("many", [50, pytest.param(200, marks=pytest.mark.long)])
async def test_many_watch_without_holding_a_connection(
    site: str, story: Story, app: FastAPI, owner: Connection, many: int
) -> None:
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(watching(site, story.made["id"])) for _ in range(many)
        ]
        assert len(app.state.news) == many
        listening = await owner.execute(
            "select count(*) from pg_stat_activity"
            " where application_name = 'kerbline-news' and datname = current_database()"
        )
        assert await listening.fetchone() == (1,)
        assert (await story.client.get("/readyz")).status_code == 200
        await story.crews(status="in_progress")
        await until(lambda: all(stream.told == ["update in_progress"] for stream in streams))
    await until(lambda: len(app.state.news) == 0, "all have left")


async def test_the_database_comes_back_and_nothing_was_missed(
    site: str, story: Story, database: Database
) -> None:
    async with watching(site, story.made["id"]) as stream:
        await story.crews(status="in_progress")
        await until(lambda: stream.told == ["update in_progress"])
        async with await AsyncConnection.connect(database.admin_url, autocommit=True) as admin:
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and application_name like 'kerbline%'"
            )

        async def is_back() -> bool:
            path = f"/v1/jobs/{story.made['job']['id']}"
            return (await story.client.get(path, headers=story.crew)).status_code == 200

        for _ in range(4):  # each connection of the pool finds out for itself
            await until(is_back)
        assert (await story.crews(status="fixed")).status_code == 200
        await until(lambda: stream.told[-1] == "update fixed")
        assert stream.told == ["update in_progress", "update fixed"]


async def test_too_many_are_told_to_look_again_later(
    site: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = story.made["id"]
    monkeypatch.setattr(news, "MOST_OF_ADDRESS", 2)
    async with watching(site, path), watching(site, path), watching(site, path) as third:
        assert third.answer.status_code == 429
        assert third.answer.headers["retry-after"]
        monkeypatch.setattr(news, "MOST", 2)
        async with watching(site, path) as fourth:
            assert fourth.answer.status_code == 503
            assert fourth.answer.json()["code"] == "too-many-watching"
            assert fourth.answer.headers["retry-after"]


async def test_a_silent_line_is_kept_open(
    site: str, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporting.web.event_stream.KEEP_ALIVE_S", 0.02)
    async with watching(site, story.made["id"]) as stream:
        await until(lambda: stream.comments > 3)
        await story.crews(status="in_progress")
        await until(lambda: stream.events)


async def test_what_is_not_there_and_who_is_not_known(site: str, story: Story) -> None:
    async with watching(site, "KB-222222") as stream:
        assert stream.answer.status_code == 404
    wrong = {"Authorization": "Bearer kbt_" + "A" * 43}
    async with watching(site, story.made["id"], wrong) as stream:
        assert stream.answer.status_code == 401


async def test_a_process_that_stops_does_not_wait_for_those_who_watch(
    app: FastAPI, story: Story
) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=0, lifespan="off", log_config=None, http=Protocol
        )
    )
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    site = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    async with watching(site, story.made["id"]) as stream:
        server.should_exit = True
        await until(lambda: stream.ended and serving.done())
    await serving
