"""`/invitation/{token}`: somebody new sets their password."""

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from geo.errors import Refusal
from reporting.accounts import inviting
from reporting.errors import NotAllowed, NotFound, PasswordRefused, TooManyRequests
from reporting.language import language
from reporting.runtime import Runtime
from reporting.web import cookies, problems
from reporting.web.deps import RuntimeDep
from reporting.web.pages.console import clean
from reporting.web.pages.rendering import HEADERS, page
from reporting.web.pages.route import PageRoute, sorry


class InvitationRoute(PageRoute):
    """Says of a link that is no good what to do."""

    def told(self, request: Request, refusal: Refusal) -> Response:
        """The answer to a refusal."""
        if isinstance(refusal, NotFound):
            refusal = NotFound(
                "This invitation was used, is more than a week old, or there is a newer one."
                " Ask whoever sent it for another."
            )
            return sorry(refusal, language(None))
        return super().told(request, refusal)


router = APIRouter(prefix="/invitation", include_in_schema=False, route_class=InvitationRoute)

_LONGEST: Final = 1000


@router.api_route("/{token}", methods=["GET", "HEAD"])
async def get_invitation(runtime: RuntimeDep, token: str) -> Response:
    return await _page(runtime, token)


@router.post("/{token}")
async def take_up(request: Request, runtime: RuntimeDep, token: str) -> Response:
    if not cookies.is_ours(request):
        raise NotAllowed("This form was sent from another site; open the page and send it here.")
    async with request.form() as form:
        password = clean(str(form.get("password", ""))[:_LONGEST])
    try:
        async with runtime.unit() as conn:
            found = await inviting.take_up(conn, runtime.passwords, token, password)
    except (PasswordRefused, TooManyRequests) as refusal:
        return await _page(runtime, token, refusal)
    where = "/crew/sign-in" if found.role == "crew" else "/console/sign-in"
    return RedirectResponse(where, 303, HEADERS)


async def _page(runtime: Runtime, token: str, refusal: Refusal | None = None) -> Response:
    async with runtime.reading() as conn:
        found = await inviting.invited(conn, token)
    status = 200 if refusal is None else problems.status_of(refusal)
    # The address holds a secret: it goes nowhere from here.
    return page(
        "console/invitation.html",
        status,
        headers={"Referrer-Policy": "no-referrer"},
        invited=found,
        refusal=refusal and refusal.detail,
    )
