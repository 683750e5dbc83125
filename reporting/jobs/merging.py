"""What is left to do of a change that was made on an older version of its job. Pure.

A field that somebody set to another value since is a conflict, shown with both values and who made
them; one that was set to the same value is done already; all else merges.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from reporting import chain
from reporting.auth import Staff
from reporting.errors import Conflict
from reporting.jobs import views
from reporting.jobs.change import Wanted
from reporting.jobs.rows import UpdateRow


@dataclass(frozen=True, slots=True)
class Own:
    """What the same tablet said of the same job, by when it was done there: ids of updates."""

    earlier: frozenset[UUID] = frozenset()
    later: frozenset[UUID] = frozenset()


def left_to_do(
    wanted: Wanted, since: Iterable[UpdateRow], staff: Staff, version: int, own: Own
) -> Wanted:
    """The change less what is done. ``since`` are the updates after its version, oldest first.

    What the same tablet said before is no conflict. Where it has already said something later of a
    field, the later one stands. Raises Conflict for a field that somebody set to another value.
    """
    asked = wanted.fields()
    theirs: dict[str, UpdateRow] = {}
    for each in since:
        names = _values(each).keys()
        if each.id in own.later:
            asked = {name: value for name, value in asked.items() if name not in names}
            if "status" in names:  # and with it what only goes with a status
                asked.pop("scheduled_for", None)
                asked.pop("authority", None)
        elif each.id not in own.earlier:
            theirs |= dict.fromkeys(names, each)
    clashes = {
        name: theirs[name]
        for name, yours in asked.items()
        if name in theirs and _values(theirs[name])[name] != yours
    }
    if clashes:
        shown = [conflict(name, asked[name], each, staff) for name, each in clashes.items()]
        refusal = Conflict(conflicts=shown, version=version)
        refusal.updates = {name: each.id for name, each in clashes.items()}
        raise refusal
    wanted = replace(wanted, keeps_worker="worker" in theirs)
    return wanted.without((wanted.fields().keys() - asked.keys()) | (asked.keys() & theirs.keys()))


def conflict(name: str, yours: Any, theirs: UpdateRow, staff: Staff) -> dict[str, Any]:
    """A field that two set to different values, as whoever was later is asked about it."""
    values = views.changes(theirs) if name == "worker" else _values(theirs)
    return {
        "field": name,
        "yours": _named(yours, staff) if name == "worker" else yours,
        "theirs": values.get(name),
        "by": views.by(theirs),
        "at": chain.utc(theirs.made_at),
    }


def _values(update: UpdateRow) -> dict[str, Any]:
    """The fields that an update set, in the forms of ``events``."""
    found = update.changes
    if "status" in found:  # what is said with the status belongs to it, and went with it
        found = {"reason": None, "referred_to": None, **found}
    if update.waiting_for is not None:
        found = {**found, views.said_with_status(update): update.waiting_for}
    return found


def _named(worker: str | None, staff: Staff) -> dict[str, str | None] | None:
    """Who is on it, as the job shows them; of a colleague, the id alone."""
    if worker is None:
        return None
    return {"id": worker, "name": staff.name if worker == str(staff.id) else None}
