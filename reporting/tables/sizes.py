"""How large a ward is, as its council says; figures are set against it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base


class AreaSize(Base):
    """What a council loaded for one of its wards or divisions, in one vintage.

    No foreign key: areas are never deleted. Without a row, or without ``km2``, the polygon's own
    size counts (``area.km2``); how many live there nobody else knows.
    """

    __tablename__ = "area_size"
    __table_args__ = (
        CheckConstraint("residents > 0", name="residents"),
        CheckConstraint("km2 > 0", name="km2"),
        CheckConstraint("residents is not null or km2 is not null", name="says_something"),
    )

    area_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    residents: Mapped[int | None]
    km2: Mapped[float | None]
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
