"""What is left to do of a change that was made on an older version of its job. Pure.

A field that somebody set to another value since is a conflict, shown with both values and who made
them; one that was set to the same value is done already; all else merges.
"""

from collections.abc import Iterable
from typing import Any

from reporting import chain
from reporting.auth import Staff
from reporting.errors import Conflict
from reporting.jobs import views
from reporting.jobs.change import Wanted
from reporting.jobs.rows import UpdateRow


def left_to_do(wanted: Wanted, since: Iterable[UpdateRow], staff: Staff, version: int) -> Wanted:
    """The change less what is done. ``since`` are the updates after its version, oldest first.

    Raises Conflict for a field that somebody set to another value.
    """
    asked = wanted.fields()
    theirs: dict[str, tuple[Any, UpdateRow]] = {}
    for each in since:
        changes = each.changes
        if "status" in changes:  # what is said with the status belongs to it, and went with it
            changes = {"reason": None, "referred_to": None, **changes}
        if each.waiting_for is not None:
            changes = {**changes, views.said_with_status(each): each.waiting_for}
        theirs |= {name: (value, each) for name, value in changes.items()}
    clashes = [
        {
            "field": name,
            "yours": _named(yours, staff) if name == "worker" else yours,
            "theirs": views.changes(theirs[name][1])[name] if name == "worker" else theirs[name][0],
            "by": views.by(theirs[name][1]),
            "at": chain.utc(theirs[name][1].made_at),
        }
        for name, yours in asked.items()
        if name in theirs and theirs[name][0] != yours
    ]
    if clashes:
        raise Conflict(conflicts=clashes, version=version)
    return wanted.without(asked.keys() & theirs.keys())


def _named(worker: str | None, staff: Staff) -> dict[str, str | None] | None:
    """Who is on it, as the job shows them; of a colleague, the id alone."""
    if worker is None:
        return None
    return {"id": worker, "name": staff.name if worker == str(staff.id) else None}
