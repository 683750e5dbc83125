"""Reports over the limits: kept aside until their sender says by e-mail that they are meant.

What is kept would have been taken in as it stands. Confirmed, it is taken in under the key it was
sent with, so that a repeat of the first request is answered as if nothing had come between.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from psycopg.rows import class_row, scalar_row, tuple_row

from geo.points import Point
from reporting.errors import IdempotencyKeyReused
from reporting.queries import confirming as queries
from reporting.reports.values import Claim, Contact, NewReport
from reporting.runtime import Connection

KEPT_FOR: Final = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Kept:
    """A report that waits, and until when."""

    id: UUID
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A report that waits, or has been confirmed, as it was sent."""

    id: UUID
    key: UUID
    body_hash: bytes
    body: bytes
    device_id: UUID | None
    language: str | None
    created_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None

    @property
    def claim(self) -> Claim:
        """The request's own."""
        return Claim(self.key, self.device_id, self.body_hash)

    @property
    def new(self) -> NewReport:
        """The report."""
        return read(self.body)


async def keep(conn: Connection, claim: Claim, new: NewReport, language: str) -> Kept:
    """Keep a report, and have its sender asked; a repeat is told of the first.

    Raises IdempotencyKeyReused when another waits under the key.
    """
    values: dict[str, Any] = {
        "id": uuid4(),
        "scope": claim.scope,
        "key": claim.key,
        "body_hash": claim.body_hash,
        "body": written(new),
        "device": claim.device,
        "language": language,
        "kept_s": KEPT_FOR.total_seconds(),
    }
    await conn.execute(queries.CLEAR, values)
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.KEEP, values)
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - inserted, or there before
    if row[2] != claim.body_hash:
        raise IdempotencyKeyReused
    return Kept(row[0], row[1])


async def find(conn: Connection, unconfirmed: UUID) -> Unconfirmed | None:
    """What waits, or was confirmed; None when its time is over."""
    async with conn.cursor(row_factory=class_row(Unconfirmed)) as cursor:
        await cursor.execute(queries.FIND, {"id": unconfirmed})
        return await cursor.fetchone()


async def confirmed(conn: Connection, unconfirmed: UUID) -> None:
    """Its sender said that it is meant."""
    await conn.execute(queries.CONFIRMED, {"id": unconfirmed})


async def answered(conn: Connection, claim: Claim) -> bool:
    """Whether this request had its answer before, so that a repeat of it costs nothing new."""
    cursor = await conn.execute(queries.ANSWERED, {"scope": claim.scope, "key": claim.key})
    return await cursor.fetchone() is not None


async def known_for(conn: Connection, device: UUID) -> timedelta:
    """How long we have known a device; no time at all when it was forgotten."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.DEVICE_SINCE, {"device": device})
        found: timedelta | None = await cursor.fetchone()
    return found or timedelta(0)


def written(new: NewReport) -> bytes:
    """The report as the API takes it, JSON."""
    place, contact = new.place, new.contact
    found: dict[str, Any] = {
        "category": new.category,
        "location": place and {"lat": place.lat, "lng": place.lng, "accuracy_m": place.accuracy_m},
        "place_text": new.place_text,
        "authority": new.authority,
        "description": new.description,
        "answers": dict(new.answers),
        "photos": list(new.photos),
        "contact": contact
        and {
            "name": contact.name,
            "email": contact.email,
            "phone": contact.phone,
            "language": contact.language,
            "updates": list(contact.updates),
        },
        "same_as": new.same_as,
        "observed_at": new.observed_at,
    }
    return orjson.dumps({name: value for name, value in found.items() if value is not None})


def read(body: bytes) -> NewReport:
    """The report that ``written`` wrote."""
    sent = orjson.loads(body)
    place, contact = sent.pop("location", None), sent.pop("contact", None)
    observed_at = sent.pop("observed_at", None)
    return NewReport(
        **{
            **sent,
            "place": Point(place["lat"], place["lng"], place["accuracy_m"]) if place else None,
            "photos": tuple(UUID(photo) for photo in sent["photos"]),
            "contact": Contact(**{**contact, "updates": tuple(contact["updates"])})
            if contact
            else None,
            "observed_at": datetime.fromisoformat(observed_at) if observed_at else None,
        }
    )
