"""The people behind reports: their devices, what they sent, all we hold on them, forgetting them.

A reporter is whoever holds a device's token or a report's tracking token. Forgetting takes their
words, contact details, devices and messages; the report, the job and its chain stand without them.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg.rows import dict_row, namedtuple_row, scalar_row

from reporting import keys
from reporting.auth import Anyone, Device, Principal, Tracking
from reporting.chain import utc
from reporting.errors import CursorRefused, NotAllowed, NotFound, NotSignedIn
from reporting.queries import reporters as queries
from reporting.queries import reports as report_queries
from reporting.reports import views
from reporting.runtime import Connection
from routing.assign import Router
from routing.rulebook import Rules

Reporter = Device | Tracking

#: Reports of one page, and how many an export reads at a time.
PAGE = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a reporter's reports, newest first, and the cursor of those that come after."""

    items: list[dict[str, Any]]
    next: str | None


def reporter(principal: Principal) -> Reporter:
    """The caller as a reporter. NotSignedIn for nobody, NotAllowed for staff."""
    if isinstance(principal, Anyone):
        raise NotSignedIn
    if not isinstance(principal, Device | Tracking):
        raise NotAllowed
    return principal


def own_device(principal: Principal, device: UUID) -> Device:
    """The caller as this device. Another's is NotFound, as if it were absent."""
    if isinstance(principal, Anyone):
        raise NotSignedIn
    if not isinstance(principal, Device):
        raise NotAllowed
    if principal.id != device:
        raise NotFound
    return principal


async def add_device(
    conn: Connection, *, platform: str | None, language: str | None
) -> tuple[UUID, str]:
    """A new device and its bearer, which is shown this once."""
    device, token = uuid4(), keys.new_token(keys.DEVICE)
    await conn.execute(
        queries.ADD_DEVICE,
        {
            "id": device,
            "token_hash": keys.token_hash(token),
            "platform": platform,
            "language": language,
        },
    )
    return device, token


async def set_push(conn: Connection, device: Device, *, channel: str, address: str) -> None:
    """Where the device hears back from now on, with what still waits for it."""
    values = {"device": device.id, "channel": channel, "address": address}
    await conn.execute(queries.SET_PUSH, values)


async def stop_push(conn: Connection, device: Device) -> None:
    """The device hears nothing more; its reports stay its own."""
    await conn.execute(queries.STOP_PUSH, {"device": device.id})


async def forget_device(conn: Connection, device: Device) -> None:
    """The app was removed: its token, addresses and messages go; its reports are nobody's."""
    await conn.execute(queries.FORGET_DEVICE, {"device": device.id})
    await conn.execute(queries.FORGET_ANSWERS, {"scope": f"createReport:{device.id}"})


async def my_reports(
    conn: Connection, router: Router, who: Reporter, *, cursor: str | None, limit: int = PAGE
) -> Page:
    """The reports of this reporter, newest first."""
    rows = await _rows(conn, who, _read(cursor), limit + 1)
    rules = await router.current(conn)
    after = _cursor(rows[limit - 1]) if len(rows) > limit else None
    return Page([_summary(row, rules) for row in rows[:limit]], after)


async def export(conn: Connection, router: Router, who: Reporter) -> dict[str, Any]:
    """All we hold on this reporter."""
    rules = await router.current(conn)
    found: list[dict[str, Any]] = []
    position: tuple[datetime, UUID] | None = None
    while rows := await _rows(conn, who, position, PAGE):
        found.extend([await _whole(conn, row, rules) for row in rows])
        position = (rows[-1].created_at, rows[-1].id)
    return {"device": await _device(conn, who), "reports": found}


async def forget(conn: Connection, who: Reporter) -> None:
    """Erase what leads to this reporter. A tracking token speaks for its one report only."""
    if isinstance(who, Device):
        async with conn.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(queries.OF_DEVICE, {"device": who.id})
            reports = await cursor.fetchall()
    else:
        reports = [who.report]
    for statement in (
        queries.FORGET_WORDS,
        queries.FORGET_CONTACTS,
        queries.FORGET_MESSAGES,
        queries.UNLINK,
    ):
        await conn.execute(statement, {"reports": reports})
    if isinstance(who, Device):
        await forget_device(conn, who)


async def _rows(
    conn: Connection, who: Reporter, position: tuple[datetime, UUID] | None, limit: int
) -> list[Any]:
    before, before_id = position or (None, None)
    values: dict[str, Any] = {"before": before, "before_id": before_id, "limit": limit}
    if isinstance(who, Device):
        statement, values["device"] = queries.BY_DEVICE, who.id
    else:
        statement, values["report"] = queries.BY_TRACKING, who.report
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


def _summary(row: Any, rules: Rules) -> dict[str, Any]:
    found = views.report(row, rules, [])
    del found["timeline"]
    return found


async def _whole(conn: Connection, row: Any, rules: Rules) -> dict[str, Any]:
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(report_queries.TIMELINE, {"job": row.job_id})
        entries: list[Any] = await cursor.fetchall()
        await cursor.execute(report_queries.PHOTOS, {"report": row.id})
        photos: list[Any] = await cursor.fetchall()
        await cursor.execute(queries.MESSAGES, {"report": row.id})
        rows: list[Any] = await cursor.fetchall()
    messages = [
        {
            "update": message.update_id,
            "state": message.state,
            "created_at": utc(message.created_at),
            "sent_at": message.sent_at and utc(message.sent_at),
        }
        for message in rows
    ]
    timeline = views.timeline(row.id, row.since, entries, with_words=True)
    own = views.own(row, [photo._asdict() for photo in photos])
    return {**views.report(row, rules, timeline), **own, "messages": messages}


async def _device(conn: Connection, who: Reporter) -> dict[str, Any] | None:
    if not isinstance(who, Device):
        return None
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.DEVICE, {"device": who.id})
        found = await cursor.fetchone()
        if found is None:  # forgotten since its bearer was looked at
            raise NotSignedIn
        await cursor.execute(queries.SUBSCRIPTIONS, {"device": who.id})
        push = await cursor.fetchall()
    return {
        **found,
        "created_at": utc(found["created_at"]),
        "push": [
            {
                **each,
                "created_at": utc(each["created_at"]),
                "ended_at": each["ended_at"] and utc(each["ended_at"]),
            }
            for each in push
        ],
    }


def _cursor(row: Any) -> str:
    return urlsafe_b64encode(orjson.dumps([row.created_at, row.id])).decode()


def _read(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Not signed: whatever it says, it leads only to the reader's own reports."""
    if cursor is None:
        return None
    try:
        at, report = orjson.loads(urlsafe_b64decode(cursor))
        return datetime.fromisoformat(at), UUID(report)
    except (ValueError, TypeError, AttributeError) as error:
        raise CursorRefused from error
