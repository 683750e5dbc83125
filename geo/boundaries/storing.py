"""Vintages in the database: stored with their areas and parts, listed, begun and ended.

A vintage takes effect at once where its days touch no other's. Where one is in force without an
end, a later one waits as a draft. Any other overlap is refused. Nothing is ever deleted: ending a
vintage closes its dates, so that a look-up in the past still finds it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import shapely
from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row

from geo.boundaries import queries
from geo.boundaries.reading import Feature
from geo.errors import VintageRefused

#: Called with how many of how many areas are stored.
Progress = Callable[[int, int], None]

#: Areas stored between two words of progress, and the size from which the planner is told.
BATCH = 100
BIG_LOAD = 100


@dataclass(frozen=True, slots=True)
class Authority:
    """Whose boundaries they are."""

    id: int
    slug: str
    name: str
    tier: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Vintage:
    """One complete set of areas of one authority and kind. ``last`` is its last day in force."""

    id: int
    authority_id: int
    authority: str
    kind: str
    zone_type: str | None
    first: date
    last: date | None
    state: str
    loaded_at: datetime
    source: dict[str, Any]
    areas: int

    @property
    def what(self) -> str:
        """``wards of trafford``."""
        kind = {"authority": "own area"}.get(self.kind, f"{self.kind}s")
        return f"{self.zone_type + ' ' if self.zone_type else ''}{kind} of {self.authority}"

    @property
    def when(self) -> str:
        """``from 2023-05-04`` or ``from 2004-06-10 to 2023-05-03``."""
        return f"from {self.first}" + (f" to {self.last}" if self.last else "")

    def meets(self, first: date, last: date | None) -> bool:
        """Whether it has a day in common with that time."""
        return (last is None or self.first <= last) and (self.last is None or first <= self.last)


@dataclass(frozen=True, slots=True)
class NewVintage:
    """What is to be stored."""

    authority: Authority
    kind: str
    zone_type: str | None
    first: date
    last: date | None
    features: Sequence[Feature]
    #: File name, sha256, CRS, what was found and what was repaired; JSON.
    source: dict[str, Any]


async def find_authority(conn: AsyncConnection[Any], slug: str) -> Authority:
    """The authority of that slug."""
    async with conn.cursor(row_factory=class_row(Authority)) as cursor:
        await cursor.execute(queries.AUTHORITY, {"slug": slug})
        found = await cursor.fetchone()
    if found is None:
        raise VintageRefused(f"There is no authority {slug}; `authority add` makes one.")
    return found


async def list_vintages(conn: AsyncConnection[Any], authority: str | None = None) -> list[Vintage]:
    """All of them, or one authority's, oldest first within each set of areas."""
    return await _vintages(conn, queries.VINTAGES, {"authority": authority})


async def find_vintage(conn: AsyncConnection[Any], vintage: int) -> Vintage:
    """The vintage of that number."""
    found = await _vintages(conn, queries.ONE_VINTAGE, {"vintage": vintage})
    if not found:
        raise VintageRefused(f"There is no vintage {vintage}; `boundaries list` shows them.")
    return found[0]


async def siblings(conn: AsyncConnection[Any], of: Vintage | NewVintage) -> list[Vintage]:
    """Every vintage of the same set of areas, itself among them, oldest first."""
    owner = of.authority_id if isinstance(of, Vintage) else of.authority.id
    values = {"authority_id": owner, "kind": of.kind, "zone_type": of.zone_type}
    return await _vintages(conn, queries.SIBLINGS, values)


async def _vintages(
    conn: AsyncConnection[Any], statement: str, values: dict[str, Any]
) -> list[Vintage]:
    async with conn.cursor(row_factory=class_row(Vintage)) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


def state_beside(new: NewVintage, others: Iterable[Vintage]) -> str:
    """Whether it may take effect at once or waits as a draft. Raises VintageRefused if neither."""
    for other in others:
        if other.source.get("sha256") == new.source.get("sha256") and other.first == new.first:
            raise VintageRefused(
                f"This file is loaded already: vintage {other.id}, {other.what} {other.when}"
                f" ({other.state})."
            )
    met = [each for each in others if each.state == "active" and each.meets(new.first, new.last)]
    if not met:
        return "active"
    if len(met) == 1 and met[0].last is None and new.first > met[0].first:
        return "draft"
    other = met[-1]
    hint = "; if it was in force before that one, say until when with --valid-to"
    raise VintageRefused(
        f"Vintage {other.id}, {other.what}, is in force {other.when}, and the dates overlap"
        + (hint if new.last is None and new.first < other.first else "")
        + "."
    )


async def store(
    conn: AsyncConnection[Any], new: NewVintage, progress: Progress | None = None
) -> Vintage:
    """Write the vintage with its areas, cut into parts. The caller says that the rules changed."""
    await conn.execute(queries.LOCK_AUTHORITY, {"authority_id": new.authority.id})
    state = state_beside(new, await siblings(conn, new))
    common = {
        "authority_id": new.authority.id,
        "kind": new.kind,
        "zone_type": new.zone_type,
    }
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            queries.INSERT_VINTAGE,
            {
                **common,
                "first": new.first,
                "last": new.last,
                "state": state,
                "source": json.dumps(new.source),
            },
        )
        ((vintage,),) = await cursor.fetchall()
        features = sorted(new.features, key=lambda feature: feature.code)
        for start in range(0, len(features), BATCH):
            batch = features[start : start + BATCH]
            await cursor.executemany(
                queries.INSERT_AREA,
                [
                    {
                        **common,
                        "vintage": vintage,
                        "code": feature.code,
                        "name": feature.name,
                        "geom": shapely.to_wkb(feature.geom),
                    }
                    for feature in batch
                ],
            )
            await cursor.execute(queries.INSERT_PARTS, {"vintage": vintage})
            if progress:
                progress(start + len(batch), len(features))
    if len(features) >= BIG_LOAD:
        await conn.execute("select analyze_areas()")
    return await find_vintage(conn, vintage)


async def begin(conn: AsyncConnection[Any], draft: Vintage, day: date) -> Vintage | None:
    """Put a draft in force from that day, and end the one before it the day before.

    Returns the one that was ended. The caller holds LOCK_ROUTING and says that the rules changed.
    """
    await conn.execute(queries.LOCK_AUTHORITY, {"authority_id": draft.authority_id})
    if draft.state != "draft":
        raise VintageRefused(f"Vintage {draft.id}, {draft.what}, is in force {draft.when} already.")
    if draft.last is not None and draft.last < day:
        raise VintageRefused(f"Vintage {draft.id} ends on {draft.last}, before {day}.")
    met = [
        each
        for each in await siblings(conn, draft)
        if each.state == "active" and each.meets(day, draft.last)
    ]
    if len(met) > 1 or any(each.last is not None or each.first >= day for each in met):
        other = met[-1]
        raise VintageRefused(
            f"Vintage {other.id}, {other.what}, is in force {other.when};"
            f" vintage {draft.id} cannot begin on {day}."
        )
    changed = [draft.id]
    for before in met:
        await conn.execute(queries.END, {"vintage": before.id, "day": day})
        changed.append(before.id)
    await conn.execute(queries.BEGIN, {"vintage": draft.id, "day": day})
    await conn.execute(queries.RETIME_PARTS, {"vintages": changed})
    return met[0] if met else None


async def shapes(conn: AsyncConnection[Any], vintage: int) -> list[Feature]:
    """The areas of a vintage, by code."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.SHAPES, {"vintage": vintage})
        rows = await cursor.fetchall()
    return [
        Feature(row, code, name, shapely.from_wkb(bytes(geom)))
        for row, (code, name, geom) in enumerate(rows, start=1)
    ]


async def own_area(
    conn: AsyncConnection[Any], authority: Authority, day: date
) -> shapely.Geometry | None:
    """The authority's own area on that day, where one is loaded."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.OWN_AREA, {"authority_id": authority.id, "day": day})
        rows = await cursor.fetchall()
    return shapely.union_all([shapely.from_wkb(bytes(geom)) for (geom,) in rows]) if rows else None


async def refuse_to_take_over(conn: AsyncConnection[Any], stored: Vintage) -> None:
    """A place has one lower-tier authority: wards over another's would take its reports away."""
    owner = await find_authority(conn, stored.authority)
    if stored.kind != "ward" or owner.tier not in {"unitary", "district"}:
        return
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.WARDS_INSIDE, {"vintage": stored.id})
        row = await cursor.fetchone()
    if row is not None:
        other, count = row
        raise VintageRefused(
            f"{count} ward{'s' if count > 1 else ''} of {other} lie inside these of"
            f" {stored.authority}; pick one council's out of the file with --where FIELD=VALUE."
        )
