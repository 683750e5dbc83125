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
from psycopg.rows import dict_row, namedtuple_row, scalar_row, tuple_row

from reporting import keys
from reporting.auth import Anyone, Device, Principal, Tracking
from reporting.chain import utc
from reporting.errors import CursorRefused, NotAllowed, NotFound, NotSignedIn
from reporting.photos import keys_of
from reporting.queries import reporters as queries
from reporting.queries import tracking
from reporting.reports import reading, views
from reporting.reports.reading import Shown
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


@dataclass(frozen=True, slots=True)
class WholeReport:
    """A report as its reporter sees it, and what else we hold because of it."""

    shown: Shown
    more: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """All we hold on a reporter. Each photo is ``{id, state, review}``."""

    device: dict[str, Any] | None
    reports: list[WholeReport]
    #: Pictures that were uploaded and not sent, and reports that wait to be confirmed.
    photos: list[dict[str, Any]]
    unconfirmed: list[dict[str, Any]]


async def count(conn: Connection, who: Reporter) -> int:
    """How many reports are theirs."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        if isinstance(who, Device):
            await cursor.execute(queries.COUNT_OF_DEVICE, {"device": who.id})
            found: int | None = await cursor.fetchone()
            return found or 0
    return 1


async def is_of_device(conn: Connection, who: Tracking, device: Device) -> bool:
    """Whether the report of a tracking token is one that this device sent."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.DEVICE_OF, {"report": who.report})
        return await cursor.fetchone() == device.id


async def export(conn: Connection, router: Router, who: Reporter) -> Export:
    """All we hold on this reporter."""
    rules = await router.current(conn)
    found: list[WholeReport] = []
    position: tuple[datetime, UUID] | None = None
    while rows := await _rows(conn, who, position, PAGE):
        found.extend([await _whole(conn, row, rules) for row in rows])
        position = (rows[-1].created_at, rows[-1].id)
    device = {"device": who.id if isinstance(who, Device) else None}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.LOOSE, device)
        photos = await cursor.fetchall()
        await cursor.execute(queries.UNCONFIRMED, device)
        unconfirmed = await cursor.fetchall()
    return Export(
        await _device(conn, who), found, photos, [_unconfirmed(row) for row in unconfirmed]
    )


async def forget(conn: Connection, who: Reporter) -> list[str]:
    """Erase what leads to this reporter. A tracking token speaks for its one report only.

    Gives the keys in the store that nothing names any more: to be deleted after the commit.
    """
    if isinstance(who, Device):
        async with conn.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(queries.OF_DEVICE, {"device": who.id})
            reports = await cursor.fetchall()
    else:
        reports = [who.report]
    gone = await _pictures(conn, queries.FORGET_PHOTOS, {"reports": reports})
    for statement in (
        queries.FORGET_WORDS,
        queries.FORGET_TYPED_OF_JOBS,
        queries.FORGET_TYPED,
        queries.FORGET_FEEDBACK,
        queries.FORGET_CONTACTS,
        queries.FORGET_MESSAGES,
        queries.FORGET_CONFIRMED,
        queries.UNLINK,
    ):
        await conn.execute(statement, {"reports": reports})
    scopes = [f"{said}:{report}" for said in ("feedback", "withdraw") for report in reports]
    await conn.execute(queries.FORGET_FOLLOWED, {"scopes": scopes})
    if isinstance(who, Device):
        await conn.execute(queries.FORGET_UNCONFIRMED, {"device": who.id})
        gone += await _pictures(conn, queries.FORGET_LOOSE, {"device": who.id})
        gone += await _parts(conn, who)
        await forget_device(conn, who)
    return gone


async def _pictures(conn: Connection, statement: str, values: dict[str, Any]) -> list[str]:
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(statement, values)
        return [key for row in await cursor.fetchall() for key in keys_of(*row)]


async def _parts(conn: Connection, device: Device) -> list[str]:
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.FORGET_UPLOADS, {"device": device.id})
        return [part for parts in await cursor.fetchall() for part in parts]


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


async def _whole(conn: Connection, row: Any, rules: Rules) -> WholeReport:
    report = {"report": row.id}
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(tracking.TIMELINE, report)
        entries: list[Any] = await cursor.fetchall()
        await cursor.execute(tracking.PHOTOS, report)
        photos: list[Any] = await cursor.fetchall()
        await cursor.execute(queries.MESSAGES, report)
        messages: list[Any] = await cursor.fetchall()
    async with conn.cursor(row_factory=dict_row) as mailed:
        await mailed.execute(queries.MAILED, report)
        updates = [_subscription(each) for each in await mailed.fetchall()]
    told = [
        {
            "update": message.update_id,
            "channel": message.channel,
            "state": message.state,
            "created_at": utc(message.created_at),
            "sent_at": message.sent_at and utc(message.sent_at),
        }
        for message in messages
    ]
    shown = reading.shown(row, rules, entries, photos, is_own=True)
    return WholeReport(shown, {"messages": told, "subscriptions": updates})


def _subscription(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "created_at": utc(row["created_at"]),
        "ended_at": row["ended_at"] and utc(row["ended_at"]),
    }


def _unconfirmed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "body": orjson.loads(row["body"]),
        "created_at": utc(row["created_at"]),
        "expires_at": utc(row["expires_at"]),
        "confirmed_at": row["confirmed_at"] and utc(row["confirmed_at"]),
    }


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
        "push": [_subscription(each) for each in push],
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
