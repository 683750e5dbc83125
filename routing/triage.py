"""How urgent it is, and by when: risk → priority → due. Pure.

Risk is impact × likelihood, each from 1 to 4, as in the UK code of practice "Well-managed Highway
Infrastructure" (UKRLG, 2016) and the matrix councils took over with it: 12 and above is an
emergency (P1), 8 and 9 urgent (P2), 4 to 6 soon (P3), less can wait (P4). Where the category
begins is data in its definition, and so is what moves either: answers to its questions, zones that
hold the place or are near it, and how many people have reported it.

Due times count in the authority's own zone and calendar (``calendars``):

- hours run by the clock, night and day, because emergencies do;
- working days end at 17:00 of the n-th working day after the day of the report;
- days end at 17:00 of the first working day on or after the n-th day.

A less urgent priority is never due before a more urgent one, whatever a category's own response
times say.

While a job waits for something, its clock stands still; ``resumed`` says when it is due after that.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from routing.calendars import NOTHING, WORKING_DAY, Calendar
from routing.categories import Answer, Category, Move, Within

#: From this risk on (impact × likelihood) a defect is of the priority.
RISK_OF_PRIORITY: Final = ((1, 12), (2, 8), (3, 4), (4, 1))
EMERGENCY: Final = 1
#: Work on an emergency begins within half of its time, and at the latest after this.
STARTED_WITHIN: Final = timedelta(minutes=30)
#: Due is near when so much of the response time is left: the last half hour of two hours, the
#: afternoon of the next working day, ten working hours of seven days, two days and a half of 28.
NEAR: Final[Mapping[int, float]] = {1: 1 / 4, 2: 1 / 2, 3: 1 / 4, 4: 1 / 8}
#: Working days among the days of a week.
_OF_A_WEEK: Final = 5 / 7


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone that holds the place (0 m), or is near it."""

    zone_type: str
    code: str
    name: str
    distance_m: float


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that held, and what it was that held."""

    move: Move
    #: The answer that was given; a number is not kept, only the bound it passed.
    answer: str | bool | None = None
    zone: Zone | None = None
    reports: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As the log keeps it: codes, names of places and counts, never words of a person."""
        move, found = self.move, {}
        if self.zone is not None:
            found = {
                "zone_type": self.zone.zone_type,
                "zone": self.zone.code,
                "name": self.zone.name,
                "distance_m": round(self.zone.distance_m),
            }
        elif self.reports is not None:
            found = {"reports": self.reports}
        elif move.at_least is not None:
            found = {"question": move.question, "at_least": move.at_least}
        else:
            found = {"question": move.question, "answer": self.answer}
        by = {"impact": move.impact, "likelihood": move.likelihood}
        return found | {name: steps for name, steps in by.items() if steps}


@dataclass(frozen=True, slots=True)
class Triage:
    """The answer: how urgent, by when, and from what risk."""

    #: 1 to 4.
    priority: int
    due_at: datetime
    impact: int
    likelihood: int
    moves: tuple[Moved, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Why, as an update keeps it; ``sentence`` reads it."""
        return {
            "impact": self.impact,
            "likelihood": self.likelihood,
            "moves": [moved.as_json() for moved in self.moves],
        }


def triage(
    category: Category,
    answers: Mapping[str, Answer],
    at: datetime,
    calendar: Calendar,
    *,
    zones: Collection[Zone] = (),
    reports: int = 1,
) -> Triage:
    """The priority of a defect reported so, there, by so many, and when it is due."""
    moves = tuple(_moves(category.risk.moves, answers, zones, reports))
    impact, likelihood = risk(category, moves)
    priority = priority_of(impact, likelihood)
    due = due_at(category, priority, at, calendar)
    return Triage(priority, due, impact, likelihood, moves)


def risk(category: Category, moves: Iterable[Moved]) -> tuple[int, int]:
    """Impact and likelihood after what moves them."""
    impact, likelihood = category.risk.impact, category.risk.likelihood
    for moved in moves:
        impact += moved.move.impact
        likelihood += moved.move.likelihood
    return min(max(impact, 1), 4), min(max(likelihood, 1), 4)


def priority_of(impact: int, likelihood: int) -> int:
    """The priority of a risk."""
    product = impact * likelihood
    return next(priority for priority, least in RISK_OF_PRIORITY if product >= least)


def worst(found: Iterable[Triage]) -> Triage:
    """The most urgent of several judgements of one defect: by priority, then by risk."""
    return min(found, key=lambda each: (each.priority, -each.impact * each.likelihood))


def due_at(category: Category, priority: int, at: datetime, calendar: Calendar) -> datetime:
    """When work of that priority, reported at that instant, is due (UTC)."""
    ladder = category.response.ladder[:priority]
    return max(_due(within, at, calendar) for within in ladder)


def resumed(
    category: Category,
    priority: int,
    calendar: Calendar,
    *,
    due: datetime,
    stopped: datetime,
    at: datetime,
) -> datetime:
    """When a job is due whose clock stood from ``stopped`` until ``at``. Never earlier than before.

    Hours run night and day, so they stop and go on by the clock. Days are promised as ends of
    working days, and work is done on working days: what stood still is working time, and a due time
    stays the end of a working day. (By the clock alone, three hours of an afternoon would move
    17:00 to 20:13 at night, and a week-end would buy two working days.) A job in time has at least
    the working time it had left, and less than a working day more; a job that was late stays late.
    """
    if at <= stopped:
        return due
    if category.response.ladder[priority - 1].hours is not None:
        return due + (at - stopped)
    stood = calendar.worked(stopped, at)
    if stood <= NOTHING:
        return due
    left = calendar.worked(stopped, due) if stopped < due else NOTHING
    if left > NOTHING:
        return max(due, calendar.next_close(calendar.after(at, left)))
    return max(due, calendar.last_close(calendar.after(due, stood)))


def start_by(category: Category, calendar: Calendar, now: datetime) -> datetime:
    """Emergencies that are due no later than this should have been started by now."""
    within = category.response.ladder[EMERGENCY - 1]
    whole = _length(within)
    return _ahead(within, calendar, now, whole - min(whole / 2, STARTED_WITHIN))


def near(category: Category, priority: int, calendar: Calendar, now: datetime) -> datetime:
    """Jobs of the priority that are due no later than this have little time left."""
    within = category.response.ladder[priority - 1]
    return _ahead(within, calendar, now, _length(within) * NEAR[priority])


def sentence(judged: Mapping[str, Any]) -> str:
    """``Triage.as_json`` as a supervisor reads it."""
    priority = priority_of(judged["impact"], judged["likelihood"])
    risk_words = f"Impact {judged['impact']} and likelihood {judged['likelihood']} of 4"
    moves = "; ".join(f"{_because(move)} ({_steps(move)})" for move in judged["moves"])
    because = f", because of: {moves}" if moves else ", as for any of its kind"
    stays = " A person set another priority, which stays." if judged.get("stays") else ""
    return f"{risk_words} make it P{priority}{because}.{stays}"


def _moves(
    moves: Iterable[Move],
    answers: Mapping[str, Answer],
    zones: Collection[Zone],
    reports: int,
) -> Iterable[Moved]:
    nearest_first = sorted(zones, key=lambda zone: (zone.distance_m, zone.code))
    for move in moves:
        if move.reports is not None:
            if reports >= move.reports:
                yield Moved(move, reports=reports)
        elif move.is_of_place:
            zone = next((each for each in nearest_first if move.meets(each)), None)
            if zone is not None:
                yield Moved(move, zone=zone)
        elif move.question is not None and move.holds(answer := answers.get(move.question)):
            kept = answer if isinstance(answer, (str, bool)) else None
            yield Moved(move, answer=kept)


def _due(within: Within, at: datetime, calendar: Calendar) -> datetime:
    if within.hours is not None:
        return at.astimezone(UTC) + timedelta(hours=within.hours)
    if within.working_days is not None:
        return calendar.close_of_working_day(at, within.working_days)
    return calendar.close_of_day(at, within.days or 0)


def _length(within: Within) -> timedelta:
    """The response time: by the clock for hours, of working time for days."""
    if within.hours is not None:
        return timedelta(hours=within.hours)
    return WORKING_DAY * (within.working_days or (within.days or 0) * _OF_A_WEEK)


def _ahead(within: Within, calendar: Calendar, now: datetime, time: timedelta) -> datetime:
    return now + time if within.hours is not None else calendar.after(now, time)


def _because(move: Mapping[str, Any]) -> str:
    if "zone" in move:
        where = f"{move['distance_m']} m from" if move["distance_m"] else "in"
        return f"{where} {move['name']}, {_plain(move['zone_type'])}"
    if "reports" in move:
        return f"{move['reports']} people reported it"
    if "at_least" in move:
        return f"{_plain(move['question'])} at least {move['at_least']:g}"
    answer = move["answer"]
    given = _plain(answer) if isinstance(answer, str) else {True: "yes", False: "no"}[answer]
    return f"{_plain(move['question'])}: {given}"


def _steps(move: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {move[name]:+d}" for name in ("impact", "likelihood") if name in move)


def _plain(code: str) -> str:
    return code.replace("_", " ")
