"""Counts that are kept: what each report and job is counted as, and the sums of it.

All of it can be made anew from reports and jobs (``counts rebuild``). Days are numbers; see
``geo.heat.spans``.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base

#: Conditions of the partial indexes; statements repeat them word for word.
IS_REPORT = "kind = 0 and not shared"
IS_OPEN_JOB = "kind = 1 and is_open and not shared"


class CountsKept(Base):
    """How far the counts of an authority are: what they have seen, and as of when."""

    __tablename__ = "counts_kept"

    authority_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: A ``pg_snapshot``: what it does not see is still to be counted.
    seen: Mapped[str]
    #: The database that the snapshot is of; one restored from a dump has other transactions.
    history: Mapped[str]
    #: What the clock says (overdue) was asked then.
    as_of: Mapped[datetime]


class Counted(Base):
    """What a report (kind 0) or a job (kind 1) is counted as now."""

    __tablename__ = "counted"
    __table_args__ = tuple(
        Index(
            f"ix_counted_{name}",
            "authority_id",
            text("(px >> 12)"),
            text("(py >> 12)"),
            "day",
            postgresql_include=["px", "py", "category", "overdue"],
            postgresql_where=text(condition),
        )
        for name, condition in (("reports", IS_REPORT), ("open_jobs", IS_OPEN_JOB))
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    authority_id: Mapped[int]
    area_id: Mapped[int]
    team_id: Mapped[int]
    category: Mapped[str]
    #: When it came or was made.
    day: Mapped[int]
    #: Its place on the web map cut into 2^26 squares a side; -1: it has none.
    px: Mapped[int]
    py: Mapped[int]
    #: It stands on a point that very many reports share.
    shared: Mapped[bool]
    #: Of the job.
    status: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    is_open: Mapped[bool]
    overdue: Mapped[bool]
    reopened: Mapped[bool]
    on_time: Mapped[bool]
    #: 0 while it is open, 1: fixed, 2 and on: closed for the reasons in ``status.CLOSED_REASONS``.
    outcome: Mapped[int] = mapped_column(SmallInteger)
    #: When it was fixed or closed; -1 while it is open.
    closed_day: Mapped[int]
    #: The class of the time it took to fix; -1: not fixed.
    took: Mapped[int] = mapped_column(SmallInteger)


class FigureKept(Base):
    """Figures over one span of days: of an area, a team and a category, or of all of them."""

    __tablename__ = "figure_kept"

    authority_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: Which of area (1), team (2) and category (4) it names.
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    span: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    category: Mapped[str] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    team_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: What is counted → how many; see ``reporting.counting.facts``.
    counts: Mapped[bytes] = mapped_column(LargeBinary)
