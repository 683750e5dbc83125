"""What can be reported, and at a place by whom it is answered."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from geo.errors import LooksLikeGridReference, LooksSwapped, NotAPlace, NullIsland, OutsideCoverage
from geo.points import check_point
from reporting import places
from reporting.errors import Invalid
from reporting.language import accepted, language
from reporting.web.answers import fresh
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import RuntimeDep
from reporting.web.problems import responses
from reporting.web.wire import AuthorityOut, TeamOut

router = APIRouter(prefix="/v1", tags=["categories"], route_class=StrictRoute)


class ChoiceOut(Wire):
    """One answer."""

    code: str
    label: str


class QuestionOut(Wire):
    """What is asked."""

    code: str
    label: str
    kind: str = Field(description="choice, number, text or bool")
    required: bool
    choices: list[ChoiceOut]
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None


class CategoryOut(Wire):
    """A kind of defect. `authority` and `team` only when a place is asked for."""

    code: str = Field(examples=["pothole"])
    name: str
    questions: list[QuestionOut]
    response: dict[str, str] = Field(description="By priority, in words")
    emergency_notice: str | None = Field(None, description="To be shown before anything is typed")
    authority: AuthorityOut | None = None
    team: TeamOut | None = None


class CategoriesOut(Wire):
    """What can be reported."""

    items: list[CategoryOut]
    next: str | None = None


@router.get(
    "/categories",
    operation_id="listCategories",
    summary="What can be reported here?",
    description="In the language of Accept-Language, as far as it is known.",
    response_model=CategoriesOut,
    response_model_exclude_unset=True,
    responses=responses(
        NotAPlace, NullIsland, LooksLikeGridReference, LooksSwapped, OutsideCoverage
    ),
)
async def list_categories(
    runtime: RuntimeDep,
    request: Request,
    lat: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    lng: Annotated[float | None, Query(allow_inf_nan=False)] = None,
) -> Response:
    if (lat is None) != (lng is None):
        raise Invalid("Send lat and lng together, or neither.")
    spoken = language(accepted(request.headers.get("accept-language")))
    place = None if lat is None or lng is None else check_point(lat, lng)
    async with runtime.reading() as conn:
        items = await places.categories(conn, runtime.router, place, spoken)
    answer = fresh(request, {"items": items, "next": None}, cache="public, max-age=60")
    answer.headers["Content-Language"] = spoken.tag
    answer.headers["Vary"] += ", Accept-Language"
    return answer
