"""`/console/jobs`: the jobs of a council as its supervisors ask for them, and many changed at once.

What is asked for stands in the address, so that a list can be kept, sent, and gone back to. What
waits for a decision stands first. Each of many jobs is changed by itself and says what became of
it; the ids of the updates come of the form's key, so a form that is sent twice is done once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from reporting import jobs
from reporting.asked import Asked, begin
from reporting.auth import Action, Staff, may, scope
from reporting.errors import CursorRefused, Invalid, NotFound
from reporting.jobs import deciding, desk
from reporting.language import Language, language
from reporting.references import PATTERN
from reporting.runtime import Runtime
from reporting.status import OPEN
from reporting.web.api import desk as many
from reporting.web.api.jobs import JobFilters
from reporting.web.deps import RuntimeDep
from reporting.web.pages import form, job_words
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page
from reporting.web.pages.form import Filled
from reporting.web.pages.job_acts import HERE, NOTE_LENGTH, reference_of, text
from reporting.web.pages.rendering import HEADERS
from reporting.web.pages.standing import TAGS
from routing.rulebook import Rules

router = APIRouter(prefix="/console/jobs", include_in_schema=False, route_class=ConsoleRoute)

ROWS: Final = 50
#: In the address, and what is asked of each.
NAMES: Final = ("team", "ward", "category", "status", "priority", "bbox", "from", "to")
DUE: Final[Mapping[str, str]] = {
    "": "At any time",
    "late": "Late",
    "today": "Today",
    "week": "In seven days",
}
_SEVERAL: Final = frozenset(NAMES) - {"bbox", "from", "to"}
_JOB: Final = "job-"


@dataclass(frozen=True, slots=True)
class Looked:
    """What the address asks for."""

    asked: Asked
    due: str
    values: Mapping[str, str]
    after: str | None
    #: What was wrong with it.
    fault: str = ""

    def address(self, **others: str) -> str:
        """The same list with something else about it."""
        found = {**self.values, "due": self.due, **others}
        query = urlencode({name: value for name, value in found.items() if value})
        return f"{HERE}?{query}" if query else HERE


@router.api_route("", methods=["GET", "HEAD"])
async def get_jobs(
    request: Request,
    runtime: RuntimeDep,
    who: StaffDep,
    reference: Annotated[str, Query(max_length=40)] = "",
    passed: Annotated[str, Query(max_length=40)] = "",
    to: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The job of a reference, else the jobs asked for."""
    typed = reference_of(reference)
    if PATTERN.fullmatch(typed):
        async with runtime.reading() as conn:
            try:
                found = await deciding.find(conn, who, typed)
                return RedirectResponse(f"{HERE}/{found}", 303, HEADERS)
            except NotFound:
                pass
    return await _show(
        request, runtime, who, 404 if reference else 200, missed=reference, passed=(passed, to)
    )


@router.post("")
async def change_many(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    """Change those that were ticked, or undo that; the page says what became of each."""
    scope(who, Action.REASSIGN_JOB)
    filled = await form.read(request)
    is_undo = filled["action"] == "undo"
    try:
        results = await (_undo if is_undo else _change)(runtime, who, filled)
    except Invalid as refusal:
        return await _show(request, runtime, who, 422, refusal=refusal.detail, filled=filled)
    return await _show(request, runtime, who, results=results, is_undo=is_undo)


async def _undo(runtime: Runtime, who: Staff, filled: Filled) -> list[dict[str, Any]]:
    items = _undone(filled, filled.key or uuid4())
    return [await many.undo(runtime, who, item) for item in items]


async def _change(runtime: Runtime, who: Staff, filled: Filled) -> list[dict[str, Any]]:
    body = _asked_of(filled)
    return [await many.change(runtime, who, body, item) for item in body.jobs]


def _asked_of(filled: Filled) -> many.ManyIn:
    """The change of those that were ticked. Raises Invalid."""
    if filled["action"] != "change":
        raise Invalid("Choose what to do with the jobs.")
    key = filled.key or uuid4()
    items = [
        {"job": job, "id": str(uuid5(key, job)), "base_version": int(version)}
        for job, version in _ticked(filled)
        if version.isdecimal()
    ]
    if not items:
        raise Invalid("Tick the jobs first.")
    fields = {
        "team": filled["to_team"] or None,
        "priority": filled["to_priority"] or None,
        "note": text(filled["note"], NOTE_LENGTH) or None,
    }
    if not any(fields.values()):
        raise Invalid("Choose a team or a priority for them, or write a note.")
    try:
        return many.ManyIn.model_validate({"jobs": items, "made_at": datetime.now(UTC), **fields})
    except ValidationError as error:
        raise Invalid("Choose a team or a priority from the lists.") from error


def _undone(filled: Filled, key: UUID) -> list[many.UndoItem]:
    try:
        return [
            many.UndoItem(job=UUID(job), id=uuid5(key, job), undoes=UUID(update))
            for job, update in _ticked(filled)
        ]
    except ValueError as error:
        raise NotFound from error


def _ticked(filled: Filled) -> list[tuple[str, str]]:
    return [
        (name.removeprefix(_JOB), value)
        for name, value in filled.values.items()
        if name.startswith(_JOB)
    ]


def _looked(request: Request, today: date) -> Looked:
    """What the address says, less what is empty; open jobs unless it names a status."""
    params = request.query_params
    values = {name: ",".join(filter(None, params.getlist(name))) for name in NAMES}
    # Somebody who passed a job on comes back here with the name of another authority.
    if params.get("passed"):
        values["to"] = ""
    due = params.get("due", "")
    given: dict[str, Any] = {
        name: [value] if name in _SEVERAL else value for name, value in values.items() if value
    }
    given.setdefault("status", ["open"])
    if given["status"] == ["all"]:
        given.pop("status")
    after = params.get("after")
    try:
        asked = JobFilters.model_validate(given).asked()
    except (ValidationError, Invalid):
        fault = "The address of this list could not be read; here are all open jobs."
        return Looked(Asked(statuses=OPEN), "", {}, None, fault)
    match due:
        case "late":
            asked = replace(asked, overdue=True)
        case "today" | "week":
            last = today + timedelta(days=6 if due == "week" else 0)
            asked = replace(asked, overdue=False, due_by=last)
        case _:
            due = ""
    return Looked(asked, due, values, after)


async def _show(
    request: Request,
    runtime: Runtime,
    who: Staff,
    status: int = 200,
    *,
    missed: str = "",
    passed: tuple[str, str] = ("", ""),
    refusal: str = "",
    filled: Filled | None = None,
    results: Sequence[Mapping[str, Any]] = (),
    is_undo: bool = False,
) -> Response:
    spoken = language(None)
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
        timezone = rules.authorities[who.authority_id].timezone
        today = datetime.now(ZoneInfo(timezone)).date()
        looked = _looked(request, today)
        try:
            page = await jobs.page(
                conn,
                runtime.router,
                runtime.keys,
                who,
                looked.asked,
                cursor=looked.after,
                limit=ROWS,
            )
        except CursorRefused:
            return RedirectResponse(looked.address(), 303, HEADERS)
        decides = may(who, Action.REASSIGN_JOB)
        waiting = await deciding.waiting(conn, who) if decides else []
        teams = await desk.by_team(conn, who, begin(today + timedelta(days=1), timezone))
        references = await desk.references(conn, who, [UUID(each["job"]) for each in results])
    own_teams = sorted(
        (each for each in rules.teams.values() if each.authority_id == who.authority_id),
        key=lambda each: each.name,
    )
    sent_to = rules.by_slug.get(passed[1])
    return await console_page(
        "jobs.html",
        runtime,
        who,
        status,
        here="jobs",
        missed=missed,
        passed=passed[0] if PATTERN.fullmatch(passed[0]) and sent_to else "",
        sent_to=sent_to.name if sent_to else "",
        refusal=refusal or looked.fault,
        form=filled.again() if filled else form.blank(),
        items=[
            {
                "job": job,
                "team": rules.teams[job.team_id].name,
                "due": spoken.instant(job.due_at, timezone),
                "flags": [job_words.flag(code) for code in job.flags],
            }
            for job in waiting
        ],
        rows=[_row(job, rules, spoken, timezone) for job in page.items],
        looked=looked,
        more=page.next,
        dues=DUE,
        decides=decides,
        stands=[
            {
                "team": rules.teams[each.team_id],
                "counts": each,
                "late": looked.address(team=rules.teams[each.team_id].slug, due="late"),
                "due": looked.address(team=rules.teams[each.team_id].slug, due="today"),
                "open": looked.address(team=rules.teams[each.team_id].slug, due=""),
            }
            for each in teams
        ],
        teams=own_teams,
        wards=_wards(rules, who),
        team_options=[(each.slug, each.name) for each in own_teams],
        kind_options=sorted(
            ((each.code, each.name) for each in rules.categories.values()), key=lambda it: it[1]
        ),
        status_options=[*TAGS.items(), ("all", "All, closed ones too")],
        results=[{**each, "reference": references.get(UUID(each["job"]), "")} for each in results],
        is_undo=is_undo,
    )


def _row(job: Mapping[str, Any], rules: Rules, spoken: Language, timezone: str) -> dict[str, Any]:
    category = rules.categories.get(job["category"])
    return {
        **job,
        "kind": category.name if category else job["category"],
        "tag": TAGS[job["status"]],
        "due": spoken.instant(job["due_at"], timezone),
    }


def _wards(rules: Rules, who: Staff) -> list[tuple[str, str]]:
    """The wards or divisions by which one may ask, each once."""
    found = {
        area.code: area.name
        for area in rules.areas.values()
        if area.kind in {"ward", "division"}
        and area.authority_id == who.authority_id
        and (not who.wards or area.code in who.wards)
    }
    return sorted(found.items(), key=lambda each: each[1])
