"""A page's route: what goes wrong is told on a page, not in JSON."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import psycopg
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from psycopg_pool import PoolTimeout

from geo.errors import Refusal
from reporting.errors import NotFound, Unavailable
from reporting.language import Language
from reporting.web import problems
from reporting.web.pages.rendering import page, spoken_to

AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)


class PageRoute(APIRoute):
    """Answers a refusal, and a database that is away, with a page that says so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as refusal:
                return self.told(request, refusal)
            except RequestValidationError:  # an address that no page of ours leads to
                return self.told(request, NotFound())
            except AWAY:
                return self.told(request, Unavailable())

        return handle

    def told(self, request: Request, refusal: Refusal) -> Response:
        """The answer to a refusal."""
        return sorry(refusal, spoken_to(request))


def sorry(refusal: Refusal, spoken: Language) -> Response:
    """The page that tells of it, in the visitor's language."""
    status = problems.status_of(refusal)
    # Of the refusals that reach a page, those with a time are the ones to try again.
    again = problems.RETRY_AFTER.get(status) if status in {429, 503} else None
    headers = {"Retry-After": str(refusal.facts.get("retry_after_s", again))} if again else {}
    return page(
        "sorry.html",
        status,
        spoken=spoken,
        headers=headers,
        sentence=problems.said(refusal, spoken),
        code=status,
    )
