"""What crews need: what tablets said, what left a team, rounds, links for contractors, warnings."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base
from reporting.tables.xid import Xid8


class JobDeparture(Base):
    """A job left a team, ward or authority; a trigger writes it, whatever moved the job.

    Whoever could see the job by these columns, and cannot by those it has now, is told it is gone.
    """

    __tablename__ = "job_departure"
    __table_args__ = (
        Index("ix_job_departure_team_changed", "team_id", "changed_xid"),
        Index("ix_job_departure_authority_changed", "authority_id", "changed_xid"),
        Index("ix_job_departure_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job_id: Mapped[UUID]
    authority_id: Mapped[int]
    team_id: Mapped[int]
    ward_area_id: Mapped[int | None]
    division_area_id: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_xid: Mapped[int] = mapped_column(Xid8, server_default=func.pg_current_xact_id())


class JobTouch(Base):
    """What a tablet shows of a job changed without an update; triggers write it.

    A picture was made ready or hidden, words were let through or erased. A row of its own and not
    a column of the job: whoever works on a picture must not wait for who works on its job, nor they
    for each other in a circle.
    """

    __tablename__ = "job_touch"
    __table_args__ = (
        Index("ix_job_touch_changed", "changed_xid"),
        Index("ix_job_touch_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_xid: Mapped[int] = mapped_column(Xid8, server_default=func.pg_current_xact_id())


class Operation(Base):
    """What became of something a tablet did: one outcome for each, given again when it repeats."""

    __tablename__ = "operation"
    __table_args__ = (
        CheckConstraint("outcome in ('applied', 'conflict', 'refused')", name="outcome"),
        Index("ix_operation_job_tablet", "job_id", "tablet"),
        Index("ix_operation_recorded", "recorded_at"),
    )

    #: The client's uuid; also the id of the update it became.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    tablet: Mapped[UUID]
    #: The order on that tablet; 1 for its first.
    device_seq: Mapped[int] = mapped_column(BigInteger)
    job_id: Mapped[UUID]
    outcome: Mapped[str]
    #: Of a conflict, the fields; of a refusal, its code. Never words.
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WorkRound(Base):
    """The order in which somebody means to go to the day's jobs."""

    __tablename__ = "work_round"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    team_id: Mapped[int] = mapped_column(primary_key=True)
    #: In the authority's own zone.
    day: Mapped[date] = mapped_column(primary_key=True)
    #: Jobs in order of going, JSON; see ``rounds``.
    stops: Mapped[list[Any]] = mapped_column(JSONB)
    #: ``{lat, lng}`` where the round begins.
    start: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Handover(Base):
    """A link by which somebody without an account sees one job and says that it is done."""

    __tablename__ = "handover"
    __table_args__ = (Index("ix_handover_job", "job_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    #: To whom: a firm, or somebody there.
    name: Mapped[str]
    email: Mapped[str | None]
    #: What the supervisor asks of them.
    message: Mapped[str | None]
    opened_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Escalation(Base):
    """That a job needs a supervisor's eye, said once for each kind and each time it was open."""

    __tablename__ = "escalation"
    __table_args__ = (
        CheckConstraint("kind in ('not_started', 'due_soon', 'overdue')", name="kind"),
        Index("ix_escalation_at", "at"),
    )

    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    #: How often the job had been reopened.
    reopened: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class WarningMail(Base):
    """A mail to one of the staff about all that came to need their eye in one run."""

    __tablename__ = "warning_mail"
    __table_args__ = (Index("ix_warning_mail_created", "created_at"),)

    #: Also what its Message-ID begins with: the same mail sent twice is shown once.
    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    #: Job and kind, the most serious first; see ``escalating``.
    warnings: Mapped[list[Any]] = mapped_column(JSONB)
    #: How many jobs are not named in it.
    more: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
    #: ``sent``, or why it was not.
    outcome: Mapped[str | None]
