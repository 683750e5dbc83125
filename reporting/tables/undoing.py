"""What it takes to undo what was done at a desk."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base


class JobBefore(Base):
    """A job as it was before an update that can be undone. Kept for days; holds no words."""

    __tablename__ = "job_before"
    __table_args__ = (Index("ix_job_before_at", "at"),)

    update_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: Columns of the job.
    columns: Mapped[dict[str, Any]] = mapped_column(JSONB)
