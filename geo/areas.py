"""Authorities, and the dated areas that belong to them.

A vintage is one complete set of areas of one authority and kind (for zones: of one zone type),
in force from a date. Its dates are the authority's own calendar days; look-ups take an instant,
so each part carries the instants between which it is in force. Look-ups read only ``area_part``,
the areas cut into pieces of at most 128 vertices, through one SQL function, ``areas_at``.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import (
    DATERANGE,
    JSONB,
    TSTZRANGE,
    ExcludeConstraint,
    Range,
)
from sqlalchemy.orm import Mapped, mapped_column

from geo.base import Base, MultiPolygonColumn, PolygonColumn
from geo.kinds import KINDS, TIERS


class Authority(Base):
    """A council or highway body that answers for a kind of defect inside its boundary."""

    __tablename__ = "authority"
    __table_args__ = (CheckConstraint(f"tier in {TIERS}", name="tier"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    code: Mapped[str | None]
    tier: Mapped[str]
    timezone: Mapped[str] = mapped_column(server_default="Europe/London")
    #: Whose public holidays it keeps, as ``GB-SCT``; null: by the time zone.
    calendar: Mapped[str | None]
    #: The slug of a team; geo knows no teams.
    fallback_team: Mapped[str]


class AuthorityMember(Base):
    """A lower-tier authority inside an upper-tier one (a district in its county)."""

    __tablename__ = "authority_member"

    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("authority.id"), primary_key=True)


class Vintage(Base):
    """One complete set of areas of one authority and kind, and the days it is in force."""

    __tablename__ = "vintage"
    __table_args__ = (
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        CheckConstraint("state in ('draft', 'active')", name="state"),
        CheckConstraint("(kind = 'zone') = (zone_type is not null)", name="zone_has_type"),
        ExcludeConstraint(
            ("authority_id", "="),
            ("kind", "="),
            (text("coalesce(zone_type, '')"), "="),
            ("valid", "&&"),
            where=text("state = 'active'"),
            name="ex_vintage_no_overlap",
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"), index=True)
    kind: Mapped[str]
    zone_type: Mapped[str | None]
    valid: Mapped[Range[Any]] = mapped_column(DATERANGE)
    #: A draft waits for ``activate``; it is never found by a look-up.
    state: Mapped[str]
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    #: It was activated for a later day, on which the open jobs are still to be moved.
    reroute_due: Mapped[bool] = mapped_column(server_default=text("false"))
    #: File name, sha256, CRS, what was found and what was repaired.
    source: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Area(Base):
    """One polygon of a vintage: a ward, a division, an authority's own area or a zone."""

    __tablename__ = "area"
    __table_args__ = (
        UniqueConstraint("vintage_id", "code"),
        Index("ix_area_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    vintage_id: Mapped[int] = mapped_column(ForeignKey("vintage.id"))
    authority_id: Mapped[int] = mapped_column(ForeignKey("authority.id"), index=True)
    kind: Mapped[str]
    zone_type: Mapped[str | None]
    code: Mapped[str]
    name: Mapped[str]
    geom: Mapped[MultiPolygonColumn]
    #: On the spheroid; reading it off a polygon of a thousand vertices takes milliseconds.
    km2: Mapped[float] = mapped_column(Computed("st_area(geom::geography) / 1e6", persisted=True))


class AreaPart(Base):
    """A piece of an area, small enough that a look-up costs log(areas) and not vertices.

    ``in_force`` is the vintage's ``valid`` as instants in the authority's zone; a draft's is empty.
    """

    __tablename__ = "area_part"
    __table_args__ = (Index("ix_area_part_geom", "geom", postgresql_using="gist"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    kind: Mapped[str]
    in_force: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    geom: Mapped[PolygonColumn]
