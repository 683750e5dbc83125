"""`/console/photos`: one picture after another, as it is and as everyone would see it.

Every picture has an address, every decision is a plain form and can be undone from the page that
follows it. Scripts add the keys, and drawing what is to be filled.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from reporting import reviewing
from reporting.auth import Staff
from reporting.errors import Invalid, NotFound, ReviewedMeanwhile
from reporting.images.regions import KINDS, REGIONS_LIMIT
from reporting.language import language
from reporting.photos import HIDDEN, HUMAN_OK, NEEDS_CHECK
from reporting.reviewing import Box
from reporting.runtime import Runtime
from reporting.web.api.reviews import RegionIn, linked
from reporting.web.deps import RuntimeDep
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page
from reporting.web.pages.rendering import HEADERS
from routing.categories import Category

router = APIRouter(prefix="/console/photos", include_in_schema=False, route_class=ConsoleRoute)

QUEUE: Final = "/console/photos"
DECISIONS: Final = {"approve": HUMAN_OK, "hide": HIDDEN, "again": NEEDS_CHECK}
#: What the buttons' decisions are called once they are made.
MADE: Final = {HUMAN_OK: "Approved", HIDDEN: "Hidden", NEEDS_CHECK: "Put back to be checked"}
KIND_WORDS: Final = {
    "face": ("face", "faces"),
    "plate": ("number plate", "number plates"),
    "other": ("other", "others"),
}
#: A camera that says it was farther off than this was hardly at the place.
FAR_M: Final = 200
_KILOMETRE: Final = 1000
_REGIONS: Final = TypeAdapter(list[RegionIn])
#: In an address, a box is its kind's letter and four numbers of this many parts of a side.
_PARTS: Final = 100_000
#: Of each number, the least: no box is flat.
_SIDES: Final = {"x": 0, "y": 0, "width": 1, "height": 1}
_LETTERS: Final = {kind[0]: kind for kind in KINDS}


@router.api_route("", methods=["GET", "HEAD"])
async def get_queue(
    runtime: RuntimeDep, who: StaffDep, done: UUID | None = None, was: str = ""
) -> Response:
    """The first picture that waits, or that none does."""
    async with runtime.reading() as conn:
        found = await reviewing.next_photo(conn, runtime.router, who, None)
    if found is not None:
        return RedirectResponse(f"{QUEUE}/{found}", 303, HEADERS)
    return await console_page(
        "no_photos.html",
        runtime,
        who,
        here="photos",
        done=await _done(runtime, who, done, was),
    )


@router.api_route("/{photo}", methods=["GET", "HEAD"])
async def get_photo_page(
    runtime: RuntimeDep,
    who: StaffDep,
    photo: UUID,
    done: UUID | None = None,
    was: Annotated[str, Query(max_length=8000)] = "",
    note: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One picture, whatever was decided about it."""
    async with runtime.reading() as conn:
        found = await reviewing.photo(conn, runtime.router, who, photo)
        rules = await runtime.router.current(conn)
        after = await reviewing.next_photo(conn, runtime.router, who, found)
    category = rules.categories.get(found["category"])
    timezone = rules.authorities[who.authority_id].timezone
    return await console_page(
        "photo.html",
        runtime,
        who,
        here="photos",
        photo=linked(found, runtime.keys),
        facts=_facts(found, category, timezone),
        category=category,
        seen=_stamp(found["reviewed_at"]),
        public=_public(found, category),
        after=after,
        note=note,
        most_boxes=REGIONS_LIMIT,
        done=await _done(runtime, who, done, was),
    )


@router.post("/{photo}")
async def decide(request: Request, runtime: RuntimeDep, who: StaffDep, photo: UUID) -> Response:
    """A decision, and on to the next picture; or one taken back."""
    async with request.form() as form:
        sent = {name: str(value) for name, value in form.items()}
    if sent.get("action") == "undo":
        review, boxes = _read_was(sent.get("was", ""))
        async with runtime.unit() as conn:
            await reviewing.decide_photo(conn, runtime.router, who, photo, review, boxes)
        return RedirectResponse(f"{QUEUE}/{photo}?note=undone", 303, HEADERS)
    if sent.get("action") not in DECISIONS:
        raise Invalid("Choose what to do with the picture.")
    review, boxes = DECISIONS[sent["action"]], _read_boxes(sent.get("regions", ""))
    seen = sent.get("seen", "")
    try:
        async with runtime.unit() as conn:
            before = await reviewing.photo(conn, runtime.router, who, photo)
            await reviewing.decide_photo(
                conn,
                runtime.router,
                who,
                photo,
                review,
                boxes,
                unless=lambda last: _stamp(last) != seen,
            )
            after = await reviewing.next_photo(conn, runtime.router, who, before)
    except ReviewedMeanwhile:
        return RedirectResponse(f"{QUEUE}/{photo}?note=meanwhile", 303, HEADERS)
    was = _was(before, changed=boxes is not None)
    on = QUEUE if after is None else f"{QUEUE}/{after}"
    return RedirectResponse(f"{on}?done={photo}&was={was}", 303, HEADERS)


async def _done(runtime: Runtime, who: Staff, done: UUID | None, was: str) -> dict[str, Any] | None:
    """What was decided on the page before, so that it can be undone."""
    if done is None:
        return None
    try:
        async with runtime.reading() as conn:
            found = await reviewing.photo(conn, runtime.router, who, done)
    except NotFound:
        return None
    if found["review"] not in MADE:
        return None
    return {
        "id": done,
        "was": was,
        "reference": (found["report"] or found["job"])["reference"],
        "made": MADE[found["review"]],
    }


def _facts(
    photo: Mapping[str, Any], category: Category | None, timezone: str
) -> list[tuple[str, str]]:
    """What there is to judge by, in words."""
    spoken = language(None)

    def when(at: datetime) -> str:
        return f"{spoken.instant(at, timezone)} {at.year}"

    facts = [
        ("Category", category.name if category else photo["category"]),
        (
            "Sent",
            when(photo["told_at"]) if photo["report"] else f"{when(photo['told_at'])}, by a crew",
        ),
    ]
    if photo["taken_at"]:
        facts.append(("Taken, says the camera", when(photo["taken_at"])))
    facts.append(("Position, says the camera", _position(photo)))
    facts.append(("Filled now", _filled(photo["regions"])))
    if photo["reviewed_at"]:
        made = MADE.get(photo["review"], "Looked at")
        name = photo["reviewed_by"] or "somebody"
        facts.append((made, f"by {name}, {when(photo['reviewed_at'])}"))
    return facts


def _position(photo: Mapping[str, Any]) -> str:
    place, away = photo["taken_location"], photo["taken_away_m"]
    if place is None:
        return "it says none"
    if away is None:
        return f"{place['lat']:.5f}, {place['lng']:.5f}; the report gives none to compare"
    distance = f"{away:.0f} m" if away < _KILOMETRE else f"{away / _KILOMETRE:.1f} km"
    doubt = ": hardly at the place" if away > FAR_M else ""
    return f"{distance} from the place reported{doubt}"


def _filled(regions: Sequence[Mapping[str, Any]]) -> str:
    counts = {kind: sum(each["kind"] == kind for each in regions) for kind in KINDS}
    words = [f"{count} {KIND_WORDS[kind][count > 1]}" for kind, count in counts.items() if count]
    return ", ".join(words) or "nothing"


def _public(photo: Mapping[str, Any], category: Category | None) -> tuple[str, str]:
    """How the public has it: in a word, and in a sentence."""
    if photo["review"] == HIDDEN:
        return "hidden", "Hidden. Nobody sees it but you and others who may see originals."
    if category is None or category.public_photos == "never":
        return "never", "Pictures of this category are never public. Its reporter sees this."
    if photo["review"] == HUMAN_OK:
        if photo["has_copies"]:
            return "public", "Everyone can see this."
        return "public", "Everyone can see it as soon as the boxes are filled; that takes seconds."
    if photo["is_public"]:
        return "public", "Everyone can see this now: nothing was found to be doubtful."
    return "waiting", "Nobody but its reporter sees this yet. If you approve it, everyone does."


def _stamp(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _read_boxes(text: str) -> list[Box] | None:
    """The boxes that the page drew; None where nobody touched them."""
    if not text:
        return None
    try:
        found = _REGIONS.validate_json(text)
    except ValidationError as error:
        raise Invalid("The boxes could not be read; open the picture again.") from error
    if len(found) > REGIONS_LIMIT:
        raise Invalid(f"At most {REGIONS_LIMIT} boxes; hide the picture instead.")
    return [region.box() for region in found]


def _was(photo: Mapping[str, Any], *, changed: bool) -> str:
    """How a picture stood before a decision, short enough for an address."""
    boxes = [
        each["kind"][0]
        + ".".join(str(max(round(each[side] * _PARTS), least)) for side, least in _SIDES.items())
        for each in (photo["regions"] if changed else ())
    ]
    return "_".join([photo["review"].replace("_", "-"), *(boxes or (["none"] if changed else []))])


def _read_was(text: str) -> tuple[str, list[Box] | None]:
    """What to put back. What was well by itself is then to be checked: somebody has seen it."""
    review, *boxes = text.split("_")
    review = review.replace("-", "_")
    review = review if review in MADE else NEEDS_CHECK
    if not boxes:
        return review, None
    try:
        return review, [_read_box(box) for box in boxes if box != "none"]
    except (ValueError, KeyError) as error:
        raise Invalid("This cannot be undone any more; open the picture itself.") from error


def _read_box(text: str) -> Box:
    kind = _LETTERS[text[:1]]
    x, y, width, height = (int(part) / _PARTS for part in text[1:].split("."))
    # Rounding may have pushed it over the edge by a hair.
    width, height = min(width, 1 - x), min(height, 1 - y)
    values = {"kind": kind, "x": x, "y": y, "width": width, "height": height}
    return RegionIn.model_validate(values).box()
