"""Stops, ways between them and what an order of them is worth. Pure.

There is no road network here: a way is the straight line times ``DETOUR``, driven at ``SPEED_KMH``,
doors and parking included; every job takes ``WORK_S``. So the times of a round are estimates, and
its answer says on which assumptions. Jobs within ``TOGETHER_M`` of one another are one stop. A
due time is kept if the crew arrives by it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final
from uuid import UUID

from geo.points import Point

#: Streets are this much longer than the straight line between two of their addresses (the usual
#: figure of towns is 1.2 to 1.4).
DETOUR: Final = 1.3
SPEED_KMH: Final = 30.0
WORK_S: Final = 15 * 60
TOGETHER_M: Final = 30.0
#: More would be a stop that may not fit into the day, and be left out whole.
TOGETHER_MOST: Final = 8
#: A working day, from when the crew leaves.
DAY_S: Final = 8 * 3600
MOST_JOBS: Final = 60

_EARTH_M: Final = 6_371_008.8
#: What a second too late counts for, by priority.
MOST_WEIGHT: Final = 8
_WEIGHTS: Final = {1: MOST_WEIGHT, 2: 4, 3: 2, 4: 1}
#: What a job is worth when there is not time for all. One is worth more than any number that could
#: take its place of the next kind.
_LATE, _TODAY, _THIS_WEEK, _LATER = 64_000, 1600, 40, 1
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Work:
    """A job as a round sees it."""

    id: UUID
    place: Point
    priority: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """One or more jobs done at one place, the most urgent first."""

    jobs: tuple[UUID, ...]
    place: Point
    #: The earliest of its jobs'.
    due_at: datetime
    weight: int
    worth: int

    @property
    def work_s(self) -> int:
        """How long the crew is there."""
        return WORK_S * len(self.jobs)


@dataclass(frozen=True, slots=True)
class Visit:
    """A stop in its turn."""

    stop: Stop
    arrive_at: datetime

    @property
    def late(self) -> bool:
        """Whether a due time has passed by then."""
        return self.arrive_at > self.stop.due_at


@dataclass(frozen=True, slots=True)
class Round:
    """Stops in the order of going."""

    visits: tuple[Visit, ...]
    length_m: int

    @property
    def late_s(self) -> float:
        """The seconds by which due times are missed, together, heavier for higher priorities."""
        return sum(
            visit.stop.weight * (visit.arrive_at - visit.stop.due_at).total_seconds()
            for visit in self.visits
            if visit.late
        )


def apart_m(one: Point, other: Point) -> float:
    """Metres in a straight line."""
    up, across = radians(other.lat - one.lat), radians(other.lng - one.lng)
    half = sin(up / 2) ** 2 + cos(radians(one.lat)) * cos(radians(other.lat)) * sin(across / 2) ** 2
    return 2 * _EARTH_M * asin(sqrt(half))


def way_m(one: Point, other: Point) -> float:
    """Metres by road, as far as one can tell."""
    return apart_m(one, other) * DETOUR


def way_s(one: Point, other: Point) -> int:
    """Whole seconds by road."""
    return round(way_m(one, other) / (SPEED_KMH / 3.6))


def urgent_first(works: Iterable[Work], leave_at: datetime, day_ends: datetime) -> list[Work]:
    """The most urgent first; what is due at the same time in an order that does not change."""
    return sorted(
        works, key=lambda work: (-worth(work, leave_at, day_ends), work.due_at, work.id.int)
    )


def worth(work: Work, leave_at: datetime, day_ends: datetime) -> int:
    """What doing a job today is worth beside others."""
    if work.priority == 1 or work.due_at <= leave_at:
        return _LATE
    if work.due_at <= day_ends:
        return _TODAY
    return _THIS_WEEK if work.due_at <= day_ends + _WEEK else _LATER


def gather(works: Iterable[Work], leave_at: datetime, day_ends: datetime) -> list[Stop]:
    """Jobs put together that are close to the most urgent of them."""
    heaps: list[list[Work]] = []
    for work in urgent_first(works, leave_at, day_ends):
        for heap in heaps:
            close = apart_m(heap[0].place, work.place) <= TOGETHER_M
            if close and len(heap) < TOGETHER_MOST:
                heap.append(work)
                break
        else:
            heaps.append([work])
    return [stop(heap, leave_at, day_ends) for heap in heaps]


def stop(works: Sequence[Work], leave_at: datetime, day_ends: datetime) -> Stop:
    """These jobs, done at the place of the first."""
    return Stop(
        jobs=tuple(work.id for work in works),
        place=works[0].place,
        due_at=min(work.due_at for work in works),
        weight=max(_WEIGHTS[work.priority] for work in works),
        worth=sum(worth(work, leave_at, day_ends) for work in works),
    )


def timed(stops: Sequence[Stop], start: Point, leave_at: datetime) -> Round:
    """When the crew is where, if it goes in this order."""
    visits, length_m = [], 0.0
    here, now = start, leave_at
    for stop in stops:
        now += timedelta(seconds=way_s(here, stop.place))
        length_m += way_m(here, stop.place)
        visits.append(Visit(stop, now))
        now += timedelta(seconds=stop.work_s)
        here = stop.place
    return Round(tuple(visits), round(length_m))


def fitting(stops: Sequence[Stop], start: Point) -> list[Stop]:
    """Of stops in their order those for which the day has time, each later one if it still fits."""
    found: list[Stop] = []
    here, spent = start, 0
    for stop in stops:
        takes = way_s(here, stop.place) + stop.work_s
        if spent + takes <= DAY_S:
            found.append(stop)
            here, spent = stop.place, spent + takes
    return found


def by_due(stops: Sequence[Stop]) -> list[Stop]:
    """As a list by due time would have it."""
    return sorted(stops, key=lambda stop: (stop.due_at, stop.jobs))


def nearest(stops: Sequence[Stop], start: Point) -> list[Stop]:
    """Always the nearest of what is left."""
    left, found, here = list(stops), [], start
    while left:
        closest = min(left, key=lambda stop: (apart_m(here, stop.place), stop.jobs))
        left.remove(closest)
        found.append(closest)
        here = closest.place
    return found


def floor(stops: Sequence[Stop], start: Point, leave_at: datetime) -> list[Stop]:
    """What anybody would do without a solver: the better of the two orders above."""

    def cost(order: list[Stop]) -> tuple[int, float, int]:
        went = timed(order, start, leave_at)
        return -sum(stop.worth for stop in order), went.late_s, went.length_m

    return min(fitting(by_due(stops), start), fitting(nearest(stops, start), start), key=cost)


def question(stops: Sequence[Stop], start: Point, leave_at: datetime) -> dict[str, Any]:
    """What ``solving`` is asked: seconds only. Number 0 is the start, then the stops in turn."""
    places = [start, *(stop.place for stop in stops)]
    due = [int((stop.due_at - leave_at).total_seconds()) for stop in stops]
    return {
        "way_s": [[way_s(one, other) for other in places] for one in places],
        "work_s": [0, *(stop.work_s for stop in stops)],
        "due_s": [0, *due],
        "weight": [0, *(stop.weight for stop in stops)],
        "worth": [0, *(stop.worth for stop in stops)],
        "day_s": DAY_S,
        "hint": [stops.index(stop) + 1 for stop in floor(stops, start, leave_at)],
    }


def is_order(answer: Any, stops: int) -> bool:
    """Whether it names stops of the question, none of them twice."""
    return (
        isinstance(answer, list)
        and all(type(number) is int and 0 < number <= stops for number in answer)
        and len(set(answer)) == len(answer)
    )
