"""`/console/words`: what residents wrote and the screen held back, to be read by somebody."""

import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from reporting import reviewing, screen
from reporting.errors import Invalid
from reporting.web.deps import RuntimeDep
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page
from reporting.web.pages.rendering import HEADERS

router = APIRouter(prefix="/console/words", include_in_schema=False, route_class=ConsoleRoute)

HERE: Final = "/console/words"
DECISIONS: Final = {"release": True, "keep": False, "undo": None}
MADE: Final = {True: "Released", False: "Kept back"}
PER_PAGE: Final = 20
#: What the screen's reasons are to whoever reads them.
REASONS: Final = {
    "phone": "telephone number",
    "email": "e-mail address",
    "plate": "number plate",
    "postcode": "postcode",
    "link": "link",
    "words": "name, or words that may hurt",
    "staff": "held by a colleague",
}
_SENTENCE: Final = re.compile(r"[^.!?\n]*(?:[.!?](?!\s)[^.!?\n]*)*[.!?\n]*\s*")
_WORD: Final = re.compile(r"\s*\S+\s*")
#: A sentence of more words is marked as a whole.
_LONGEST: Final = 60
#: How many words together are tried.
_WIDEST: Final = 8


@router.api_route("", methods=["GET", "HEAD"])
async def get_words(
    runtime: RuntimeDep,
    who: StaffDep,
    after: Annotated[str, Query(max_length=200)] = "",
    done: UUID | None = None,
    made: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    async with runtime.reading() as conn:
        found = await reviewing.words_to_read(
            conn, runtime.keys, who, cursor=after or None, limit=PER_PAGE
        )
    items = [
        {
            **item,
            "said": [
                list(passages(text)) for text in (item["place_text"], item["description"]) if text
            ],
            "reasons": [REASONS.get(reason, reason) for reason in item["held_for"]],
        }
        for item in found.items
    ]
    return await console_page(
        "words.html",
        runtime,
        who,
        here="words",
        items=items,
        next=found.next,
        after=after,
        done=done,
        made=made if made in MADE.values() else "",
    )


@router.post("/{report}")
async def decide(request: Request, runtime: RuntimeDep, who: StaffDep, report: UUID) -> Response:
    async with request.form() as form:
        action, after = str(form.get("action", "")), str(form.get("after", ""))[:200]
    if action not in DECISIONS:
        raise Invalid("Choose what to do with the words.")
    public = DECISIONS[action]
    async with runtime.unit() as conn:
        await reviewing.decide_words(conn, who, report, public=public)
    told: dict[str, Any] = {"after": after} if after else {}
    if public is not None:
        told |= {"done": report, "made": MADE[public]}
    return RedirectResponse(f"{HERE}?{urlencode(told)}" if told else HERE, 303, HEADERS)


def passages(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether the screen would hold it: where to look first."""
    for match in _SENTENCE.finditer(text):
        if match[0]:
            yield from _narrowed(match[0])


def _narrowed(sentence: str) -> Iterator[tuple[str, bool]]:
    """A sentence by its words, marked are the fewest that are held for all that it is held for."""
    words = _WORD.findall(sentence) or [sentence]
    wanted = set(screen.held(sentence))
    marked = [False] * len(words)
    for size in range(1, _WIDEST + 1) if len(words) <= _LONGEST else ():
        if not wanted:
            break
        for first in range(len(words) - size + 1):
            window = slice(first, first + size)
            if not any(marked[window]) and (found := screen.held("".join(words[window]))):
                marked[window] = [True] * size
                wanted -= set(found)
    if wanted:  # it takes more than a few words together, or there are too many to try
        marked = [True] * len(words)
    for is_marked, group in groupby(zip(words, marked, strict=True), key=itemgetter(1)):
        text = "".join(word for word, _ in group)
        inner = text.rstrip()
        yield inner, is_marked
        yield text[len(inner) :], False
