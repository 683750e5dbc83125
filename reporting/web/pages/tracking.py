"""By which cookie a browser proves "I reported this", on the page of that report."""

from fastapi import Request, Response

from reporting.auth import Anyone, Principal
from reporting.errors import NotFound, NotSignedIn, TooManyRequests
from reporting.keys import TRACKING
from reporting.reports import reading
from reporting.runtime import Connection
from reporting.web import cookies
from reporting.web.deps import known


def remember(request: Request, answer: Response, reference: str, token: str) -> None:
    """Give the browser the token of a report, if it is one at all."""
    if token.startswith(TRACKING):
        cookies.give(request, answer, cookies.report(reference), token, cookies.REPORTER_S)


async def opened(
    conn: Connection, request: Request, answer: Response, reference: str, token: str
) -> None:
    """Keep the token that a link brought, if it opens this report.

    Anybody can write a link: one that opens nothing must not take the place of a token that does.
    """
    if not token.startswith(TRACKING):
        return
    try:
        await reading.find(conn, reference, await known(request, conn, token))
    except TooManyRequests:  # nobody may know now what it opens
        if cookies.held(request, cookies.report(reference)) is not None:
            return
    except (NotSignedIn, NotFound):
        return
    remember(request, answer, reference, token)


async def who(conn: Connection, request: Request, reference: str) -> Principal:
    """The reporter, if this browser has the token or sent the report; anyone else otherwise."""
    names = (cookies.report(reference), cookies.DEVICE)
    for token in (cookies.held(request, name) for name in names):
        if token is not None:
            try:
                return await known(request, conn, token)
            except (NotSignedIn, TooManyRequests):
                continue
    return Anyone()
