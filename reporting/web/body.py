"""Request bodies, read strictly: capped while they arrive, JSON without ambiguity.

FastAPI's own reader takes NaN, the last of two equal keys, UTF-16 and bodies without end.
"""

import json
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final, NoReturn, get_origin

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from geo.errors import Refusal
from reporting.errors import Invalid

#: A report with everything in it is below 20 kB; a sync of 200 updates below 1 MB.
JSON_LIMIT: Final = 1_000_000
#: Of a length that somebody declares; more are no length.
DIGITS: Final = 12
#: One photo, as it left the phone.
PHOTO_LIMIT: Final = 20_000_000
#: A form without JavaScript brings three of them at once.
FORM_LIMIT: Final = 3 * PHOTO_LIMIT + JSON_LIMIT
_FORM: Final = re.compile("/|/console/report|/r/[^/]*/feedback|/handover/[^/]*")
#: Where one comes in; what is said about it later is JSON.
_PHOTO: Final = re.compile("/v1/photos/[^/]*")


class BodyUnreadable(Refusal):
    """The body cannot be read: send UTF-8 JSON, each name once, numbers finite."""

    code = "body-unreadable"


class BodyTooLarge(Refusal):
    """The body is larger than we take."""

    code = "body-too-large"


class MediaTypeRefused(Refusal):
    """Send application/json."""

    code = "media-type-refused"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BodyUnreadable
    return found


def _refuse(_: str) -> NoReturn:
    raise BodyUnreadable


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)


def read_json(body: bytes) -> Any:
    """The value, or BodyUnreadable (also for 100,000 levels of nesting and for UTF-16)."""
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BodyUnreadable from error


class StrictRequest(Request):
    """A request whose JSON is read by ``read_json``."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A route that reads its JSON and its query strictly; every router of ours uses it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        takes = _takes(self)

        async def handle(request: Request) -> Response:
            if request.scope["query_string"]:
                _check_query(request, takes)
            return await handler(StrictRequest(request.scope, request.receive))

        return handle


def _takes(route: APIRoute) -> dict[str, bool]:
    """The parameters of a route's query, and whether each may be repeated."""
    found: dict[str, Any] = {}
    for parameter in route.dependant.query_params:
        kind = parameter.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):  # a model of all of them
            found |= {
                field.alias or name: field.annotation for name, field in kind.model_fields.items()
            }
        else:
            found[parameter.alias] = kind
    return {name: get_origin(kind) is list for name, kind in found.items()}


def _check_query(request: Request, takes: dict[str, bool]) -> None:
    """Of a parameter sent twice one would be lost; of an unknown one, all of it."""
    sent = [name for name, _ in request.query_params.multi_items()]
    if not takes.keys() >= set(sent):
        known = ", ".join(sorted(takes)) or "none"
        raise Invalid(f"A parameter of the query is not known here; it takes {known}.")
    once = [name for name in sent if not takes[name]]
    if len(set(once)) != len(once):
        raise Invalid("A parameter of the query is sent twice.")


#: What no keyboard sends and PostgreSQL or a terminal would choke on.
_BROKEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _clean(text: str) -> str:
    """Refuse control characters and half characters."""
    if _BROKEN.search(text):
        message = "must not contain control characters or broken Unicode"
        raise ValueError(message)
    return text


#: Free text from outside.
CleanText = Annotated[str, AfterValidator(_clean)]


class Wire(BaseModel):
    """A model that comes in or goes out: unknown fields and loose types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _only_known_fields(cls, sent: Any) -> Any:
        """Once, by the names that are known: those that are not are never repeated."""
        known = [field.alias or name for name, field in cls.model_fields.items()]
        if isinstance(sent, dict) and not sent.keys() <= set(known):
            message = f"holds a field that is not known; known are {', '.join(known)}"
            raise ValueError(message)
        return sent


def _limit(path: str) -> int:
    if _PHOTO.fullmatch(path):
        return PHOTO_LIMIT
    return FORM_LIMIT if _FORM.fullmatch(path) else JSON_LIMIT


class BodyLimit:
    """Stops a body as soon as it is too long, by its own word or by counting."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: count what is received; raise BodyTooLarge inside the route that reads it."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        limit = _limit(scope["path"])
        scope["kerbline_body_limit"] = limit
        declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        over = not declared.isdigit() or int(declared[:DIGITS]) > limit or len(declared) > DIGITS
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            if over:
                raise BodyTooLarge
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise BodyTooLarge
            return message

        await self.app(scope, counted, send)
