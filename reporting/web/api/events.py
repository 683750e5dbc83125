"""News of one report as they come (server-sent events)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from reporting.auth import Principal
from reporting.errors import NotFound, NotSignedIn, TooManyRequests, TooManyWatching
from reporting.runtime import Runtime
from reporting.web import limits, showing
from reporting.web.api.reports import TimelineOut
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import ReporterDep, RuntimeDep
from reporting.web.event_stream import Event, EventStream
from reporting.web.news import AWAY, News, Watcher
from reporting.web.problems import responses
from reporting.web.wire import Instant

router = APIRouter(prefix="/v1/reports", tags=["reports"], route_class=StrictRoute)

#: Who missed more than this reads the report anew.
MOST_MISSED: Final = 50
_ID: Final = re.compile(r"([0-9a-f-]{36}):(\d{1,9})")


class NewsOut(Wire):
    """The data of an event `update`: what happened, and how the report stands now."""

    status: str
    status_text: str
    due_at: Instant
    entry: TimelineOut | None = Field(
        description="As in the timeline; null for a change without an entry of its own"
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What a reader has seen: a job at a version."""

    job: UUID
    version: int

    @classmethod
    def read(cls, text: str | None) -> "Known | None":
        """From an event's id; None for none, or none of ours."""
        found = _ID.fullmatch(text or "")
        try:
            return found and cls(UUID(found[1]), int(found[2]))
        except ValueError:
            return None


@router.get(
    "/{id}/events",
    operation_id="watchReport",
    summary="News of a report as they come",
    description=(
        "Server-sent events: the public view; for its reporter, their own. Event `update` carries"
        " what happened; its id is `{job}:{version}`, and with `Last-Event-ID` (or, where a reader"
        " cannot send that, `since`) everything after it comes again. `reload` says that too much"
        " was missed, or the report moved to another job: read it anew. Comments keep the line"
        " open. When there is no room (429, 503) ask for the report itself now and then."
    ),
    response_class=Response,
    responses={
        200: {
            "description": "Until either side has had enough",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **responses(NotFound, NotSignedIn, TooManyRequests, TooManyWatching),
    },
)
async def watch_report(
    request: Request,
    runtime: RuntimeDep,
    principal: ReporterDep,
    id: str,  # noqa: A002 - the contract's name
    since: Annotated[str | None, Query(max_length=50)] = None,
) -> Response:
    async with runtime.reading() as conn:
        report = await showing.report(runtime, conn, id, principal)
    now = Known(report["job"]["id"], report["job"]["version"])
    known = Known.read(request.headers.get("last-event-id") or since) or now
    news: News = request.app.state.news
    watcher = news.watch(known.job, known.version, limits.address_of(request))
    if known != now:
        watcher.news.set()
    stream = _events(runtime, news, watcher, id, principal)
    return EventStream(stream, lambda: news.leave(watcher))


async def _events(
    runtime: Runtime, news: News, watcher: Watcher, name: str, principal: Principal
) -> AsyncIterator[Event]:
    while True:
        await watcher.news.wait()
        watcher.news.clear()
        try:
            async with news.reading, runtime.reading() as conn:
                report = await showing.report(runtime, conn, name, principal)
        except AWAY:
            continue  # whatever is there is found by the next look: the version is still the old
        before = Known(watcher.job, watcher.version)
        now = Known(report["job"]["id"], report["job"]["version"])
        news.follow(watcher, now.job, now.version)
        for event in missed(report, before, now):
            yield event


def missed(report: dict[str, Any], before: Known, now: Known) -> list[Event]:
    """What somebody has not seen, oldest first."""
    if before == now:
        return []
    entries = [
        entry
        for entry in report["timeline"]
        if entry["job"] == now.job and entry["version"] > before.version
    ]
    if before.job != now.job or before.version > now.version or len(entries) > MOST_MISSED:
        return [Event("reload", f"{now.job}:{now.version}", {})]
    found = [_update(report, now.job, entry["version"], entry) for entry in entries]
    if not entries or entries[-1]["version"] < now.version:
        found.append(_update(report, now.job, now.version, None))
    return found


def _update(report: dict[str, Any], job: UUID, version: int, entry: dict[str, Any] | None) -> Event:
    data = {name: report[name] for name in ("status", "status_text", "due_at")}
    return Event("update", f"{job}:{version}", {**data, "entry": entry})
