"""What somebody did to a job as they tell it, and what it makes of the job. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from geo.points import Point
from reporting import chain, status
from reporting.auth import Staff
from reporting.errors import Invalid
from reporting.events import priority_code
from reporting.jobs.rows import LockedJob
from routing import triage
from routing.assign import Assignment
from routing.reasons import REFERRED_HERE, REFERRED_OFTEN
from routing.rulebook import Rules

#: Flags that a person's decision about the team answers.
DECIDED: Final = frozenset({"needs_triage", "rules_tie", "handed_back"})
#: A contractor could not do it: somebody must decide how it goes on.
HANDED_BACK: Final = "handed_back"
#: As ``Wanted.worker``: nobody is on it any more.
NOBODY: Final = UUID(int=0)
#: What pictures show of the work.
PhotosShow = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody did to a job, as their device tells it. None: not touched."""

    id: UUID
    base_version: int
    made_at: datetime
    status: str | None = None
    reason: str | None = None
    scheduled_for: datetime | None = None
    note: str | None = None
    public_message: str | None = None
    photos: tuple[UUID, ...] = ()
    photos_show: PhotosShow | None = None
    #: Who of the staff is on it, or ``NOBODY``.
    worker: UUID | None = None
    team: str | None = None
    priority: int | None = None
    category: str | None = None
    location: Point | None = None
    #: With ``referred``: the slug of another authority here, or a body outside by name.
    authority: str | None = None
    referred_to: str | None = None
    #: Somebody else was put on it since: sending it back does not take it from them.
    keeps_worker: bool = False

    def fields(self) -> dict[str, Any]:
        """The fields asked for, in the forms of ``events``."""
        asked = {
            "status": self.status,
            "reason": self.reason,
            "scheduled_for": self.scheduled_for and chain.utc(self.scheduled_for),
            "team": self.team,
            "priority": self.priority and priority_code(self.priority),
            "category": self.category,
            "location": self.location and {"lat": self.location.lat, "lng": self.location.lng},
            "authority": self.authority,
            "referred_to": self.referred_to,
        }
        found: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        if self.worker is not None:
            found["worker"] = None if self.worker == NOBODY else str(self.worker)
        return found

    def without(self, names: Iterable[str]) -> "Wanted":
        """The same, less some of its fields."""
        left: dict[str, Any] = dict.fromkeys(names)
        return replace(self, **left)

    def started_by(self, staff: Staff) -> "Wanted":
        """Of a crew that starts and names nobody: they are on it themselves."""
        starts = self.status == "in_progress" and self.worker is None and staff.role == "crew"
        return replace(self, worker=staff.id) if starts else self

    @property
    def refers(self) -> bool:
        """Whether it passes the job on to others."""
        return bool(self.authority or self.referred_to)

    @property
    def reassigns(self) -> bool:
        """Whether it asks for more than a crew may change."""
        return self.refers or any((self.team, self.priority, self.category, self.location))

    @property
    def reroutes(self) -> bool:
        """Whether the rules must be asked again whose job it is."""
        return bool(self.category or self.location or self.authority)


class Change:
    """A job's columns as they will be, and the fields that come to differ, for its update."""

    def __init__(self, row: LockedJob) -> None:
        self.row = row
        #: What the update says; see ``events``.
        self.fields: dict[str, Any] = {}
        #: Parameters of ``queries.append`` with "fields".
        self.columns: dict[str, Any] = {
            "authority": row.authority_id,
            "team": row.team_id,
            "worker": row.worker_id,
            "referred_to": row.referred_to,
            "category": row.category,
            "ward": row.ward_area_id,
            "division": row.division_area_id,
            "lat": row.lat,
            "lng": row.lng,
            "status": row.status,
            "waiting_for": row.waiting_for,
            "closed_reason": row.closed_reason,
            "scheduled_for": row.scheduled_for,
            "priority": row.priority,
            "priority_by_hand": row.priority_by_hand,
            "due_at": row.due_at,
            "clock_stopped_at": row.clock_stopped_at,
            "reopened": row.reopened,
            "flags": row.flags,
            "closed_at": row.closed_at,
        }
        self._before = dict(self.columns)
        #: Why it is whose it will be, as JSON text; None when nobody asked.
        self.reasons: str | None = None
        #: A new reason for waiting, or whom outside it was referred to: free text, with the words.
        self.waiting_for: str | None = None

    def was(self, name: str) -> Any:
        """A column as it was."""
        return self._before[name]

    @property
    def columns_differ(self) -> bool:
        """Whether there is anything to store in the job but its version."""
        return self.columns != self._before

    def move(self, wanted: Wanted, rules: Rules) -> None:
        """Status, its reason and its date; a job that is reopened is due anew."""
        row, columns = self.row, self.columns
        at = self._when(wanted)
        before = status.State(
            status=row.status,
            due_at=row.due_at,
            reason=row.closed_reason or row.waiting_for,
            scheduled_for=row.scheduled_for,
            clock_stopped_at=row.clock_stopped_at,
            reopened=row.reopened,
            closed_at=row.closed_at,
        )
        after = status.move(
            before,
            at=at,
            status=wanted.status,
            reason=wanted.reason,
            scheduled_for=wanted.scheduled_for,
            resume=partial(self._resumed, rules),
        )
        columns |= {
            "status": after.status,
            "closed_reason": after.reason if after.status == "closed" else None,
            "waiting_for": after.reason if after.status == "waiting" else None,
            "scheduled_for": after.scheduled_for,
            "clock_stopped_at": after.clock_stopped_at,
            "reopened": after.reopened,
            "closed_at": after.closed_at,
        }
        is_accepted = after.status in status.OPEN and self._leave_referral(after.status)
        if after.status != row.status:
            self.fields["status"] = after.status
            self._flag([flag for flag in columns["flags"] if flag != HANDED_BACK])
            if after.status == "received" and not wanted.keeps_worker:  # it waits for somebody
                self._work(None)
        if after.reason != before.reason and after.status == "closed":
            self.fields["reason"] = after.reason
        if after.reason != before.reason and after.status == "waiting":
            self.waiting_for = after.reason
        if after.scheduled_for != before.scheduled_for:
            scheduled = after.scheduled_for
            self.fields["scheduled_for"] = scheduled and chain.utc(scheduled)
        is_new = is_accepted or after.reopened != row.reopened
        self._due(self._anew(at, rules) if is_new else after.due_at)

    def _leave_referral(self, to: str) -> bool:
        """Whether somebody here accepts with this status what others referred to them."""
        if to == "referred":
            return False
        self.columns["referred_to"] = None
        flags = self.columns["flags"]
        self._flag([flag for flag in flags if flag not in {REFERRED_HERE, REFERRED_OFTEN}])
        return REFERRED_HERE in flags

    def work(self, wanted: Wanted) -> None:
        """Who is on it, as they said themselves or were told."""
        if wanted.worker is not None:
            self._work(None if wanted.worker == NOBODY else wanted.worker)

    def _work(self, worker: UUID | None) -> None:
        if worker != self.columns["worker"]:
            self.columns["worker"] = worker
            self.fields["worker"] = worker and str(worker)

    def prioritise(self, wanted: Wanted, rules: Rules) -> None:
        """Another priority is another judgement: its time counts from when it was made."""
        if wanted.priority in {None, self.row.priority}:
            return
        self.columns |= {"priority": wanted.priority, "priority_by_hand": True}
        self.fields["priority"] = priority_code(self.columns["priority"])
        self._begin(self._when(wanted), rules)

    def judge(self, judged: triage.Triage, wanted: Wanted, rules: Rules) -> None:
        """A correction is judged like a report, and takes the place of what a person set before.

        Where it makes another priority, or is another kind of defect, its time counts from when it
        was made; what becomes more urgent is due no later for that.
        """
        before = self.columns["priority"]
        self.columns["priority_by_hand"] = False
        self.fields["triage"] = judged.as_json()
        if judged.priority == before and self.columns["category"] == self.row.category:
            return
        if judged.priority != before:
            self.columns["priority"] = judged.priority
            self.fields["priority"] = priority_code(judged.priority)
        no_later = self.columns["due_at"] if judged.priority < before else None
        self._begin(self._when(wanted), rules, no_later)

    def _begin(self, at: datetime, rules: Rules, no_later: datetime | None = None) -> None:
        """The time of another judgement, from when it was made."""
        stopped = self.columns["clock_stopped_at"]
        if stopped is not None:  # it stands still none the less
            no_later = no_later and self._resumed(rules, no_later, stopped, at)
            self.columns["clock_stopped_at"] = at
        anew = self._anew(at, rules)
        self._due(anew if no_later is None else min(anew, no_later))

    def _when(self, wanted: Wanted) -> datetime:
        return min(max(wanted.made_at, self.row.created_at), self.row.now)

    def _resumed(self, rules: Rules, due: datetime, stopped: datetime, at: datetime) -> datetime:
        """When the job as it was is due after its clock stood still."""
        row = self.row
        return triage.resumed(
            rules.categories[row.category],
            row.priority,
            rules.authorities[row.authority_id].calendar,
            due=due,
            stopped=stopped,
            at=at,
        )

    def _anew(self, at: datetime, rules: Rules) -> datetime:
        category = rules.categories[self.columns["category"]]
        calendar = rules.authorities[self.columns["authority"]].calendar
        return triage.due_at(category, self.columns["priority"], at, calendar)

    def _due(self, due_at: datetime) -> None:
        if due_at != self.columns["due_at"]:
            self.columns["due_at"] = due_at
            self.fields["due_at"] = chain.utc(due_at)

    def correct(self, wanted: Wanted) -> bool:
        """The category and place as corrected; whether that may make it another's job."""
        if wanted.category not in {None, self.row.category}:
            self.columns["category"] = self.fields["category"] = wanted.category
        if wanted.location is not None:
            place = {"lat": wanted.location.lat, "lng": wanted.location.lng}
            if place != {"lat": self.row.lat, "lng": self.row.lng}:
                self.columns |= place
                self.fields["location"] = place
        return bool(self.fields)

    def give_to(self, assignment: Assignment) -> None:
        """To whom the rules give it, with the ward and the flags that go with that."""
        ward, division = assignment.ward, assignment.division
        self._set("authority", assignment.authority.id, assignment.authority.slug)
        self._set("team", assignment.team.id, assignment.team.slug)
        self._set("ward", *((ward.id, ward.code) if ward else (None, None)))
        self._set("division", *((division.id, division.code) if division else (None, None)))
        kept = {REFERRED_HERE, REFERRED_OFTEN}.intersection(self.row.flags)
        is_theirs = assignment.authority.id == self.row.authority_id
        flags = dict.fromkeys([*assignment.flags, *(sorted(kept) if is_theirs else ())])
        self._flag(list(flags))
        self.reasons = assignment.reasons_json
        self._leave()

    def refer(self, assignment: Assignment) -> None:
        """To another authority here, which has yet to accept it. Said anew each time it goes on."""
        self.give_to(assignment)
        self.columns["referred_to"] = None
        self.fields["status"] = "referred"

    def refer_outside(self, name: str) -> None:
        """To a body outside; the job stays with whoever referred it."""
        if name != self.row.referred_to:
            self.columns["referred_to"] = self.waiting_for = name
            self.fields["status"] = "referred"
            self._work(None)

    def mark(self, flag: str) -> None:
        """Flag it."""
        self._flag([*(each for each in self.columns["flags"] if each != flag), flag])

    def hand_over(self, slug: str | None, rules: Rules, actor: str) -> None:
        """To a team that a person named, of the authority whose job it is."""
        authority = self.columns["authority"]
        if slug is None or slug == rules.teams[self.columns["team"]].slug:
            return
        teams = rules.teams.values()
        team = next((t for t in teams if t.authority_id == authority and t.slug == slug), None)
        if team is None:
            raise Invalid("This authority has no such team.")
        self._set("team", team.id, team.slug)
        self._leave()
        self._flag([flag for flag in self.columns["flags"] if flag not in DECIDED])
        self.reasons = orjson.dumps(
            {"why": "by_hand", "by": actor, "team": slug, "flags": self.columns["flags"]}
        ).decode()

    def _leave(self) -> None:
        """Who is of another team is not on it any more."""
        if self.columns["team"] != self.row.team_id:
            self._work(None)

    def _set(self, name: str, number: int | None, code: str | None) -> None:
        if self.columns[name] != number:
            self.columns[name] = number
            self.fields[name] = code

    def _flag(self, flags: list[str]) -> None:
        if self.columns["flags"] != flags:
            self.columns["flags"] = self.fields["flags"] = flags
