"""Where it is getting worse, as the worker found it in its last run: read, never worked out here.

Each run replaces what the one before found for an authority. Nothing refers to these rows.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base


class TrendRun(Base):
    """When an authority was last looked at, and what was looked at."""

    __tablename__ = "trend_run"
    __table_args__ = (CheckConstraint("kind in ('growing', 'repeats', 'forecasts')", name="kind"),)

    authority_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: The days compared, how many places were tested, why there is nothing; JSON, see the verbs.
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)


class GrowingPlace(Base):
    """A place where more comes in than is usual there, the season allowed for."""

    __tablename__ = "growing_place"
    __table_args__ = (Index("ix_growing_place_authority", "authority_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    authority_id: Mapped[int]
    #: Null: of all categories together.
    category: Mapped[str | None]
    #: The ward or division most of it lies in; null: none.
    area_id: Mapped[int | None]
    lat: Mapped[float]
    lng: Mapped[float]
    radius_m: Mapped[float]
    #: Jobs made there in the last days, and how many would have been usual.
    recent: Mapped[int]
    usual: Mapped[float]
    #: In the same days a year before; null where history does not reach so far.
    year_before: Mapped[int | None]
    #: Reports on the recent ones.
    reports: Mapped[int]
    #: The local statistic, and its p-value with false discoveries allowed for.
    score: Mapped[float]
    q: Mapped[float]


class RepeatSpot(Base):
    """A spot where the same kind of defect was fixed again and again."""

    __tablename__ = "repeat_spot"
    __table_args__ = (Index("ix_repeat_spot_authority", "authority_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    authority_id: Mapped[int]
    category: Mapped[str]
    area_id: Mapped[int | None]
    lat: Mapped[float]
    lng: Mapped[float]
    radius_m: Mapped[float]
    fixed: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    #: The jobs that were fixed there, the first first.
    jobs: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))


class Forecast(Base):
    """How many reports are expected, or why that cannot be said."""

    __tablename__ = "forecast"
    __table_args__ = (
        CheckConstraint("(refused is null) = (method is not null)", name="said_or_refused"),
    )

    authority_id: Mapped[int] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    #: A ward or division; 0: the whole authority.
    area_id: Mapped[int] = mapped_column(primary_key=True)
    #: The month that runs and the next, JSON: ``month`` (its first day), ``expected``, ``low`` and
    #: ``high`` (four months in five lie between), ``year_before``. Empty: see ``refused``.
    months: Mapped[list[Any]] = mapped_column(JSONB)
    #: A code of ``forecasting.REFUSALS``.
    refused: Mapped[str | None]
    method: Mapped[str | None]
    #: How forecasts of the past turned out, beside the baseline; JSON.
    backtest: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    #: What came in the months before, the oldest first; JSON.
    history: Mapped[list[Any]] = mapped_column(JSONB)
