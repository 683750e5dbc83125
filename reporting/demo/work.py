"""What crews and supervisors of the made-up county do about a job, and when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, Final, Literal

from reporting.demo.sightings import LOCAL

#: Jobs younger than this are still on somebody's list.
FRESH: Final = timedelta(days=28)
#: Working hours, by the clock on the wall; what must be mended sooner is mended at night, too.
MORNING, EVENING, FRIDAY = 8, 17, 4
AT_ONCE: Final = timedelta(hours=8)
#: Work that is further off than this is often planned for a day.
WORTH_PLANNING: Final = timedelta(days=3)
PLANNED: Final = 0.6

#: What becomes of jobs, and of how many: of those that had time, and of fresh ones.
OUTCOMES: Final = {
    "mended": (64, 20),
    "mended_late": (9, 0),
    "closed": (10, 6),
    "waited": (5, 0),
    "waiting": (1, 14),
    "referred": (3, 5),
    "reopened": (4, 0),
    "planned": (0, 18),
    "under_way": (0, 16),
    "left": (1, 18),
}
UNDONE: Final = frozenset({"waiting", "planned", "under_way", "left"})
#: How many of those whose time is up were done after all.
IN_TIME: Final = 0.7
CLOSED: Final = {
    "pothole": (
        ("below_threshold", "We measured it: 22 mm, and we mend from 40 mm. We look again in May."),
        ("not_found", "We looked along the whole road and found no hole. Send us a photo?"),
    ),
    "fly_tipping": (
        ("private_land", "This lies on private land; its owner has been asked to clear it."),
        ("not_found", "It was gone when we came."),
    ),
}
WAITING: Final = {
    "pothole": ("the gas company to finish its works", "dry weather, for the surface to hold"),
    "fly_tipping": ("a specialist to take the asbestos", "the police to look through it"),
}
MENDED: Final = {
    "pothole": (None, None, "Filled and sealed.", "Cut out and patched; the patch is warm still."),
    "fly_tipping": (None, None, "Cleared.", "Cleared, and we found an address in it."),
}
NOTES: Final = ("Photo taken before and after.", "Two men, one hour.", "Cones were needed.", None)


@dataclass(frozen=True, slots=True)
class Step:
    """Something staff do to a job; ``did`` are the fields of ``jobs.Wanted``."""

    at: datetime
    by: Literal["crew", "supervisor"]
    did: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Begun:
    """A job as it begins."""

    category: str
    at: datetime
    due: datetime

    def after(self, share: float) -> timedelta:
        """So much of the time there is."""
        return (self.due - self.at) * share


def plan(job: Begun, now: datetime, rng: Random) -> list[Step]:
    """What becomes of a job; steps that are yet to come included."""
    fresh = now - job.at < FRESH
    outcome = rng.choices([*OUTCOMES], [pair[fresh] for pair in OUTCOMES.values()])[0]
    if outcome in UNDONE and job.due < now and rng.random() < IN_TIME:
        outcome = "mended"
    steps: list[Step] = []  # of one that is left: nobody has been there yet
    match outcome:
        case "mended":
            steps = _mend(job, job.at, job.after(rng.uniform(0.1, 0.85)), rng)
        case "mended_late":
            steps = _mend(job, job.at, job.after(rng.uniform(1.1, 2.2)), rng)
        case "closed":
            reason, message = rng.choice(CLOSED[job.category])
            steps = [_closed(at_work(job.at + job.after(rng.uniform(0.2, 0.9))), reason, message)]
        case "waiting" | "waited":
            steps = _wait(job, rng, until_it_goes_on=outcome == "waited")
        case "referred":
            steps = [_referred(at_work(job.at + job.after(rng.uniform(0.1, 0.5))))]
        case "reopened":
            steps = _mend_twice(job, rng)
        case "planned":
            steps = [
                _planned(
                    at_work(job.at + min(job.after(0.2), (now - job.at) / 2)),
                    at_work(now + timedelta(days=rng.uniform(1, 9))),
                )
            ]
        case "under_way":
            steps = [_started(job.at + (now - job.at) * rng.uniform(0.4, 0.95))]
    return steps


def _mend(
    job: Begun, at: datetime, after: timedelta, rng: Random, *, planned: bool = True
) -> list[Step]:
    """A crew goes there, and some while later it is mended; longer jobs are planned first."""
    fixed = at_work(at + after)
    started = fixed - timedelta(minutes=rng.randrange(25, 150))
    if after < AT_ONCE or started <= at:
        fixed, started = at + after, at + after * 0.4
    steps = [_started(started), _fixed(job, fixed, rng)]
    if planned and after > WORTH_PLANNING and rng.random() < PLANNED:
        steps.insert(0, _planned(at_work(at + after * 0.25), fixed))
    return steps


def _mend_twice(job: Begun, rng: Random) -> list[Step]:
    """It breaks up again, its reporter says so, and it is mended once more."""
    first = _mend(job, job.at, job.after(rng.uniform(0.2, 0.7)), rng)
    back = at_work(first[-1].at + timedelta(days=rng.uniform(1, 12)))
    words = "You told us that it is not right yet. We go back."
    again = Step(back, "supervisor", {"status": "received", "public_message": words})
    return [*first, again, *_mend(job, back, job.after(0.5), rng, planned=False)]


def _wait(job: Begun, rng: Random, *, until_it_goes_on: bool) -> list[Step]:
    stopped = at_work(job.at + job.after(rng.uniform(0.1, 0.4)))
    reason = rng.choice(WAITING[job.category])
    wait = Step(stopped, "crew", {"status": "waiting", "reason": reason})
    if not until_it_goes_on:
        return [wait]
    goes_on = stopped + timedelta(days=rng.uniform(5, 20))
    return [wait, *_mend(job, goes_on, job.after(0.3), rng, planned=False)]


def _started(at: datetime) -> Step:
    return Step(at, "crew", {"status": "in_progress"})


def _fixed(job: Begun, at: datetime, rng: Random) -> Step:
    message = rng.choice(MENDED[job.category])
    note = rng.choice(NOTES)
    return Step(at, "crew", {"status": "fixed", "note": note, "public_message": message})


def _closed(at: datetime, reason: str, message: str) -> Step:
    return Step(at, "crew", {"status": "closed", "reason": reason, "public_message": message})


def _referred(at: datetime) -> Step:
    note = "The parish council's; its clerk was telephoned."
    return Step(at, "supervisor", {"status": "referred", "note": note})


def _planned(at: datetime, day: datetime) -> Step:
    morning = datetime.combine(day.astimezone(LOCAL).date(), time(MORNING), tzinfo=LOCAL)
    did = {"status": "scheduled", "scheduled_for": morning.astimezone(UTC)}
    return Step(at, "supervisor", did)


def at_work(at: datetime) -> datetime:
    """That time if somebody works then, else a time on the next morning somebody does."""
    local = at.astimezone(LOCAL)
    while local.weekday() > FRIDAY or local.hour >= EVENING:
        next_day = local.date() + timedelta(days=1)
        local = datetime.combine(next_day, time(MORNING, local.minute), tzinfo=LOCAL)
    if local.hour < MORNING:
        local = local.replace(hour=MORNING)
    return local.astimezone(UTC)
