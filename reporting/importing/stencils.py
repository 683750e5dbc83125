"""Updates that differ in few places only: their JSON is made once and filled in. Pure.

A stencil is cut from what ``chain.canonical`` and orjson say of an update with marks in the places
that differ, so it cannot say anything in another way than they do.
"""

import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from reporting.chain import GENESIS, canonical

_RANDOM: Final = os.urandom(12).hex()
_SEQ: Final = 1_000_000_007
_NAMES: Final = ("report", "lat", "lng", "due", "key", "job", "id", "made", "recorded")


def mark(name: str) -> str:
    """What stands in ``changes`` for a value that is filled in; one of the names above."""
    return f"<{name} {_RANDOM}>"


class Stencil(NamedTuple):
    """The texts of an update with ``%(name)s`` where something is filled in."""

    #: Its canonical bytes, as text.
    hashed: str
    #: Its changes as a line of COPY holds them.
    stored: str


def cut(kind: str, actor: str, changes: Mapping[str, Any]) -> Stencil:
    """The stencil of such updates. Values that are filled in are JSON without their quotes."""
    whole = canonical(
        GENESIS,
        job_id=mark("job"),
        seq=_SEQ,
        id=mark("id"),
        kind=kind,
        actor=actor,
        made_at=mark("made"),
        recorded_at=mark("recorded"),
        changes=changes,
        words_hash=None,
    ).decode()
    hashed = _open(whole).replace(f'"seq":{_SEQ}', '"seq":%(seq)s')
    hashed = hashed.replace(f'"previous":"{GENESIS.hex()}"', '"previous":"%(previous)s"')
    return Stencil(hashed, _open(orjson.dumps(changes).decode().replace("\\", "\\\\")))


def _open(text: str) -> str:
    text = text.replace("%", "%%")
    for name in ("lat", "lng"):  # numbers have no quotes
        text = text.replace(f'"{mark(name)}"', f"%({name})s")
    for name in _NAMES:
        text = text.replace(mark(name), f"%({name})s")
    return text


def inner(text: str) -> str:
    """A text as JSON, without its quotes."""
    return orjson.dumps(text).decode()[1:-1]
