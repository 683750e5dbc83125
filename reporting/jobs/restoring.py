"""What an undo puts back: the columns of a job that a desk decides. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from reporting import chain
from reporting.events import priority_code
from reporting.jobs.change import Change
from routing.rulebook import Rules

Said = Callable[[Any, Rules], Any]


def _area(value: Any, rules: Rules) -> str | None:
    area = None if value is None else rules.areas.get(value)
    return None if area is None else area.code


#: By column, what is said of it in the log; None for one that is not named there.
COLUMNS: Final[Mapping[str, Said | None]] = {
    "authority": lambda value, rules: rules.authorities[value].slug,
    "team": lambda value, rules: rules.teams[value].slug,
    "worker": lambda value, _: value and str(value),
    "category": lambda value, _: value,
    "ward": _area,
    "division": _area,
    "lat": None,
    "lng": None,
    "priority": lambda value, _: priority_code(value),
    "priority_by_hand": None,
    "due_at": lambda value, _: chain.utc(value),
    "clock_stopped_at": None,
    "flags": lambda value, _: value,
}


def before(change: Change) -> dict[str, Any] | None:
    """The columns as they were before a change; None where it cannot be undone.

    Of a status people may have been told: it is moved on, and not undone.
    """
    told = change.fields.keys() & {"status", "reason", "scheduled_for"}
    if told or change.waiting_for or not change.columns_differ:
        return None
    return {name: change.was(name) for name in COLUMNS}


def put_back(change: Change, columns: Mapping[str, Any], reasons: str | None, rules: Rules) -> None:
    """Make of the job what it was before a change that is undone."""
    found = {name: value for name, value in columns.items() if change.columns[name] != value}
    change.columns |= found
    for name, value in found.items():
        said = COLUMNS[name]
        if said is not None:
            change.fields[name] = said(value, rules)
    if found.keys() & {"lat", "lng"}:
        lat, lng = change.columns["lat"], change.columns["lng"]
        change.fields["location"] = None if lat is None else {"lat": lat, "lng": lng}
    if "team" in found or "authority" in found:
        change.reasons = reasons


def read(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as they were, from JSON."""
    found = dict(kept)
    for name in ("due_at", "clock_stopped_at"):
        if found.get(name) is not None:
            found[name] = datetime.fromisoformat(found[name])
    if found.get("worker") is not None:
        found["worker"] = UUID(found["worker"])
    return found
