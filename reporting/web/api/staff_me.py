"""Who I am: the account behind a staff bearer."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from reporting import staff as accounts
from reporting.errors import NotAllowed, NotSignedIn
from reporting.web.answers import fresh
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import AuthorityOut, TeamOut

router = APIRouter(prefix="/v1", tags=["staff"], route_class=StrictRoute, dependencies=TAKES_BEARER)


class Me(Wire):
    """An account and what it answers for."""

    id: UUID
    email: str
    name: str
    role: Literal["crew", "supervisor", "admin", "auditor"]
    authority: AuthorityOut
    teams: list[TeamOut]
    wards: list[str]


@router.get(
    "/me",
    operation_id="getMe",
    summary="Who am I?",
    response_model=Me,
    responses=responses(NotSignedIn, NotAllowed),
)
async def get_me(runtime: RuntimeDep, staff: StaffDep, request: Request) -> Response:
    async with runtime.reading() as conn:
        teams = await accounts.teams_of(conn, staff.teams)
    found = {
        "id": staff.id,
        "email": staff.email,
        "name": staff.name,
        "role": staff.role,
        "authority": {"slug": staff.authority_slug, "name": staff.authority_name},
        "teams": [{"slug": slug, "name": name} for slug, name in teams],
        "wards": list(staff.wards),
    }
    return fresh(request, found)
