"""Who reports and who works: devices, reporters, staff. Erasing somebody is deleting rows here."""

from datetime import datetime
from typing import Any
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
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
    #: None: signs in through the council's own identity provider, or was only invited.
    password_hash: Mapped[str | None]
    #: The secret of a second factor (RFC 6238), encrypted; in use from ``totp_since`` on.
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_since: Mapped[datetime | None]
    #: The time step whose code was used last; each code is good once.
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    #: Who they are to the identity provider: issuer and subject.
    oidc_subject: Mapped[str | None] = mapped_column(unique=True)
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
    #: What it is called where sessions are listed.
    id: Mapped[UUID] = mapped_column(unique=True, server_default=func.gen_random_uuid())
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    #: The tablet it was opened on, if it said so.
    tablet: Mapped[UUID | None]
    #: Browser and system, in words.
    name: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    #: Ended by somebody else, or by disabling the account: what is kept on the device must go.
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class StaffInvitation(Base):
    """A link by which somebody of the staff sets a password, once."""

    __tablename__ = "staff_invitation"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class StaffEntry(Base):
    """What was done to an account, by whom. Append-only."""

    __tablename__ = "staff_entry"
    __table_args__ = (Index("ix_staff_entry_staff", "staff_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    #: ``staff:<uuid>``, or ``system`` (the command line, the identity provider).
    actor: Mapped[str]
    what: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))


class OidcAttempt(Base):
    """A log-in that is under way at the identity provider."""

    __tablename__ = "oidc_attempt"
    __table_args__ = (Index("ix_oidc_attempt_expires", "expires_at"),)

    state_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    nonce: Mapped[str]
    code_verifier: Mapped[str]
    #: Where to go afterwards, a path of ours.
    next: Mapped[str]
    tablet: Mapped[UUID | None]
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
