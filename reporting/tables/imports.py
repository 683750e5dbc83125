"""What was taken over from other systems: each row of a dump once, whatever is run again."""

from uuid import UUID

from sqlalchemy import ForeignKey, Identity, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base


class ImportSource(Base):
    """A system that an authority worked with before, by the name its map gives it."""

    __tablename__ = "import_source"
    __table_args__ = (UniqueConstraint("authority_id", "name"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"))
    name: Mapped[str]


class Imported(Base):
    """A row of such a system that became a report. No foreign keys, as with reports themselves."""

    __tablename__ = "imported"

    source_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    #: Its id there.
    key: Mapped[str] = mapped_column(primary_key=True)
    report_id: Mapped[UUID]
    #: Of the cells that were read, to tell when the row has changed there since.
    row_hash: Mapped[bytes] = mapped_column(LargeBinary)
