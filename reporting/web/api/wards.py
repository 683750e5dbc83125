"""`GET /v1/wards`: the wards of one authority, and how many reports came to each."""

from datetime import date
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from reporting.counting import reading
from reporting.errors import Invalid, NotFound
from reporting.runtime import Connection
from reporting.tiling import wards
from reporting.web.answers import kept
from reporting.web.api.filters import Day
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import RuntimeDep
from reporting.web.memory import memory
from reporting.web.problems import responses
from reporting.web.wire import AuthorityOut
from routing.rulebook import AuthorityRow, Rules

router = APIRouter(prefix="/v1/wards", tags=["places"], route_class=StrictRoute)

MEDIA_TYPE: Final = "application/geo+json"
CACHE: Final = "public, max-age=60, stale-while-revalidate=600"
#: Answers that a process keeps until the counts are of a later time, and outlines until the rules
#: are others.
KEPT: Final = 32

Slug = Annotated[str, Query(max_length=100)]
Coordinates = list[Any]


class PeriodOut(Wire):
    """Days of the authority, both among them."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


class WardProperties(Wire):
    """A ward or division. Numbers below 5 are null."""

    kind: Literal["ward", "division"]
    code: str = Field(examples=["E05001234"])
    name: str
    reports: int | None = Field(description="That came this quarter of the year so far")
    reports_before: int | None = Field(description="That came in the whole quarter before")


class MultiPolygon(Wire):
    """A simplified outline; two neighbours may part by the width of a line."""

    type: Literal["MultiPolygon"]
    coordinates: Coordinates


class WardFeature(Wire):
    """A ward."""

    type: Literal["Feature"]
    geometry: MultiPolygon
    properties: WardProperties


class WardsOut(Wire):
    """The wards by which an authority's jobs are counted: its own, or its divisions, or its
    members' wards. Numbers come with those in force today.
    """

    type: Literal["FeatureCollection"]
    authority: AuthorityOut
    at: date
    quarter: PeriodOut
    quarter_before: PeriodOut
    features: list[WardFeature]


@router.get(
    "",
    operation_id="listWards",
    summary="The wards of an authority, and how many reports came to each",
    description=(
        "GeoJSON. For anybody, so numbers below 5 are left out and the periods are fixed: this"
        " quarter of the year so far, and the one before it. `Last-Modified` says when they were"
        " counted."
    ),
    response_model=WardsOut,
    responses=responses(NotFound, Invalid),
)
async def list_wards(
    request: Request,
    runtime: RuntimeDep,
    authority: Slug,
    at: Annotated[Day | None, Query()] = None,
) -> Response:
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
        found = wards.authority_of(rules, authority)
        as_of = await reading.as_of(conn, found.id)
        today = wards.today_at(found)
        asked = (found.id, at or today, today, as_of)
        bodies = memory(request, "ward_bodies", rules, most=KEPT)
        body = bodies.get(asked) or await _body(request, conn, rules, found, at or today, today)
    bodies.put(asked, body)
    return kept(request, body, media_type=MEDIA_TYPE, cache=CACHE, as_of=as_of, small=True)


async def _body(
    request: Request,
    conn: Connection,
    rules: Rules,
    authority: AuthorityRow,
    at: date,
    today: date,
) -> bytes:
    drawn = await _shapes(request, conn, rules, authority, at)
    is_today = drawn is await _shapes(request, conn, rules, authority, today)
    counts = await wards.public_counts(conn, authority, today)
    none = wards.Numbers(None, None)
    features = [
        {
            "type": "Feature",
            "geometry": orjson.Fragment(each.shape),
            "properties": {
                "kind": each.kind,
                "code": each.code,
                "name": each.name,
                "reports": numbers.this_quarter,
                "reports_before": numbers.quarter_before,
            },
        }
        for each in drawn
        for numbers in [counts.of(each.id) if is_today else none]
    ]
    answer = {
        "type": "FeatureCollection",
        "authority": {"slug": authority.slug, "name": authority.name},
        "at": at,
        "quarter": {"from": counts.this_quarter.first, "to": counts.this_quarter.last},
        "quarter_before": {"from": counts.quarter_before.first, "to": counts.quarter_before.last},
        "features": features,
    }
    return orjson.dumps(answer)


async def _shapes(
    request: Request, conn: Connection, rules: Rules, authority: AuthorityRow, at: date
) -> list[wards.Shape]:
    """The outlines: drawing them anew takes longer than all else."""
    drawn = memory(request, "ward_shapes", rules, most=KEPT)
    key = (authority.id, wards.vintages(rules, authority, at))
    found: list[wards.Shape] | None = drawn.get(key)
    if found is None:
        found = await wards.shapes(conn, authority, at)
    drawn.put(key, found)
    return found
