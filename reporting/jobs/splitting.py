"""What becomes of reports that are taken off a job: the new job that they make.

It is judged as if they had never stood on the other: by what they say, where they are, and due from
when the first of them came. A council has known of it since then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg.rows import class_row, scalar_row

from geo.lookup import within
from geo.points import Point
from reporting import chain
from reporting.errors import Invalid
from reporting.events import priority_code
from reporting.jobs.rows import LockedJob, StandingReport
from reporting.queries import moving as queries
from reporting.references import reference
from reporting.runtime import Connection
from routing.assign import Assignment, Router, in_words
from routing.rulebook import AreaRow, Rules
from routing.triage import triage, worst


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that is about to be made of reports of another."""

    id: UUID
    reference: str
    head: bytes
    #: Everything it begins with, for its first update.
    fields: dict[str, Any]
    #: Parameters of ``queries.NEW_JOB`` besides those of the update.
    columns: dict[str, Any]


async def standing(conn: Connection, job: UUID) -> list[StandingReport]:
    """The reports that stand on a job, in the order in which they were told."""
    async with conn.cursor(row_factory=class_row(StandingReport)) as cursor:
        await cursor.execute(queries.STANDING, {"job": job})
        return await cursor.fetchall()


def leaving(standing: Sequence[StandingReport], asked: Sequence[UUID]) -> list[StandingReport]:
    """Those that leave a job. Raises Invalid where they are not its own, or none would stay."""
    found = [each for each in standing if each.id in set(asked)]
    if not asked or len(found) != len(set(asked)):
        raise Invalid("Name reports that stand on this job.")
    if any(each.withdrawn_at for each in found):
        raise Invalid("A report that was taken back stays where it is.")
    if not any(each.withdrawn_at is None for each in standing if each not in found):
        raise Invalid("At least one report has to stay on the job.")
    return found


async def plan(
    conn: Connection,
    router: Router,
    rules: Rules,
    source: LockedJob,
    reports: Sequence[StandingReport],
    actor: str,
) -> NewJob:
    """The job that these reports make."""
    first = reports[0]
    known = rules.categories.get(first.category)
    category = known if known and known.active else rules.categories[source.category]
    place = None if first.lat is None or first.lng is None else Point(first.lat, first.lng)
    found = await _assignment(conn, router, rules, source, category.code, place)
    near = {} if place is None else await within(conn, place, source.now, category.risk.reach_m)
    judged = worst(
        triage(
            category,
            each.answers if each.category == category.code else {},
            first.created_at,
            found.authority.calendar,
            zones=rules.zones((), near.items()),
            reports=len(reports),
        )
        for each in reports
    )
    is_ours = found.authority.id == source.authority_id
    authority = found.authority if is_ours else rules.authorities[source.authority_id]
    team = found.team if is_ours else rules.teams[source.team_id]
    ward, division = source.ward_area_id, source.division_area_id
    if is_ours:
        ward, division = _id(found.ward), _id(found.division)
    flags = list(dict.fromkeys([*(found.flags if is_ours else ()), *_own_flags(first.flags)]))
    by_hand = {"why": "by_hand", "by": actor, "team": team.slug, "flags": flags}
    area = None if ward is None else rules.areas.get(ward)
    fields = {
        "status": "received",
        "category": category.code,
        "location": place and {"lat": place.lat, "lng": place.lng},
        "authority": authority.slug,
        "team": team.slug,
        "ward": area and area.code,
        "priority": priority_code(judged.priority),
        "due_at": chain.utc(judged.due_at),
        "flags": flags,
        "triage": judged.as_json(),
    }
    name = reference(await _number(conn))
    columns = {
        "reference": name,
        "authority": authority.id,
        "team": team.id,
        "reasons": found.reasons_json if is_ours else orjson.dumps(by_hand).decode(),
        "category": category.code,
        "ward": ward,
        "division": division,
        "lat": place and place.lat,
        "lng": place and place.lng,
        "accuracy_m": first.accuracy_m,
        "answers": orjson.dumps(first.answers).decode(),
        "priority": judged.priority,
        "due_at": judged.due_at,
        "reports": len(reports),
        "flags": flags,
    }
    return NewJob(uuid4(), name, chain.GENESIS, fields, columns)


async def _assignment(
    conn: Connection,
    router: Router,
    rules: Rules,
    source: LockedJob,
    category: str,
    place: Point | None,
) -> Assignment:
    if place is None:
        return in_words(rules, rules.authorities[source.authority_id])
    return await router.assign(conn, place, category, source.now)


def _own_flags(flags: Sequence[str]) -> list[str]:
    """What the first report said of its place, and not what routing said of it then."""
    return [flag for flag in flags if flag in {"check_location", "shared_point"}]


def _id(area: AreaRow | None) -> int | None:
    return None if area is None else area.id


async def _number(conn: Connection) -> int:
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.REFERENCE)
        return int(await cursor.fetchone() or 0)
