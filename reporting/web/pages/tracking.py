"""The cookie by which a browser proves "I reported this": one for each report."""

import re
from typing import Final

from fastapi import Request, Response

from reporting.auth import Anyone, Principal, identify
from reporting.errors import NotSignedIn
from reporting.keys import TRACKING
from reporting.runtime import Connection

#: How long a browser remembers.
MAX_AGE_S: Final = 180 * 24 * 3600
_TOKEN: Final = re.compile(rf"{TRACKING}[A-Za-z0-9_-]{{43}}")


def remember(request: Request, answer: Response, reference: str, token: str) -> None:
    """Give the browser the token, if it is one at all.

    Over http, which only a trial uses, browsers refuse the ``__Host-`` name; the plain one is used.
    """
    if _TOKEN.fullmatch(token):
        answer.set_cookie(
            _name(request, reference),
            token,
            max_age=MAX_AGE_S,
            path="/",
            secure=_is_secure(request),
            httponly=True,
            samesite="lax",
        )


async def who(conn: Connection, request: Request, reference: str) -> Principal:
    """The reporter, if this browser has the token; anyone else otherwise."""
    token = request.cookies.get(_name(request, reference), "")
    if not _TOKEN.fullmatch(token):
        return Anyone()
    try:
        return await identify(conn, token)
    except NotSignedIn:
        return Anyone()


def _name(request: Request, reference: str) -> str:
    return f"{'__Host-' if _is_secure(request) else ''}report-{reference}"


def _is_secure(request: Request) -> bool:
    return request.app.state.runtime.settings.public_url.startswith("https://")  # type: ignore[no-any-return]
