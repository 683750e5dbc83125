"""What must happen because of a commit, who was told, and answers kept for a repeat."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base


class IdempotencyKey(Base):
    """A stored 2xx answer. Holds no secret in clear: tokens are put back on replay."""

    __tablename__ = "idempotency_key"
    #: BRIN: rows come in the order of time, and only the nightly sweep asks.
    __table_args__ = (Index("ix_idempotency_key_created", "created_at", postgresql_using="brin"),)

    #: The operation and, if there is one, the device: ``createReport:<device uuid or ->``.
    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[UUID] = mapped_column(primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Outbox(Base):
    """Something that must happen because of a commit, recorded in that commit."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_due",
            "next_at",
            "id",
            postgresql_where=text("done_at is null and dead_at is null"),
        ),
        # The fan-out takes all waiting updates of a job together, by their ids.
        Index(
            "ix_outbox_subject",
            "subject",
            postgresql_where=text("done_at is null and dead_at is null"),
        ),
        Index("ix_outbox_dead", "id", postgresql_where=text("dead_at is not null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    #: ``update`` (subject: an update) or ``photo`` (subject: a photo).
    topic: Mapped[str]
    subject: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class Delivery(Base):
    """The ledger of what was sent to whom: one row for each update and subscription."""

    __tablename__ = "delivery"
    __table_args__ = (
        # In this order it also finds a subscription's deliveries when its device is forgotten.
        UniqueConstraint("subscription_id", "update_id"),
        Index("ix_delivery_dead", "id", postgresql_where=text("state = 'dead'")),
        Index(
            "ix_delivery_pending",
            "subscription_id",
            "id",
            postgresql_where=text("state = 'pending'"),
        ),
        CheckConstraint("state in ('pending', 'sent', 'dropped', 'dead')", name="state"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    update_id: Mapped[UUID] = mapped_column(ForeignKey("job_update.id"))
    subscription_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("subscription.id", ondelete="CASCADE")
    )
    #: The report whose reporter hears it; its reference is in the words.
    report_id: Mapped[UUID] = mapped_column(ForeignKey("report.id"))
    state: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class Unconfirmed(Base):
    """A report over the limits, kept until its sender says by e-mail that it is meant."""

    __tablename__ = "unconfirmed"
    __table_args__ = (
        UniqueConstraint("scope", "key"),
        Index("ix_unconfirmed_device", "device_id"),
        Index("ix_unconfirmed_expires", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str]
    key: Mapped[UUID]
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    #: The request as it was sent, JSON.
    body: Mapped[bytes] = mapped_column(LargeBinary)
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("device.id", ondelete="SET NULL"))
    language: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
