"""What staff look at before everyone may see it: pictures, and words that the screen held back."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, model_validator

from reporting import reviewing
from reporting.errors import (
    CursorRefused,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PhotoPending,
    PhotoUnreadable,
    ReviewedMeanwhile,
)
from reporting.images.regions import REGIONS_LIMIT
from reporting.keys import Keys
from reporting.web.answers import fresh
from reporting.web.body import BodyTooLarge, BodyUnreadable, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.photo_links import photo_view
from reporting.web.problems import responses
from reporting.web.wire import Instant, Location, Number

router = APIRouter(prefix="/v1", tags=["staff"], route_class=StrictRoute, dependencies=TAKES_BEARER)

Review = Literal["auto_ok", "needs_check", "human_ok", "hidden"]
Share = Annotated[Number, Field(ge=0, le=1)]
Cursor = Annotated[str | None, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]


class RegionIn(Wire):
    """A rectangle from its top left corner, in shares of the upright picture's sides."""

    kind: Literal["face", "plate", "other"]
    x: Share
    y: Share
    width: Annotated[Number, Field(gt=0, le=1)]
    height: Annotated[Number, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if max(self.x + self.width, self.y + self.height) > 1 + 1e-6:
            message = "a region lies within its picture"
            raise ValueError(message)
        return self

    def box(self) -> reviewing.Box:
        """As the verb takes it."""
        return reviewing.Box(self.kind, self.x, self.y, self.width, self.height)


class RegionOut(RegionIn):
    """What is filled in the copies."""

    by: Literal["finder", "staff"]


class Named(Wire):
    """A report or a job."""

    id: UUID
    reference: str = Field(examples=["KB-7F3K9Q"])


class PhotoToReview(Wire):
    """A picture, the facts to judge it by, and whether everyone may see it."""

    id: UUID
    report: Named | None = Field(description="None: a crew took it")
    job: Named
    category: str
    uploaded_at: Instant
    told_at: Instant = Field(description="When its report or update came")
    taken_at: Instant | None = Field(description="As the camera says; never trusted")
    taken_location: Location | None = Field(description="As the camera says; never trusted")
    taken_away_m: float | None = Field(description="How far that is from the place reported")
    width: int
    height: int
    state: Literal["stored", "ready", "unreadable"]
    review: Review
    reviewed_at: Instant | None
    reviewed_by: str | None
    regions: list[RegionOut] = Field(description="What is filled in its copies")
    is_public: bool = Field(description="Everyone may see `large` and `small` as they are now")
    large: str | None = Field(description="As the public sees or would see it")
    small: str | None
    clear: str | None = Field(description="Nothing filled; for who may see the original")


class PhotoReviewPage(Wire):
    """Pictures that wait, the oldest first. `next` is the cursor of the page after."""

    items: list[PhotoToReview]
    next: str | None


class ReviewIn(Wire):
    """What somebody decided after looking at a picture."""

    review: Literal["human_ok", "hidden", "needs_check"] = Field(
        description="`human_ok`: the public may see it, where the category lets it."
        " `needs_check`: it waits again."
    )
    regions: list[RegionIn] | None = Field(
        None,
        max_length=REGIONS_LIMIT,
        description="All that is to be filled from now on; left out, it stays as it is",
    )
    reviewed_at: Instant | None = Field(
        None, description="As you saw it; if somebody decided since, this is refused"
    )

    def unless(self) -> Callable[[datetime | None], bool] | None:
        """Whether somebody decided meanwhile; asked only of who says what they saw."""
        if "reviewed_at" not in self.model_fields_set:
            return None
        return lambda last: last != self.reviewed_at


class WordsToReview(Wire):
    """What was typed with a report, and whether everyone may read it: all of it, or nothing."""

    report: Named
    job: Named
    category: str
    created_at: Instant
    description: str | None
    place_text: str | None = Field(description="The place in words")
    held_for: list[str] = Field(
        description="What the screen found: `phone`, `email`, `plate`, `postcode`, `link`,"
        " `words`; `staff`: somebody held it by hand"
    )
    is_public: bool
    decided_at: Instant | None
    decided_by: str | None


class WordsReviewPage(Wire):
    """Words that wait, the oldest first. `next` is the cursor of the page after."""

    items: list[WordsToReview]
    next: str | None


class WordsIn(Wire):
    """Whether everyone may read what was typed with a report."""

    public: bool | None = Field(description="null: nothing is decided, it waits again")


@router.get(
    "/photos",
    operation_id="listPhotos",
    summary="Pictures to look at",
    description=(
        "What waits for you, the oldest first: pictures in which something was doubtful, and all"
        " others of categories whose pictures are looked at one by one."
    ),
    response_model=PhotoReviewPage,
    responses=responses(NotSignedIn, NotAllowed, Invalid, CursorRefused),
)
async def list_photos(
    runtime: RuntimeDep,
    staff: StaffDep,
    request: Request,
    review: Annotated[Literal["needs_check"], Query()] = "needs_check",  # noqa: ARG001
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    async with runtime.reading() as conn:
        page = await reviewing.photos_to_check(
            conn, runtime.router, runtime.keys, staff, cursor=cursor, limit=limit
        )
    items = [linked(item, runtime.keys) for item in page.items]
    return fresh(request, {"items": items, "next": page.next})


@router.put(
    "/photos/{photo}/review",
    operation_id="reviewPhoto",
    summary="Approve or hide a picture, or say what to fill",
    description=(
        "A hidden picture is gone for everyone at once. Where the regions change, the copies are"
        " made again before anybody sees one. A crew may hide, and no more."
    ),
    response_model=PhotoToReview,
    responses=responses(
        BodyUnreadable,
        BodyTooLarge,
        NotSignedIn,
        NotAllowed,
        NotFound,
        ReviewedMeanwhile,
        PhotoPending,
        PhotoUnreadable,
        Invalid,
    ),
)
async def review_photo(
    runtime: RuntimeDep, staff: StaffDep, request: Request, photo: UUID, body: ReviewIn
) -> Response:
    boxes = None if body.regions is None else [region.box() for region in body.regions]
    async with runtime.unit() as conn:
        found = await reviewing.decide_photo(
            conn, runtime.router, staff, photo, body.review, boxes, unless=body.unless()
        )
    return fresh(request, linked(found, runtime.keys), cache="no-store")


@router.get(
    "/words",
    operation_id="listWords",
    summary="Words to read",
    description="What the screen held back and nobody has read, the oldest first.",
    response_model=WordsReviewPage,
    responses=responses(NotSignedIn, NotAllowed, Invalid, CursorRefused),
)
async def list_words(
    runtime: RuntimeDep,
    staff: StaffDep,
    request: Request,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    async with runtime.reading() as conn:
        page = await reviewing.words_to_read(conn, runtime.keys, staff, cursor=cursor, limit=limit)
    return fresh(request, {"items": page.items, "next": page.next})


@router.put(
    "/reports/{report}/words",
    operation_id="reviewWords",
    summary="Let a report's words be public, or keep them back",
    description="Also for words that the screen let through, to take them from the public.",
    response_model=WordsToReview,
    responses=responses(BodyUnreadable, BodyTooLarge, NotSignedIn, NotAllowed, NotFound, Invalid),
)
async def review_words(
    runtime: RuntimeDep, staff: StaffDep, request: Request, report: UUID, body: WordsIn
) -> Response:
    async with runtime.unit() as conn:
        found = await reviewing.decide_words(conn, staff, report, public=body.public)
    return fresh(request, found, cache="no-store")


def linked(item: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """The picture with the addresses of its copies."""
    shown = {name: value for name, value in item.items() if name not in {"has_copies", "has_clear"}}
    view = photo_view(keys, item["id"], item["state"], item["review"])
    has_copies = item["has_copies"]
    return {
        **shown,
        "large": view.large if has_copies else None,
        "small": view.small if has_copies else None,
        "clear": f"/v1/photos/{item['id']}/clear" if item["has_clear"] else None,
    }
