"""What lies where: which areas hold a place at an instant, and what is nearest when none does.

Everything here reads ``area_part`` through the SQL functions ``areas_at`` and ``areas_near`` (see
migration 0002), so that live, bulk and re-routing look-ups can never disagree. A look-up names
areas by id; what an id means (its authority, code and name) is in the rules that routing keeps.

Bulk statements join the same function laterally: ``FROM stage, LATERAL areas_at(stage.place, at)``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row, tuple_row

from geo.points import Point
from geo.spatial import PLACE, place_parameters

#: A place in no ward belongs to the nearest one within this (a beach, a sliver, a bridge).
NEAREST_WARD_M = 250
#: An accuracy beyond this says nothing about which border is near, and must not cost a look at
#: every area there is.
ACCURACY_SEARCHED_M = 1_000
#: A refusal names the nearest authority within this.
NEAREST_AUTHORITY_M = 5_000

#: The areas that cover the place at the instant, and those within the accuracy (the covering ones
#: among them); ``near`` is empty when the accuracy is unknown. Pieces for a statement that also
#: reads the version of the rules: parameters lng, lat, at and, for NEAR_IDS, accuracy_m.
#: An area may come twice, from two of its parts that meet at the place: callers make sets of them.
AREA_IDS = f"array(select area_id from areas_at({PLACE}, %(at)s))"
NEAR_IDS = (
    "case when %(accuracy_m)s::float8 is null then '{}'::int[] else"
    f" array(select area_id from areas_near({PLACE}, %(at)s,"
    f" least(%(accuracy_m)s::float8, {ACCURACY_SEARCHED_M}))) end"
)

COVERING = f"select {AREA_IDS}"

WITHIN = f"""
select area_id, min(distance_m)
from areas_near({PLACE}, %(at)s, %(metres)s)
group by area_id
"""

NEAREST_AUTHORITY = f"""
select authority.id, authority.slug, authority.name, near.distance_m
from areas_near({PLACE}, %(at)s, %(metres)s) near
join area on area.id = near.area_id
join authority on authority.id = area.authority_id
where near.kind <> 'zone'
order by round(near.distance_m), authority.tier = 'county', authority.slug
limit 1
"""

#: Areas are compared with the circle in degrees: over a circle of some metres the stretch of a
#: degree is one constant, so the shares come out as on the ground.
SHARES = f"""
with circle as (
  select st_buffer(
    {PLACE}::geography, least(%(accuracy_m)s::float8, {ACCURACY_SEARCHED_M})
  )::geometry as geom
)
select part.area_id, sum(st_area(st_intersection(part.geom, circle.geom)) / st_area(circle.geom))
from circle
join area_part part on part.geom && circle.geom
where part.area_id = any(%(area_ids)s)
group by part.area_id
"""


@dataclass(frozen=True, slots=True)
class NearestAuthority:
    """The authority a place outside all of them is nearest to."""

    id: int
    slug: str
    name: str
    distance_m: float


async def covering(conn: AsyncConnection[Any], place: Point, at: datetime) -> frozenset[int]:
    """The areas of every kind that hold the place at the instant, borders included."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(COVERING, {**place_parameters(place), "at": at})
        row = await cursor.fetchone()
    return frozenset(row[0] if row else ())


async def within(
    conn: AsyncConnection[Any], place: Point, at: datetime, metres: float
) -> dict[int, float]:
    """The areas within that distance and how far each is; 0 for those that hold the place."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(WITHIN, {**place_parameters(place), "at": at, "metres": metres})
        return dict(await cursor.fetchall())


async def nearest_authority(
    conn: AsyncConnection[Any],
    place: Point,
    at: datetime,
    within_m: float = NEAREST_AUTHORITY_M,
) -> NearestAuthority | None:
    """The nearest authority by its wards, divisions or own area; of two, the lower tier."""
    values = {**place_parameters(place), "at": at, "metres": within_m}
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(NEAREST_AUTHORITY, values)
        row = await cursor.fetchone()
    return NearestAuthority(*row) if row else None


async def share_of_circle(
    conn: AsyncConnection[Any], place: Point, area_ids: Collection[int]
) -> dict[int, float]:
    """How much of the place's accuracy circle each of these areas holds, from 0 to 1.

    Empty when the accuracy is unknown or nothing: then a tie on a border falls to the lower code.
    """
    if not place.accuracy_m:
        return {}
    values = {
        **place_parameters(place),
        "accuracy_m": place.accuracy_m,
        "area_ids": list(area_ids),
    }
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(SHARES, values)
        return dict(await cursor.fetchall())
