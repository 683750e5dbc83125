"""Reports: send one, look at one."""

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import Field, StringConstraints, model_validator

from geo.errors import LooksLikeGridReference, LooksSwapped, NotAPlace, NullIsland, OutsideCoverage
from reporting.errors import (
    ConfirmByEmail,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    NotAllowed,
    NotFound,
    NotSignedIn,
    ObservedAtRefused,
    PhotoUnknown,
    SameAsRefused,
    StillRunning,
    TooManyReports,
    UnknownAuthority,
)
from reporting.references import PATTERN
from reporting.reports import taking
from reporting.reports.values import Claim, Contact, NewReport
from reporting.web import showing
from reporting.web.admitting import admit, take_in
from reporting.web.answers import fresh
from reporting.web.body import BodyTooLarge, BodyUnreadable, CleanText, StrictRoute, Wire
from reporting.web.deps import PrincipalDep, RuntimeDep, belongings
from reporting.web.photo_links import PhotoView
from reporting.web.problems import responses, spoken_by
from reporting.web.wire import (
    Answer,
    AuthorityOut,
    Email,
    Id,
    Instant,
    Location,
    TeamOut,
    WardOut,
)
from routing.errors import AnswersRefused, UnknownCategory

router = APIRouter(prefix="/v1", tags=["reports"], route_class=StrictRoute)

NO_STORE: Final = {"Cache-Control": "no-store"}
PHOTOS_LIMIT = 3
Reference = Annotated[str, StringConstraints(pattern=f"^{PATTERN.pattern}$")]


class ContactIn(Wire):
    """How to reach the reporter. Leave it out to stay unknown."""

    name: Annotated[CleanText, Field(max_length=200)] | None = None
    email: Email | None = None
    phone: Annotated[CleanText, Field(max_length=40)] | None = None
    language: (
        Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None
    ) = None
    updates: list[Literal["email"]] = Field(
        default=[],
        max_length=1,
        description="The wish is kept; mail is sent where the council has set up a server for it",
    )

    @model_validator(mode="after")
    def _reachable(self) -> "ContactIn":
        if self.updates and self.email is None:
            message = "updates by email need an email"
            raise ValueError(message)
        return self

    def contact(self) -> Contact:
        """As the verb takes it."""
        return Contact(self.name, self.email, self.phone, self.language, tuple(self.updates))


class ReportIn(Wire):
    """What a resident saw, and where."""

    category: str = Field(max_length=50, examples=["pothole"])
    location: Location | None = None
    place_text: Annotated[CleanText, Field(min_length=3, max_length=300)] | None = Field(
        None, description="The place in words, where there is no position; needs authority"
    )
    authority: str | None = Field(None, max_length=100)
    description: Annotated[CleanText, Field(max_length=4000)] | None = None
    answers: dict[str, Answer] = Field(default={}, max_length=50)
    photos: list[Id] = Field(default=[], max_length=PHOTOS_LIMIT)
    contact: ContactIn | None = None
    same_as: Reference | None = Field(None, description="Reference of the job this is about")
    observed_at: Instant | None = None
    website: Annotated[CleanText, Field(max_length=300)] | None = Field(
        None, description="A field of our page that people do not see. Leave it out"
    )

    @model_validator(mode="after")
    def _one_place(self) -> "ReportIn":
        if (self.location is None) == (self.place_text is None):
            message = "send either location, or place_text with authority"
            raise ValueError(message)
        if (self.place_text is None) != (self.authority is None):
            message = "authority belongs to place_text, and place_text needs it"
            raise ValueError(message)
        if len(set(self.photos)) != len(self.photos):
            message = "a photo is named twice"
            raise ValueError(message)
        return self

    def new(self) -> NewReport:
        """As the verb takes it; refuses what is no place."""
        return NewReport(
            category=self.category,
            place=self.location.point() if self.location else None,
            place_text=self.place_text,
            authority=self.authority,
            description=self.description,
            answers=self.answers,
            photos=tuple(self.photos),
            contact=self.contact.contact() if self.contact else None,
            same_as=self.same_as,
            observed_at=self.observed_at,
        )


class JobOut(Wire):
    """The job a report belongs to."""

    id: UUID
    reference: str
    reports: int = Field(description="How many reports are about it")
    matched: bool = Field(description="It was known before this report")


class ReportCreated(Wire):
    """The report as it was taken in, and the token that proves it is yours."""

    id: UUID
    reference: str = Field(examples=["KB-7F3K9Q"])
    status: str
    category: str
    authority: AuthorityOut
    ward: WardOut | None
    team: TeamOut
    job: JobOut
    priority: str = Field(examples=["P3"])
    due_at: Instant
    location: Location | None
    photos: list[UUID]
    flags: list[str]
    created_at: Instant
    tracking_token: str
    tracking_url: str


class Confirm(Wire):
    """The report is kept, and waits for its sender to open the link that we sent."""

    confirm: Literal["email"] = "email"
    id: UUID
    expires_at: Instant


@router.post(
    "/reports",
    operation_id="createReport",
    summary="Send a report",
    description=(
        "Stored, routed and given to a team before the answer. Repeat it with the same"
        " `Idempotency-Key` as often as you like: it is stored once."
    ),
    status_code=201,
    response_model=ReportCreated,
    responses={
        202: {
            "model": Confirm,
            "description": "Over a limit, and kept for 48 hours: a link in an e-mail to its sender"
            " lets it in. Sent again with the same `Idempotency-Key` after that, it is a 201.",
        },
        **responses(
            IdempotencyKeyMissing,
            BodyUnreadable,
            BodyTooLarge,
            IdempotencyKeyReused,
            StillRunning,
            NotAPlace,
            NullIsland,
            LooksLikeGridReference,
            LooksSwapped,
            OutsideCoverage,
            UnknownCategory,
            AnswersRefused,
            PhotoUnknown,
            SameAsRefused,
            TooManyReports,
            ObservedAtRefused,
            UnknownAuthority,
            NotSignedIn,
            NotAllowed,
            ConfirmByEmail,
        ),
    },
)
async def create_report(
    request: Request,
    principal: PrincipalDep,
    body: ReportIn,
    idempotency_key: Annotated[str | None, Header(json_schema_extra={"format": "uuid"})] = None,
) -> Response:
    runtime = belongings(request)  # not as a dependency: each costs what a hash of the chain does
    sender = taking.sender(principal)
    claim = Claim(
        idempotency_key_of(idempotency_key),
        sender.device,
        runtime.keys.body_hash(await request.body()),
    )
    new = body.new()
    kept = await admit(
        request,
        runtime,
        principal,
        claim,
        new,
        spoken_by(request),
        trapped=bool(body.website),
    )
    if kept is not None:
        told = Confirm(id=kept.id, expires_at=kept.expires_at)
        return Response(told.model_dump_json(), 202, NO_STORE, media_type="application/json")
    answered = await take_in(runtime, claim, sender, new)
    headers = dict(NO_STORE)
    if answered.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(answered.body, 201, headers, media_type="application/json")


class TimelineOut(Wire):
    """Something the reporters were told, or this one did."""

    id: UUID
    at: Instant
    kind: str = Field(description="What happened; clients must accept new values")
    moved: str | None = Field(
        description="Of `moved_in`: it came to another job by a `merge`, a `split`, or an `undo`"
    )
    job: UUID = Field(description="To which job it happened; a report may be moved to another")
    version: int = Field(description="Of that job, after this")
    by_reporter: bool = Field(description="The reader did it: feedback, taking it back")
    fixed: bool | None = Field(description="What feedback said")
    status: str = Field(description="As it was after this")
    passed_to: str | None = Field(description="Of what was referred: to whom")
    message: str | None = Field(
        description="What the council wrote, or for the reporter their own words. The public reads"
        " what the screen for personal data lets through"
    )
    photos: list[PhotoView]


class ReportJobOut(Wire):
    """The job a report belongs to."""

    id: UUID
    reference: str
    reports: int
    version: int = Field(description="Grows with everything that happens to it")


class ReportSummary(Wire):
    """A report as it stands, as anyone may see it."""

    id: UUID
    reference: str
    category: str
    status: str
    status_text: str = Field(description="What a resident reads")
    authority: AuthorityOut
    ward: WardOut | None
    team: TeamOut
    location: Location | None
    job: ReportJobOut
    priority: str
    due_at: Instant
    scheduled_for: Instant | None
    created_at: Instant
    updated_at: Instant
    closed_at: Instant | None = Field(description="When it was fixed, or closed without work")
    withdrawn_at: Instant | None = Field(description="When its reporter took it back")


class ReportOut(ReportSummary):
    """A report. The fields after `photos` are for its reporter only.

    Of words and photos the public sees those that may be public.
    """

    timeline: list[TimelineOut]
    description: str | None = None
    place_text: str | None = None
    photos: list[PhotoView] = Field(default=[])
    answers: dict[str, Answer] | None = None
    flags: list[str] | None = None
    observed_at: Instant | None = None
    contact: ContactIn | None = None


@router.get(
    "/reports/{id}",
    operation_id="getReport",
    summary="Look at a report",
    description="By id or reference: the public view; for its reporter, their own.",
    response_model=ReportOut,
    response_model_exclude_unset=True,
    responses=responses(NotFound, NotSignedIn),
)
async def get_report(
    runtime: RuntimeDep,
    request: Request,
    principal: PrincipalDep,
    id: str,  # noqa: A002 - the contract's name
) -> Response:
    async with runtime.reading() as conn:
        found = await showing.report(runtime, conn, id, principal)
    return fresh(request, found)


def idempotency_key_of(header: str | None) -> UUID:
    """The key of a request that may be repeated. IdempotencyKeyMissing for none."""
    try:
        return UUID(header or "")
    except ValueError as error:
        raise IdempotencyKeyMissing from error
