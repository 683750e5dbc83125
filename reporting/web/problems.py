"""Every error as application/problem+json (RFC 9457). The one table that gives errors a status.

An answer never repeats what was sent: neither the input nor a database's words. It speaks the
reader's language, as far as that language's catalogue goes; ``code`` is the same in all.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from geo import errors as geo
from geo import tiles
from reporting import errors
from reporting.language import LANGUAGES, Language, accepted, language
from reporting.web import body, cookies
from routing import errors as routing

MEDIA_TYPE: Final = "application/problem+json"

#: Refused values are 422 unless they are named here (the nearest named ancestor counts).
STATUS: Final[dict[type[geo.Refusal], int]] = {
    geo.Refusal: 422,
    routing.UnknownCategory: 422,
    body.BodyUnreadable: 400,
    body.BodyTooLarge: 413,
    body.MediaTypeRefused: 415,
    errors.IdempotencyKeyMissing: 400,
    errors.IdempotencyKeyReused: 422,
    errors.StillRunning: 409,
    errors.NotSignedIn: 401,
    errors.WrongPassword: 401,
    errors.OtpNeeded: 401,
    errors.NotAllowed: 403,
    errors.ProviderAway: 503,
    errors.ProviderRefused: 403,
    errors.SignInExpired: 403,
    errors.NoSuchAccount: 403,
    errors.NotFound: 404,
    tiles.NoSuchTile: 404,
    errors.PhotoTaken: 409,
    errors.UploadOffsetDiffers: 409,
    errors.UploadLengthDiffers: 409,
    errors.UploadTakenOver: 409,
    errors.Conflict: 409,
    errors.MoveNotAllowed: 409,
    errors.JobMerged: 409,
    errors.JobsNotOpen: 409,
    errors.CannotUndo: 409,
    errors.ReviewedMeanwhile: 409,
    errors.TooLateToReopen: 409,
    errors.ReportWithdrawn: 409,
    errors.TooManyWatching: 503,
    errors.TooManyExports: 503,
    errors.PhotoPending: 404,
    errors.PhotoUnreadable: 410,
    errors.PhotoGone: 410,
    errors.CursorTooOld: 410,
    errors.ImageRefused: 415,
    errors.ImageTooLarge: 422,
    errors.TooManyTries: 429,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
}

#: Seconds after which a client may try again, by status.
RETRY_AFTER: Final = {404: "2", 409: "1", 429: "60", 503: "2"}
_RETRIED: Final = (
    errors.PhotoPending,
    errors.StillRunning,
    errors.TooManyTries,
    errors.TooManyRequests,
    errors.TooManyWatching,
    errors.TooManyExports,
    errors.Unavailable,
)


#: Facts that programs look for in headers, and people in the problem.
FACTS_IN_HEADERS: Final = {
    "upload_offset": "Upload-Offset",
    "upload_length": "Upload-Length",
    "retry_after_s": "Retry-After",
}


class FieldError(BaseModel):
    """One value that does not fit."""

    pointer: str = Field(description="RFC 6901 pointer into the body, or the parameter's name")
    detail: str


class Problem(BaseModel):
    """What went wrong, in one sentence that says what to change."""

    type: str = Field(examples=["/problems/outside-coverage"])
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; programs may rely on it", examples=["outside-coverage"])
    errors: list[FieldError] = []


def status_of(refusal: geo.Refusal) -> int:
    """The HTTP status of a refusal."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def title(code: str) -> str:
    """A code in words."""
    return code.replace("-", " ").capitalize()


def said(refusal: geo.Refusal, spoken: Language) -> str:
    """The sentence of a refusal in a language; one that its catalogue lacks is said in English."""
    sentence = " ".join((type(refusal).__doc__ or "").split())
    if "{" in sentence:
        return spoken.say(sentence, **refusal.facts)
    return spoken.say(refusal.detail)


def spoken_by(request: Request) -> Language:
    """What a client's reader reads: as they chose on our pages, else as their software asks."""
    chosen = request.cookies.get(cookies.LANGUAGE)
    header = request.headers.get("accept-language")
    return language(chosen if chosen in LANGUAGES else accepted(header))


def problem(
    status: int,
    code: str,
    detail: str,
    facts: Mapping[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    spoken: Language | None = None,
) -> Response:
    """A problem answer. ``facts`` are further members, such as the nearest authority.

    The detail is in the language spoken already, English unless it is given.
    """
    spoken = spoken or language(None)
    content = {
        "type": f"/problems/{code}",
        "title": spoken.say(title(code)),
        "status": status,
        "detail": detail,
        "code": code,
        **(facts or {}),
    }
    told = {"Cache-Control": "no-store", "Content-Language": spoken.tag}
    return Response(
        orjson.dumps(content),
        status,
        {**told, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


def refused(refusal: geo.Refusal, spoken: Language | None = None) -> Response:
    """The answer to a refusal."""
    spoken = spoken or language(None)
    status = status_of(refusal)
    headers = {}
    if isinstance(refusal, _RETRIED):
        headers["Retry-After"] = RETRY_AFTER[status]
    headers |= {
        name: str(refusal.facts[fact])
        for fact, name in FACTS_IN_HEADERS.items()
        if fact in refusal.facts
    }
    if status == 401:  # noqa: PLR2004 - RFC 9110 section 15.5.2 asks for the header
        headers["WWW-Authenticate"] = "Bearer"
    detail = said(refusal, spoken)
    return problem(status, refusal.code, detail, refusal.facts, headers, spoken)


# Starlette types every handler's error as Exception; each is installed for its own kind below.


async def _on_refusal(request: Request, error: Any) -> Response:
    return refused(error, spoken_by(request))


async def _on_validation(request: Request, error: Any) -> Response:
    spoken = spoken_by(request)
    items = error.errors()
    whole = next((item for item in items if item["loc"] == ("body",)), None)
    if whole and whole["type"] == "missing":
        return refused(body.BodyUnreadable(), spoken)
    if whole and isinstance(whole["input"], bytes):  # not read as JSON, for its media type
        return refused(body.MediaTypeRefused(), spoken)
    found = [
        {"pointer": _pointer(item["loc"]), "detail": item["msg"].removeprefix("Value error, ")}
        for item in items[:ERRORS_SHOWN]
    ]
    detail = said(errors.Invalid(), spoken)
    return problem(422, errors.Invalid.code, detail, {"errors": found}, spoken=spoken)


def in_words(items: Sequence[Mapping[str, Any]]) -> str:
    """What does not fit in a value that is answered by itself, in one sentence."""
    said = (
        f"{_pointer(('body', *item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
        for item in items[:ERRORS_SHOWN]
    )
    return f"{'; '.join(said)}."


#: A body may be wrong in more ways than anybody reads.
ERRORS_SHOWN: Final = 20
#: Members whose own names the client chose: a pointer ends there, and repeats none of them.
_CLIENTS_NAMES: Final = {"answers"}


def _pointer(location: tuple[str | int, ...]) -> str:
    where, *rest = location
    if where != "body":
        return str(rest[0]) if rest else str(where)
    parts = []
    for part in rest:
        parts.append("/" + str(part))
        if part in _CLIENTS_NAMES:
            break
    return "".join(parts)


async def _on_http(request: Request, error: Any) -> Response:
    """Starlette's and FastAPI's own errors, in our form."""
    spoken = spoken_by(request)
    if isinstance(error.__cause__, geo.Refusal):  # raised while FastAPI was reading the body
        return refused(error.__cause__, spoken)
    kind = _HTTP.get(error.status_code, errors.NotAccepted)
    headers = dict(error.headers or {})
    return problem(error.status_code, kind.code, said(kind(), spoken), None, headers, spoken)


#: What the frameworks refuse, as refusals of ours.
_HTTP: Final[dict[int, type[geo.Refusal]]] = {
    400: body.BodyUnreadable,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
}


async def _on_database(request: Request, error: Exception) -> Response:
    """The database is away, slow or was restarted: the client may repeat the request."""
    structlog.get_logger("kerbline").warning("database_unavailable", error=type(error).__name__)
    return refused(errors.Unavailable(), spoken_by(request))


def install(app: FastAPI) -> None:
    """Teach the app all of the above."""
    app.add_exception_handler(geo.Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    for away in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        app.add_exception_handler(away, _on_database)


def responses(*kinds: type[geo.Refusal]) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may refuse in these ways, for the OpenAPI document."""
    found: dict[int | str, dict[str, Any]] = {}
    kind: type[geo.Refusal]
    for kind in (*kinds, errors.Unavailable):
        status = status_of(kind())
        content = found.setdefault(
            status,
            {
                "description": "",
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
                },
            },
        )
        sentence = kind().detail
        content["description"] = f"{content['description']} `{kind.code}`: {sentence}".strip()
        content["content"][MEDIA_TYPE]["examples"][kind.code] = {
            "value": {
                "type": f"/problems/{kind.code}",
                "title": title(kind.code),
                "status": status,
                "detail": sentence,
                "code": kind.code,
            }
        }
    return found
