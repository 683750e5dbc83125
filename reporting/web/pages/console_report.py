"""`/console/report`: somebody rings, and staff write down for them what they saw.

It is the residents' own form with the caller's contact in front, and it is taken in by the same
verb. What is other is who sends it: the report says who took it down.
"""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from reporting.auth import Anyone, Staff
from reporting.language import DEFAULT, LANGUAGES, Language, language
from reporting.reports import taking
from reporting.runtime import Runtime
from reporting.web import showing
from reporting.web.deps import RuntimeDep
from reporting.web.pages import form, home
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page, frame

router = APIRouter(prefix="/console/report", include_in_schema=False, route_class=ConsoleRoute)

HERE: Final = "/console/report"
_FIGURES: Final = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
#: How letters and figures are said on the telephone.
SPELT: Final = {
    **dict(zip("23456789", _FIGURES, strict=True)),
    **{
        word[0]: word
        for word in (
            *("Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India"),
            *("Juliett", "Kilo", "Lima", "Mike", "November", "Oscar", "Papa", "Quebec", "Romeo"),
            *("Sierra", "Tango", "Uniform", "Victor", "Whiskey", "X-ray", "Yankee", "Zulu"),
        )
    },
}


@router.api_route("", methods=["GET", "HEAD"])
async def get_form(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    taking.sender(who)  # refuses those who may send none, before they have typed it
    desk = await _desk(runtime, who)
    return await home.begin(request, runtime, who, form.blank(), desk=desk)


@router.post("")
async def take(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    taking.sender(who)
    return await home.send(request, runtime, who, desk=await _desk(runtime, who))


@router.api_route("/{reference}", methods=["GET", "HEAD"])
async def read_back(
    runtime: RuntimeDep,
    who: StaffDep,
    reference: str,
    spoken: Annotated[str, Query(alias="in", max_length=10)] = DEFAULT,
    mailed: bool = False,
) -> Response:
    """What to tell the caller, in their language, before they hang up."""
    async with runtime.reading() as conn:
        # The public view: whose job it became is often not the one who took the call.
        report = await showing.report(runtime, conn, reference.upper(), Anyone())
        rules = await runtime.router.current(conn)
    timezone = rules.by_slug[report["authority"]["slug"]].timezone
    tongue = language(spoken if spoken in LANGUAGES else DEFAULT)
    return await console_page(
        "taken.html",
        runtime,
        who,
        here="report",
        report=report,
        tongue=tongue,
        letters=[(letter, SPELT.get(letter, letter)) for letter in report["reference"]],
        sentences=_script(report, tongue, timezone, mailed=mailed),
    )


async def _desk(runtime: Runtime, who: Staff) -> home.Desk:
    shown = {**await frame(runtime, who), "here": "report"}
    return home.Desk(template="console/report.html", shown=shown, then=HERE)


def _script(report: dict[str, Any], tongue: Language, timezone: str, *, mailed: bool) -> list[str]:
    team, authority = report["team"], report["authority"]
    due = datetime.fromisoformat(report["due_at"])
    urgent = report["priority"] == "P1"
    when = tongue.instant(due, timezone) if urgent else tongue.day(due, timezone)
    after = (
        tongue.say("We write to you at the e-mail address you gave, each time something happens.")
        if mailed
        else tongue.say(
            "Ring us with the reference whenever you want to know what has become of it."
        )
    )
    return [
        tongue.say("Thank you. We have your report."),
        tongue.say("Your reference is {letters}.", letters=report["reference"]),
        tongue.say(
            "{team} of {authority} will look at it by {due}.",
            team=team["name"],
            authority=authority["name"],
            due=when,
        ),
        after,
    ]
