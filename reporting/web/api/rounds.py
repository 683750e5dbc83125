"""Rounds: in which order a team goes to its jobs of the day."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field, StringConstraints

from geo.errors import LooksLikeGridReference, LooksSwapped, NotAPlace, NullIsland
from geo.points import Point
from reporting.errors import Invalid, NotAllowed, NotFound, NotSignedIn
from reporting.rounds import model, today
from reporting.rounds.asking import Solver
from reporting.web.body import BodyTooLarge, BodyUnreadable, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import Id, Instant, Location, TeamOut

router = APIRouter(
    prefix="/v1/rounds", tags=["rounds"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

Slug = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Jobs = Annotated[list[Id], Field(min_length=1, max_length=model.MOST_JOBS)]
Why = Literal["not-here", "done", "not-now", "later", "no-place", "too-many", "no-time"]


class RoundIn(Wire):
    """For whom, and from where."""

    team: Slug = Field(examples=["highways"])
    start: Location
    jobs: Annotated[list[Id], Field(max_length=200)] | None = Field(
        None, description="Only these, of the team's; without it, its open jobs of the day"
    )
    leave_at: Instant | None = Field(None, description="Now, unless it is given")


class StopIn(Wire):
    """What is done at one place."""

    jobs: Jobs


class OrderIn(Wire):
    """The order you mean to go in today."""

    stops: list[StopIn] = Field(max_length=model.MOST_JOBS)
    start: Location


class StopOut(Wire):
    """A stop in its turn."""

    jobs: list[UUID] = Field(description="Done at this one place, the most urgent first")
    location: Location
    arrive_at: Instant
    due_at: Instant = Field(description="The earliest of its jobs'")
    late: bool = Field(description="Whether that will have passed")


class LeftOutOut(Wire):
    """A job that is not in the round."""

    job: UUID
    why: Why = Field(
        description=(
            "`not-here`: no job of this team; `done`; `not-now`: it waits or was referred;"
            " `later`: scheduled for another day; `no-place`: the place is only in words;"
            " `too-many`: less urgent than the 60 that a round holds; `no-time`: the day is full"
        )
    )


class Assumed(Wire):
    """What the times are estimated by. There is no road network here."""

    way: Literal["straight-line"]
    detour: float = Field(description="A way is so much longer than the straight line")
    speed_kmh: float
    work_minutes: int = Field(description="For each job")
    day_hours: int


class RoundOut(Wire):
    """A round: what to go to, in order, and what is left out."""

    team: TeamOut
    day: date
    start: Location
    stops: list[StopOut]
    left_out: list[LeftOutOut]
    length_m: int = Field(description="From the start to the last stop")
    assumed: Assumed


_ASSUMED = {
    "way": "straight-line",
    "detour": model.DETOUR,
    "speed_kmh": model.SPEED_KMH,
    "work_minutes": model.WORK_S // 60,
    "day_hours": model.DAY_S // 3600,
}
_SOLVER = Solver()
_PLACES = (NotAPlace, NullIsland, LooksLikeGridReference, LooksSwapped)
TeamPath = Annotated[str, Path(max_length=100)]


async def solver() -> Solver:
    """What finds the order; one for the process, so that only one search runs at a time."""
    return _SOLVER


SolverDep = Annotated[Solver, Depends(solver)]


@router.post(
    "",
    operation_id="suggestRound",
    summary="A round for today",
    description=(
        "Overdue and P1 first, due times kept where that can be, and short ways. Times are"
        " estimates by straight lines: see `assumed`. Equal questions get equal answers."
    ),
    response_model=RoundOut,
    responses=responses(
        BodyUnreadable, BodyTooLarge, NotSignedIn, NotAllowed, NotFound, Invalid, *_PLACES
    ),
)
async def suggest_round(
    runtime: RuntimeDep, staff: StaffDep, solver: SolverDep, body: RoundIn
) -> Response:
    start, now = _place(body.start), datetime.now(UTC)
    leave_at = (body.leave_at or now).astimezone(UTC)
    async with runtime.reading() as conn:
        found = await today.candidates(
            conn,
            runtime.router,
            staff,
            body.team,
            jobs=body.jobs,
            leave_at=leave_at,
            now=now,
        )
    return _answer(await today.suggest(solver, found, start, leave_at))


@router.put(
    "/{team}",
    operation_id="keepRound",
    summary="Keep your own order for today",
    response_model=RoundOut,
    responses=responses(
        BodyUnreadable, BodyTooLarge, NotSignedIn, NotAllowed, NotFound, Invalid, *_PLACES
    ),
)
async def keep_round(
    runtime: RuntimeDep, staff: StaffDep, team: TeamPath, body: OrderIn
) -> Response:
    start = _place(body.start)
    async with runtime.unit() as conn:
        found = await today.keep(
            conn,
            runtime.router,
            staff,
            team,
            stops=[stop.jobs for stop in body.stops],
            start=start,
            now=datetime.now(UTC),
        )
    return _answer(found)


@router.get(
    "/{team}",
    operation_id="getRound",
    summary="Your own order for today",
    description="What is still to do of it, with times from now on.",
    response_model=RoundOut,
    responses=responses(NotSignedIn, NotAllowed, NotFound, Invalid),
)
async def get_round(runtime: RuntimeDep, staff: StaffDep, team: TeamPath) -> Response:
    async with runtime.reading() as conn:
        found = await today.kept(conn, runtime.router, staff, team, now=datetime.now(UTC))
    return _answer(found)


def _place(given: Location) -> Point:
    point = given.point()
    return Point(point.lat, point.lng)  # how sure the device was does not matter here


def _answer(planned: today.Planned) -> Response:
    content = {
        "team": {"slug": planned.crew.team.slug, "name": planned.crew.team.name},
        "day": planned.crew.day,
        "start": {"lat": planned.start.lat, "lng": planned.start.lng},
        "stops": [
            {
                "jobs": visit.stop.jobs,
                "location": {"lat": visit.stop.place.lat, "lng": visit.stop.place.lng},
                "arrive_at": visit.arrive_at,
                "due_at": visit.stop.due_at,
                "late": visit.late,
            }
            for visit in planned.round.visits
        ],
        "left_out": [{"job": left.job, "why": left.why} for left in planned.left_out],
        "length_m": planned.round.length_m,
        "assumed": _ASSUMED,
    }
    return Response(
        orjson.dumps(content, option=orjson.OPT_UTC_Z),
        headers={"Cache-Control": "no-store"},
        media_type="application/json",
    )
