"""Who reports and who works: devices, reporters, staff. Erasing somebody is deleting rows here."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base
from reporting.roles import ROLES


class Device(Base):
    """One install of an app. Its token is kept only as a SHA-256."""

    __tablename__ = "device"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    platform: Mapped[str | None]
    language: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Subscription(Base):
    """Where a device, or a reporter who left an address, hears back: one live for each channel."""

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint("channel in ('fcm', 'webpush', 'email')", name="channel"),
        CheckConstraint("(device_id is null) <> (reporter_id is null)", name="whose"),
        Index(
            "uq_subscription_live",
            "device_id",
            "channel",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        Index("ix_subscription_device", "device_id"),
        Index(
            "uq_subscription_reporter_live",
            "reporter_id",
            "channel",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        Index("ix_subscription_reporter", "reporter_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    reporter_id: Mapped[UUID | None] = mapped_column(ForeignKey("reporter.id", ondelete="CASCADE"))
    channel: Mapped[str]
    #: A registration token, a browser's push subscription as JSON, or an e-mail address.
    address: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]


class Reporter(Base):
    """The person behind a report who left contact details. Erasing is deleting this row."""

    __tablename__ = "reporter"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    language: Mapped[str | None]
    updates: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Staff(Base):
    """An account of a council's own people."""

    __tablename__ = "staff"
    __table_args__ = (CheckConstraint(f"role in {ROLES}", name="role"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"))
    #: Codes of the wards (or divisions) a supervisor answers for; empty = the whole authority.
    wards: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class StaffTeam(Base):
    """A crew's membership of a team."""

    __tablename__ = "staff_team"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)


class StaffToken(Base):
    """A signed-in session; the token is kept only as a SHA-256."""

    __tablename__ = "staff_token"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class LoginTry(Base):
    """A log-in, by keyed hashes of account and address.

    Failed ones count for half an hour; of those that succeeded only the address is of interest.
    """

    __tablename__ = "login_try"
    __table_args__ = (
        Index("ix_login_try_account", "account", "at"),
        Index("ix_login_try_address", "address", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account: Mapped[bytes] = mapped_column(LargeBinary)
    address: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    succeeded: Mapped[bool] = mapped_column(server_default=text("false"))
