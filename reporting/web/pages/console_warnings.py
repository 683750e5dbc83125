"""`/console/warnings`: jobs that need a supervisor's eye, until somebody acts on them."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from reporting import escalating
from reporting.web.deps import RuntimeDep
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page

router = APIRouter(prefix="/console/warnings", include_in_schema=False, route_class=ConsoleRoute)

PER_PAGE: Final = 50
#: What a warning says, in the words of its readers, and how it is coloured.
WORDS: Final = {
    "overdue": ("Late", "p1"),
    "not_started": ("Not started", "p1"),
    "due_soon": ("Due soon", "p2"),
}


@router.api_route("", methods=["GET", "HEAD"])
async def get_warnings(
    runtime: RuntimeDep, who: StaffDep, after: Annotated[str, Query(max_length=500)] = ""
) -> Response:
    async with runtime.reading() as conn:
        found = await escalating.standing(
            conn, runtime.router, runtime.keys, who, cursor=after or None, limit=PER_PAGE
        )
    items = [{**item, "said": WORDS[item["kind"]]} for item in found.items]
    return await console_page(
        "warnings.html", runtime, who, here="warnings", items=items, next=found.next, after=after
    )
