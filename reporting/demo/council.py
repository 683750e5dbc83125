"""The councils of the made-up county: their boundaries, categories and responsibilities."""

import hashlib
from collections.abc import Callable
from datetime import date

import shapely

from geo.boundaries import storing
from geo.boundaries.checking import examine
from geo.boundaries.storing import NewVintage
from geo.demo import AreaSet, county
from geo.errors import BoundaryFileRefused
from reporting import authorities, vintages
from reporting.authorities import NewAuthority
from reporting.runtime import Connection
from routing import categories, responsibilities
from routing.rulebook import bump

#: The first day of the county's boundaries, long before its first report.
IN_FORCE_SINCE = date(2019, 5, 2)

#: The county mends roads, the districts clear rubbish, the trunk road is nobody's but the nation's.
#: The island has a warden of its own, and the park its keepers.
RULES = """\
authority,category,area_kind,area_code,team,rank
merrowshire,pothole,,,highways,
merrowshire,pothole,division,{north},highways-north,
merrowshire,pothole,division,{island},highways-coast,
thornvale,fly_tipping,,,street-scene,
thornvale,fly_tipping,zone,type:park,parks,
saltmere,fly_tipping,,,cleansing,
saltmere,fly_tipping,ward,{island_ward},island-warden,
trunk-roads,pothole,zone,type:trunk_road,trunk-road-patrol,
trunk-roads,fly_tipping,zone,type:trunk_road,trunk-road-patrol,
"""


async def build(conn: Connection, progress: Callable[[str, int, int], None]) -> int:
    """Add authorities, load boundaries, categories and rules; how many wards there are."""
    where = county()
    for new in where.authorities:
        authority = NewAuthority(new.slug, new.name, new.tier, code=new.code, members=new.members)
        await authorities.add(conn, authority)
    for done, areas in enumerate(where.sets, start=1):
        progress("Loading boundaries", done, len(where.sets))
        await _load(conn, areas)
    await categories.store(conn, categories.read(categories.SHIPPED.read_bytes()))
    await bump(conn)
    await responsibilities.replace(conn, responsibilities.read(_rules(where.sets)))
    return sum(len(areas.features) for areas in where.sets if areas.kind == "ward")


async def _load(conn: Connection, areas: AreaSet) -> None:
    """One set of areas, checked as a file is."""
    examination = examine(list(areas.features), fills_the_ground=areas.kind in {"ward", "division"})
    if not examination.findings.clean:
        raise BoundaryFileRefused(f"The made-up {areas.kind}s of {areas.authority} are not clean.")
    shapes = hashlib.sha256()
    for feature in areas.features:
        shapes.update(shapely.to_wkb(feature.geom))
    await vintages.load(
        conn,
        NewVintage(
            authority=await storing.find_authority(conn, areas.authority),
            kind=areas.kind,
            zone_type=areas.zone_type,
            first=IN_FORCE_SINCE,
            last=None,
            features=examination.repaired,
            source={"file": "made up", "made_up": True, "sha256": shapes.hexdigest()},
        ),
    )


def _rules(sets: tuple[AreaSet, ...]) -> str:
    """The rules with the codes of the places they name."""
    divisions = next(areas.features for areas in sets if areas.kind == "division")
    wards = [feature for areas in sets if areas.kind == "ward" for feature in areas.features]
    island = next(ward for ward in wards if "Island" in ward.name)
    centre = shapely.point_on_surface(island.geom)
    return RULES.format(
        north=max(divisions, key=lambda each: shapely.centroid(each.geom).y).code,
        island=next(each.code for each in divisions if shapely.covers(each.geom, centre)),
        island_ward=island.code,
    )
