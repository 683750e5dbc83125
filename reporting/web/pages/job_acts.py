"""What the forms of a job's page do at a desk: merge, split, decide anew, and the way back."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from pydantic import TypeAdapter, ValidationError

from geo.points import Point
from reporting import jobs
from reporting.auth import Staff
from reporting.errors import Invalid, NotFound
from reporting.jobs import deciding
from reporting.references import PATTERN
from reporting.repeats import Once
from reporting.runtime import Connection, Runtime
from reporting.web.body import CleanText
from reporting.web.pages.form import Filled
from reporting.web.wire import Location

HERE: Final = "/console/jobs"
NOTE_LENGTH: Final = 2000
#: What a page says once, by the name in its address, with the job or update that it names.
DONE: Final[Mapping[str, str]] = {
    "merged": "{of} is part of this job now. Its reporters hear of this one.",
    "unmerged": "It is a job of its own again, as it was.",
    "split": "{of} is a job of its own now.",
    "unsplit": "They are one job again.",
    "decided": "It is changed.",
    "undone": "It is as it was.",
}
#: The way back of each: the form's action and what its button says.
BACK: Final[Mapping[str, str]] = {"merged": "unmerge", "split": "unsplit", "decided": "undo"}
Act = Callable[[Connection, Runtime, Staff, UUID, Filled], Awaitable[str]]
_TEXT: Final = TypeAdapter(CleanText)
_PRIORITIES: Final = {"1": 1, "2": 2, "3": 3, "4": 4}
_TICKED: Final = "report-"


def reference_of(typed: str) -> str:
    """As people type what they were read out."""
    found = typed.strip().upper().replace(" ", "")
    return found if found.startswith("KB-") else f"KB-{found.removeprefix('KB')}"


def text(typed: str, longest: int) -> str:
    """What was typed into a field. Raises Invalid."""
    try:
        found = _TEXT.validate_python(typed.replace("\r\n", "\n"))
    except ValidationError as error:
        raise Invalid("Take out the characters that no keyboard types.") from error
    if len(found) > longest:
        raise Invalid(f"Use fewer words: {longest} characters are the most.")
    return found


def wanted(filled: Filled, **fields: Any) -> jobs.Wanted:
    """A change of the job, on the version that the page showed. Raises Invalid."""
    try:
        version = int(filled["version"])
    except ValueError as error:
        raise Invalid("Open the job again.") from error
    return jobs.Wanted(
        id=filled.key or uuid4(),
        base_version=version,
        made_at=datetime.now(UTC),
        note=text(filled["note"], NOTE_LENGTH) or None,
        **fields,
    )


async def _merge(conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled) -> str:
    into = await _other(conn, who, filled)
    once = _once("merge", runtime, who, job, filled)
    await jobs.merge(conn, runtime.router, who, once, into)
    return f"{HERE}/{into}?done=merged&of={job}"


async def _unmerge(
    conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled
) -> str:
    """Of the job itself, or (``of``) of one that came into it."""
    home = _uuid(filled["of"]) if filled["of"] else job
    await jobs.unmerge(conn, runtime.router, who, _once("unmerge", runtime, who, home, filled))
    return f"{HERE}/{home}?done=unmerged"


async def _split(conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled) -> str:
    ticked = [_uuid(name.removeprefix(_TICKED)) for name in filled.values if _is_ticked(name)]
    if not ticked:
        raise Invalid("Tick the reports that are about something else.")
    once = _once("split", runtime, who, job, filled)
    found = await jobs.split(conn, runtime.router, who, once, ticked)
    return f"{HERE}/{job}?done=split&of={orjson.loads(found.body)['into']['id']}"


async def _unsplit(
    conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled
) -> str:
    once = _once("merge", runtime, who, _uuid(filled["of"]), filled)
    await jobs.merge(conn, runtime.router, who, once, job)
    return f"{HERE}/{job}?done=unsplit"


async def _decide(conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled) -> str:
    change = wanted(
        filled,
        team=filled["team"] or None,
        priority=_PRIORITIES.get(filled["priority"]),
        category=filled["category"] or None,
        location=_place(filled["place"]),
    )
    found = await jobs.update(conn, runtime.router, who, job, change)
    if found["authority"]["slug"] != who.authority_slug:
        return f"{HERE}?passed={found['reference']}&to={found['authority']['slug']}"
    return f"{HERE}/{job}?done=decided&of={change.id}"


async def _undo(conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled) -> str:
    new = filled.key or uuid4()
    await jobs.undo(conn, runtime.router, who, job, _uuid(filled["of"]), new)
    return f"{HERE}/{job}?done=undone"


ACTS: Final[Mapping[str, Act]] = {
    "merge": _merge,
    "unmerge": _unmerge,
    "split": _split,
    "unsplit": _unsplit,
    "decide": _decide,
    "undo": _undo,
}


def _is_ticked(name: str) -> bool:
    return name.startswith(_TICKED)


async def _other(conn: Connection, who: Staff, filled: Filled) -> UUID:
    """The job that was chosen, or named by its reference."""
    if filled["reference"]:
        typed = reference_of(filled["reference"])
        try:
            if PATTERN.fullmatch(typed):
                return await deciding.find(conn, who, typed)
        except NotFound:
            pass
        raise Invalid("No job of yours has that reference.")
    if not filled["into"]:
        raise Invalid("Choose the job that it is the same as, or type its reference.")
    return _uuid(filled["into"])


def _place(typed: str) -> Point | None:
    """A place as it is copied from a map: latitude, then longitude."""
    if not typed:
        return None
    try:
        lat, lng = map(float, typed.replace(",", " ").split())
        return Location(lat=lat, lng=lng).point()
    except ValueError as error:
        raise Invalid("Write the place as latitude and longitude, like 52.01, -0.99.") from error


def _once(operation: str, runtime: Runtime, who: Staff, job: UUID, filled: Filled) -> Once:
    body = runtime.keys.body_hash(filled.content())
    return Once(f"{operation}:{who.id}", job, filled.key or uuid4(), body)


def _uuid(typed: str) -> UUID:
    try:
        return UUID(typed)
    except ValueError as error:
        raise NotFound from error
