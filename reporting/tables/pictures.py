"""Pictures, and what has arrived of those that are still on their way."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base, PointColumn

REVIEWS = ("auto_ok", "needs_check", "human_ok", "hidden")
#: What staff may still have to look at; whether they do is the category's to say.
TO_CHECK = (
    "state = 'ready' and (review = 'needs_check' or (review = 'auto_ok' and reviewed_at is null))"
)


class Photo(Base):
    """One uploaded picture. The bytes are in the photo store, below its object key."""

    __tablename__ = "photo"
    __table_args__ = (
        CheckConstraint("state in ('stored', 'ready', 'unreadable')", name="state"),
        CheckConstraint(f"review in {REVIEWS}", name="review"),
        Index(
            "ix_photo_to_check",
            "uploaded_at",
            postgresql_where=text(TO_CHECK),
        ),
        Index(
            "ix_photo_original",
            "uploaded_at",
            postgresql_where=text("original_gone_at is null"),
        ),
        Index("ix_photo_report", "report_id", postgresql_where=text("report_id is not null")),
        Index("ix_photo_device", "device_id", postgresql_where=text("device_id is not null")),
        Index("ix_photo_update", "update_id", postgresql_where=text("update_id is not null")),
        Index(
            "ix_photo_loose",
            "uploaded_at",
            postgresql_where=text("report_id is null and update_id is null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    #: Another for every upload, so that whatever no row names may be swept away.
    object_key: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    bytes: Mapped[int]
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="stored")
    uploaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    device_id: Mapped[UUID | None] = mapped_column(ForeignKey("device.id", ondelete="SET NULL"))
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("report.id"))
    update_id: Mapped[UUID | None] = mapped_column(ForeignKey("job_update.id"))
    #: Whether the public may see it: faces found and filled, and by whom that was looked at.
    review: Mapped[str] = mapped_column(server_default="needs_check")
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    #: What is filled: ``[{kind, x, y, width, height, by}]``, as shares of the upright picture.
    regions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    #: Which set of copies in the store is the one to show; each fill makes another.
    made: Mapped[str | None]
    #: A perceptual hash of 64 bits.
    phash: Mapped[int | None] = mapped_column(BigInteger)
    #: When and where the camera says it was taken. For staff only, and never trusted.
    taken_at: Mapped[datetime | None]
    taken_place: Mapped[PointColumn | None]
    #: When the original was deleted; the copies stay.
    original_gone_at: Mapped[datetime | None]


class Upload(Base):
    """A picture that has arrived in part. Its parts are in the photo store, in this order."""

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_touched", "touched_at"),)

    photo_id: Mapped[UUID] = mapped_column(primary_key=True)
    length: Mapped[int]
    received: Mapped[int] = mapped_column(server_default=text("0"))
    #: Keys in the photo store.
    parts: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    #: The request that may write; a later one takes over, and the earlier finds that out.
    holder: Mapped[UUID]
    device_id: Mapped[UUID | None]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    touched_at: Mapped[datetime] = mapped_column(server_default=func.now())
