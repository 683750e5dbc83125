"""Logs as JSON, a line for each event, with ids and nothing about people.

Names, addresses, tokens and places have no business in a log. Keys that hold such things are
dropped, and so is whatever looks like them in a value; an exception is told by its type and where
it was raised, never by its message, which may quote what somebody sent.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, BinaryIO, Final
from uuid import UUID

import orjson
import psycopg
import structlog

Event = MutableMapping[str, Any]

#: The request that the running task serves; every line it writes carries it.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

#: A key is dropped when one of its parts (between underscores) is one of these.
PRIVATE_KEYS: Final = frozenset(
    {
        *("name", "email", "phone", "contact", "ip", "address", "postcode", "plate"),
        *("place", "location", "lat", "latitude", "lng", "lon", "longitude"),
        *("description", "message", "note", "text", "words", "answers", "body", "input"),
        *("token", "password", "secret", "signature", "authorization", "cookie", "url", "query"),
    }
)
REMOVED: Final = "[removed]"

#: What gives people or their secrets away inside a value.
_PRIVATE: Final = re.compile(
    r"""
      \bkb[a-z]_[\w-]{6,}                                     # our bearers
    | \bBearer\s+\S+ | \beyJ[\w-]+\.[\w.-]+                   # others'
    | (?<=://)[^/@\s]+@                                       # name and password in a URL
    | \?[\w.-]+=\S*                                           # a query string
    | [^\s@<>"']+@[^\s@<>"']+\.[^\s@<>"']+                    # an e-mail address
    | (?<![\w.:-])(?:\+\d{1,3}|0)(?:[\s().-]{0,2}\d){8,11}(?![\w-])    # a telephone number
    | \b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b                   # a postcode
    | (?<![\w.])-?\d{1,3}\.\d{4,}\s*[,;/\s]\s*-?\d{1,3}\.\d{4,}        # a pair of coordinates
    """,
    re.VERBOSE,
)

#: How many frames of a traceback say where it was.
_FRAMES: Final = 12
_PLACES: Final = re.compile(r'^  File "([^"]+", line \d+, in \S+)', re.MULTILINE)
_ROOT: Final = Path(__file__).resolve().parents[1]


def configure(stream: BinaryIO | None = None, level: int = logging.INFO) -> None:
    """Write every line of this process, our own and the libraries', to the stream as JSON."""
    out = stream or sys.stdout.buffer
    _access.out = out
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        _with_request,
        _with_time,
        _with_exception,
        private,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_bytes)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = _Lines(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_text),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpcore"):  # they write every URL they ask
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _Lines(logging.Handler):
    """The libraries' lines, on the same stream as ours."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self.out = out

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        line = self.format(record).encode()
        # Formatting with exc_info leaves a cached traceback text behind; nobody else may print it.
        record.exc_text = None
        self.out.write(line + b"\n")
        self.out.flush()


class _Access:
    """Where the lines about requests go; nowhere until ``configure`` says."""

    out: BinaryIO | None = None


_access = _Access()


def access(method: str, route: str, status: int, ms: float, request: str) -> None:
    """One request, by its route's template: no path, no query, no address of anybody.

    Each of these values is ours, so the line goes past the screen, at a tenth of its cost.
    """
    if _access.out is not None:
        line = {
            "event": "request",
            "method": method,
            "route": route,
            "status": status,
            "ms": round(ms, 2),
            "request_id": request,
            "level": "info",
            "time": datetime.now(UTC),
        }
        _access.out.write(orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE))
        _access.out.flush()


def private(_: object, __: str, event: Event) -> Event:
    """Take out what looks like personal data, by key and by value, at any depth."""
    return {key: _screened(value) for key, value in event.items() if not _names_people(key)}


def _names_people(key: str) -> bool:
    return not PRIVATE_KEYS.isdisjoint(key.lower().split("_"))


def _screened(value: object) -> object:
    match value:
        case str():
            return _PRIVATE.sub(REMOVED, value)
        case bool() | int() | float() | None | UUID() | datetime():
            return value
        case Mapping():
            return {
                str(key): _screened(item)
                for key, item in value.items()
                if not _names_people(str(key))
            }
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case Iterable():
            return [_screened(item) for item in value]
        case _:  # an object's repr may hold anything
            return f"<{type(value).__name__}>"


def _with_request(_: object, __: str, event: Event) -> Event:
    if (found := request_id.get()) is not None:
        event["request_id"] = found
    return event


def _with_time(_: object, __: str, event: Event) -> Event:
    event["time"] = datetime.now(UTC)
    return event


def _with_exception(_: object, __: str, event: Event) -> Event:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    event.pop("exception", None)
    said = event.get("event")
    if isinstance(said, str) and "Traceback (most recent call last)" in said:  # Starlette writes it
        event["event"] = "traceback"
        event["at"] = _PLACES.findall(said)[-_FRAMES:]
    if isinstance(found, tuple) and found[1] is not None:
        event["errors"] = list(_chain(found[1]))
    return event


def _chain(error: BaseException) -> Iterable[dict[str, object]]:
    """The exception and what it came from, outermost first, without a word of any message."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        told: dict[str, object] = {
            "type": f"{type(found).__module__}.{type(found).__qualname__}",
            "at": _frames(found.__traceback__),
        }
        if isinstance(found, psycopg.Error):
            told["sqlstate"] = found.sqlstate
            told["constraint"] = found.diag.constraint_name
        elif isinstance(found, OSError):
            told["errno"] = found.errno
        yield told
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _frames(trace: TracebackType | None) -> list[str]:
    frames = [
        f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(trace)
    ]
    return frames[-_FRAMES:]


def _short(file: str) -> str:
    path = Path(file)
    if path.is_relative_to(_ROOT):
        return path.relative_to(_ROOT).as_posix()
    return "/".join(path.parts[-2:])


def _bytes(event: Event, **_: object) -> bytes:
    return orjson.dumps(event, default=_unknown, option=orjson.OPT_UTC_Z)


def _text(event: Event, **_: object) -> str:
    return _bytes(event).decode()


def _unknown(value: object) -> str:
    return f"<{type(value).__name__}>"
