"""Categories, teams and responsibilities: the rules an authority sets."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base


class Category(Base):
    """A kind of defect. Its questions, response times and radius are data, in ``definition``."""

    __tablename__ = "category"

    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Team(Base):
    """The people who do the work for one authority."""

    __tablename__ = "team"
    __table_args__ = (UniqueConstraint("authority_id", "slug"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"))
    slug: Mapped[str]
    name: Mapped[str]


class Responsibility(Base):
    """A rule: this authority, this category (or any), these areas (or all) → this team.

    ``area_code`` names an area of that kind (any area of the kind when it is null: "every trunk
    road"); zones are named by kind ``zone`` and their code, or by ``zone_type`` in ``area_code``
    written as ``type:trunk_road``.
    """

    __tablename__ = "responsibility"
    __table_args__ = (
        CheckConstraint("area_kind is not null or area_code is null", name="code_has_kind"),
        Index(
            "uq_responsibility_rule",
            "authority_id",
            text("coalesce(category, '')"),
            text("coalesce(area_kind, '')"),
            text("coalesce(area_code, '')"),
            "rank",
            unique=True,
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"))
    category: Mapped[str | None] = mapped_column(ForeignKey("category.code"))
    area_kind: Mapped[str | None]
    area_code: Mapped[str | None]
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    rank: Mapped[int] = mapped_column(server_default=text("0"))


class Rulebook(Base):
    """One row, whose version grows whenever authorities, areas, categories or rules change.

    Processes keep the rules in memory; every look-up reads the version beside the areas, so a
    decision is never made by rules older than the areas it was made on.
    """

    __tablename__ = "rulebook"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]
