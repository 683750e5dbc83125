"""What a browser is known by: cookies that scripts cannot read, and other sites cannot use.

``device``: this browser is an install like any app's, and the reports it sent are its own.
``report-KB-…``: it holds the token of one report. ``staff``: somebody of the staff signed in on it.
``signing-in``: which browser began to sign in at the identity provider.
``desk``: staff signed in on it once. ``lang``: the language it is spoken to in. The first three are
bearers; a request that changes something counts them only when it comes from a page of ours.
"""

import re
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request, Response

from reporting import keys
from reporting.references import PATTERN

DAY_S: Final = 24 * 3600
#: How long a browser remembers.
REPORTER_S: Final = 180 * DAY_S
DEVICE: Final = "device"
STAFF: Final = "staff"
SIGNING_IN: Final = "signing-in"
LANGUAGE: Final = "lang"
_DESK: Final = "desk"

_BEARER: Final = re.compile(r"kb[bdts]_[A-Za-z0-9_-]{43}")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def report(reference: str) -> str:
    """The name of the cookie that holds a report's token."""
    return f"report-{reference}"


def references(request: Request) -> list[str]:
    """The reports whose tokens this browser holds."""
    before = _name(request, report(""))
    names = (name.removeprefix(before) for name in request.cookies if name.startswith(before))
    return [name for name in names if PATTERN.fullmatch(name)]


def give(request: Request, answer: Response, name: str, token: str, max_age_s: int) -> None:
    """Let the browser keep a bearer, if it is one at all.

    Over http, which only a trial uses, browsers refuse the ``__Host-`` name; the plain one is used.
    """
    if _BEARER.fullmatch(token):
        answer.set_cookie(
            _name(request, name),
            token,
            max_age=max_age_s,
            path="/",
            secure=_is_secure(request),
            httponly=True,
            samesite="lax",
        )


def take(request: Request, answer: Response, name: str) -> None:
    """Let the browser forget it."""
    answer.delete_cookie(
        _name(request, name), path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )


def desk(request: Request) -> UUID | None:
    """What this browser calls itself at the staff's door: who signed in on it is known again."""
    try:
        return UUID(request.cookies.get(_name(request, _DESK), ""))
    except ValueError:
        return None


def know_desk(request: Request, answer: Response, number: UUID) -> None:
    """Let the browser keep that."""
    answer.set_cookie(
        _name(request, _DESK),
        str(number),
        max_age=REPORTER_S,
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def held(request: Request, name: str) -> str | None:
    """The bearer in this cookie, if it has the form of one."""
    found = request.cookies.get(_name(request, name), "")
    return found if _BEARER.fullmatch(found) else None


def bearers(request: Request) -> list[str]:
    """The bearers by which this request may be known, the most telling first.

    The token of the report that the address names, then staff, then the device. None of them counts
    for a change that a page of another site asked for.
    """
    if not request.cookies or not is_ours(request):
        return []
    named = str(request.path_params.get("id", "")).upper()
    names = [*([report(named)] if PATTERN.fullmatch(named) else []), STAFF, DEVICE]
    return [token for name in names if (token := held(request, name))]


def is_ours(request: Request) -> bool:
    """Whether it only reads, or was sent by a page of ours."""
    if request.method in _SAFE:
        return True
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def is_staff(token: str) -> bool:
    """Whether a bearer is one of the staff's."""
    return token.startswith(keys.STAFF)


def _name(request: Request, name: str) -> str:
    return f"{'__Host-' if _is_secure(request) else ''}{name}"


def _is_secure(request: Request) -> bool:
    return request.app.state.runtime.settings.public_url.startswith("https://")  # type: ignore[no-any-return]
