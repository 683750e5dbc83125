"""Kept counts of places: for a series, a tile and a span of days, the cells where there are any."""

from sqlalchemy import Identity, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base


class HeatSeries(Base):
    """What is counted apart from all else; only the caller knows what the name says."""

    __tablename__ = "heat_series"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Heat(Base):
    """A tile's counts over one span of days; see ``geo.heat.spans`` and ``geo.heat.vectors``."""

    __tablename__ = "heat"

    series_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    z: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    #: How many days; 0: all there are.
    span: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    #: Its first day.
    start: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    x: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    y: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: Cell → how many.
    counts: Mapped[bytes] = mapped_column(LargeBinary)
