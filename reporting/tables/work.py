"""Reports, jobs and what happens to them.

Jobs, reports and assignments name authorities, teams, categories and areas without a foreign key:
nothing of those is ever deleted (the processes' role may not), and ten checks for each report took
a sixth of its time in PostgreSQL. Nor do the rows that are written in one statement with the job
and report they name.

Words and contact details stand in rows of their own (``report_words``, ``reporter``,
``update_words``), so that they can be erased without touching a report, a job or the chain.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Sequence,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base, PointColumn
from reporting.status import OPEN_CONDITION
from reporting.tables.xid import Xid8

STATUSES = ("received", "scheduled", "in_progress", "waiting", "referred", "fixed", "closed")

#: Numbers behind the references of reports and jobs (``references.py`` turns them into words).
REFERENCE_NUMBER = Sequence("reference_number", metadata=Base.metadata)


class Job(Base):
    """The one piece of work a defect needs. Status, team and due time live here."""

    __tablename__ = "job"
    __table_args__ = (
        CheckConstraint(f"status in {STATUSES}", name="status"),
        CheckConstraint("priority between 1 and 4", name="priority"),
        CheckConstraint("(status = 'closed') = (closed_reason is not null)", name="closed_reason"),
        CheckConstraint(
            "(closed_reason is not distinct from 'merged') = (merged_into is not null)",
            name="merged_into",
        ),
        Index("ix_job_merged", "merged_into", postgresql_where=text("merged_into is not null")),
        Index(
            "ix_job_place_open",
            "place",
            postgresql_using="gist",
            postgresql_where=text(OPEN_CONDITION),
        ),
        # Lists go by due time. Open jobs have indexes of their own, so that years of closed ones
        # cost them nothing; wards with closed jobs are read from the authority's.
        Index("ix_job_team_due", "team_id", "due_at", "id"),
        Index("ix_job_authority_due", "authority_id", "due_at", "id"),
        # What changed since a tablet last asked.
        Index("ix_job_team_changed", "team_id", "changed_xid"),
        Index("ix_job_authority_changed", "authority_id", "changed_xid"),
        *(
            Index(
                f"ix_job_{name}_due_open",
                column,
                "due_at",
                "id",
                postgresql_where=text(OPEN_CONDITION),
            )
            for name, column in (
                ("team", "team_id"),
                ("authority", "authority_id"),
                ("ward", "ward_area_id"),
                ("division", "division_area_id"),
            )
        ),
        # What may have to be told to a supervisor; see ``queries.escalating``.
        Index(
            "ix_job_watched",
            "authority_id",
            "category",
            "priority",
            "due_at",
            postgresql_where=text(
                "status in ('received', 'scheduled', 'in_progress') and warned_late < reopened"
            ),
        ),
        Index(
            "ix_job_not_checkpointed", "id", postgresql_where=text("version > checkpointed_version")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    authority_id: Mapped[int]
    team_id: Mapped[int]
    #: Who of the staff is on it; null: nobody said.
    worker_id: Mapped[UUID | None]
    #: The body outside Kerbline that it was passed to, by name.
    referred_to: Mapped[str | None]
    category: Mapped[str]
    #: The lowest tier's ward, in the vintage it was given by; null when the place is in no ward.
    ward_area_id: Mapped[int | None]
    division_area_id: Mapped[int | None]
    #: Null where the place was given in words only (flag ``needs_place``).
    place: Mapped[PointColumn | None]
    #: Of the report that made it, for telling whether the next is about the same defect.
    accuracy_m: Mapped[float | None]
    answers: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    status: Mapped[str]
    #: Why it is ``waiting`` (free text) or, for ``closed``, in ``closed_reason``.
    waiting_for: Mapped[str | None]
    closed_reason: Mapped[str | None]
    scheduled_for: Mapped[datetime | None]
    priority: Mapped[int] = mapped_column(SmallInteger)
    #: Somebody of the staff set it; it stays until the category or place is put right.
    priority_by_hand: Mapped[bool] = mapped_column(server_default=text("false"))
    due_at: Mapped[datetime]
    #: When the clock stopped (``waiting``); null while it runs.
    clock_stopped_at: Mapped[datetime | None]
    reports: Mapped[int] = mapped_column(server_default=text("1"))
    reopened: Mapped[int] = mapped_column(server_default=text("0"))
    #: How often it had been reopened when its supervisor was told that it is late; -1: never.
    warned_late: Mapped[int] = mapped_column(server_default=text("-1"))
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    #: The seq of its last update, and that update's hash.
    version: Mapped[int]
    chain_head: Mapped[bytes] = mapped_column(LargeBinary)
    checkpointed_version: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    #: The job that its reports went to, all of them; such a job is counted and listed nowhere.
    merged_into: Mapped[UUID | None]
    #: The transaction that last changed what a tablet shows of it; a trigger keeps it.
    changed_xid: Mapped[int] = mapped_column(Xid8, server_default=func.pg_current_xact_id())


class Report(Base):
    """What one resident told us. Never merged away, never lost; keeps its ward for ever."""

    __tablename__ = "report"
    __table_args__ = (
        Index("ix_report_device", "device_id", postgresql_where=text("device_id is not null")),
        Index(
            "ix_report_reporter", "reporter_id", postgresql_where=text("reporter_id is not null")
        ),
        # Reports are stored in order of time, so this costs a write next to nothing.
        Index("ix_report_created", "created_at", postgresql_using="brin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    category: Mapped[str]
    place: Mapped[PointColumn | None]
    accuracy_m: Mapped[float | None]
    authority_id: Mapped[int]
    ward_area_id: Mapped[int | None]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("device.id", ondelete="SET NULL"))
    reporter_id: Mapped[UUID | None] = mapped_column(ForeignKey("reporter.id", ondelete="SET NULL"))
    #: The staff account that took it down for a caller.
    taken_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    tracking_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    observed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class ReportWords(Base):
    """The free text of a report (its description, or its place in words)."""

    __tablename__ = "report_words"
    __table_args__ = (
        Index(
            "ix_report_words_held",
            "report_id",
            postgresql_where=text("held_for <> '{}' and released_at is null and kept_at is null"),
        ),
    )

    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    description: Mapped[str | None]
    place_text: Mapped[str | None]
    #: What the screen found in the description; anything keeps it from the public view.
    held_for: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    #: Somebody of the staff read it and let it through.
    released_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    #: Somebody of the staff read it and kept it back.
    kept_at: Mapped[datetime | None]
    kept_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class JobReport(Base):
    """The dated link from a report to a job. A report has one link without an end."""

    __tablename__ = "job_report"
    __table_args__ = (
        Index(
            "uq_job_report_current",
            "report_id",
            unique=True,
            postgresql_where=text("until is null"),
        ),
        Index("ix_job_report_job", "job_id"),
    )

    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    until: Mapped[datetime | None]


class Assignment(Base):
    """The answer routing gave for a job, with its reasons. The last one counts; none is changed."""

    __tablename__ = "assignment"
    __table_args__ = (Index("ix_assignment_job", "job_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job_id: Mapped[UUID]
    at: Mapped[datetime]
    authority_id: Mapped[int]
    team_id: Mapped[int]
    #: JSON and not JSONB: written often, read whole and seldom.
    reasons: Mapped[dict[str, Any]] = mapped_column(JSON)


class Update(Base):
    """Something that happened to a job, kept for ever and chained to the job's previous one."""

    __tablename__ = "job_update"
    __table_args__ = (UniqueConstraint("id"),)

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id"), primary_key=True)
    #: 1 for the first update of a job; equals the job's version after it.
    seq: Mapped[int] = mapped_column(primary_key=True)
    #: The client's uuid, or ours.
    id: Mapped[UUID]
    #: What happened, one of ``events.KINDS``.
    kind: Mapped[str]
    #: ``staff:<uuid>``, ``report:<uuid>`` (its reporter) or ``system``.
    actor: Mapped[str]
    made_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    #: Field → new value, JSON; ``status`` is the resident's status after it.
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    #: SHA-256 of salt and words in ``update_words``; null when there were none.
    words_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class UpdateWords(Base):
    """The words of an update, erasable: the chain holds only a salted commitment to them."""

    __tablename__ = "update_words"

    update_id: Mapped[UUID] = mapped_column(ForeignKey("job_update.id"), primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str | None]
    public_message: Mapped[str | None]
    waiting_for: Mapped[str | None]


class Checkpoint(Base):
    """A signed statement of the heads of all jobs that changed since the one before."""

    __tablename__ = "checkpoint"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    heads: Mapped[int]
    #: SHA-256 over its heads, in order of job.
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    #: Ed25519 over ``hash``.
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class CheckpointHead(Base):
    """A job's head as a checkpoint saw it. No foreign key to the job: it must outlive one."""

    __tablename__ = "checkpoint_head"
    # ``verify`` looks for the head of every job.
    __table_args__ = (Index("ix_checkpoint_head_job", "job_id", "seq"),)

    checkpoint_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("checkpoint.id"), primary_key=True
    )
    job_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class SharedPoint(Base):
    """A place that very many reports share exactly: a geocoder's fallback, not a defect."""

    __tablename__ = "shared_point"

    lat: Mapped[float] = mapped_column(primary_key=True)
    lng: Mapped[float] = mapped_column(primary_key=True)
    reports: Mapped[int]
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: The kept counts have taken it out of their cells.
    counted: Mapped[bool] = mapped_column(server_default=text("false"))
