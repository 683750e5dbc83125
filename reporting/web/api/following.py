"""What its reporter does to a report: fixed or not, take it back, how to be reached."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import Field, model_validator

from reporting import feedback
from reporting.auth import Device
from reporting.errors import (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    NotFound,
    NotSignedIn,
    PhotoUnknown,
    ReportWithdrawn,
    StillRunning,
    TooLateToReopen,
    TooManyRequests,
)
from reporting.feedback import Said
from reporting.repeats import Answered, Once
from reporting.reports import reading
from reporting.web.api.reports import PHOTOS_LIMIT, ContactIn, idempotency_key_of
from reporting.web.body import BodyTooLarge, BodyUnreadable, CleanText, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, ReporterDep, RuntimeDep, device_of
from reporting.web.problems import responses
from reporting.web.wire import Id, Instant

router = APIRouter(
    prefix="/v1/reports", tags=["reports"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

LONGEST_FEEDBACK: Final = 2000
KeyHeader = Annotated[str | None, Header(json_schema_extra={"format": "uuid"})]
REPEATED: Final = (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    StillRunning,
    BodyUnreadable,
    BodyTooLarge,
    NotSignedIn,
    NotFound,
)


class FeedbackIn(Wire):
    """Whether it is fixed, and what there is to say or to see of it."""

    fixed: bool
    description: Annotated[CleanText, Field(min_length=1, max_length=LONGEST_FEEDBACK)] | None = (
        Field(None, description="For the council only; can be erased")
    )
    photos: list[Id] = Field(default=[], max_length=PHOTOS_LIMIT)

    @model_validator(mode="after")
    def _once(self) -> "FeedbackIn":
        if len(set(self.photos)) != len(self.photos):
            message = "a photo is named twice"
            raise ValueError(message)
        return self


class FeedbackTaken(Wire):
    """What became of it."""

    id: UUID = Field(description="Of the entry in the timeline")
    status: str
    reopened: bool = Field(description="It was closed, and is open again because of this")


class Withdrawn(Wire):
    """The report as it is now."""

    status: str
    withdrawn_at: Instant


@router.post(
    "/{id}/feedback",
    operation_id="giveFeedback",
    summary="Fixed, or not fixed",
    description=(
        "By its reporter. Not fixed reopens a job that was closed in the last 28 days; words and"
        " photos go to the team. Whatever it says is kept. Repeat it with the same"
        " `Idempotency-Key`."
    ),
    response_model=FeedbackTaken,
    responses=responses(*REPEATED, PhotoUnknown, TooLateToReopen, ReportWithdrawn, TooManyRequests),
)
async def give_feedback(
    request: Request,
    runtime: RuntimeDep,
    principal: ReporterDep,
    id: str,  # noqa: A002 - the contract's name
    body: FeedbackIn,
    idempotency_key: KeyHeader = None,
) -> Response:
    async with runtime.reading() as conn:
        report: UUID = (await reading.find(conn, id, principal)).id
        device = principal if isinstance(principal, Device) else await device_of(request, conn)
    key = idempotency_key_of(idempotency_key)
    once = Once("feedback", report, key, runtime.keys.body_hash(await request.body()))
    said = Said(body.fixed, body.description, tuple(body.photos))
    async with runtime.unit(claim=once.lock) as conn:
        return _answer(await feedback.feedback(conn, runtime.router, device, once, said))


@router.post(
    "/{id}/withdraw",
    operation_id="withdrawReport",
    summary="Take a report back",
    description=(
        "By its reporter. The last report on an open job closes it as `withdrawn`; on a job that"
        " others reported too, the work goes on without this one. Nothing is deleted."
    ),
    response_model=Withdrawn,
    responses=responses(*REPEATED),
)
async def withdraw_report(
    request: Request,
    runtime: RuntimeDep,
    principal: ReporterDep,
    id: str,  # noqa: A002 - the contract's name
    idempotency_key: KeyHeader = None,
) -> Response:
    async with runtime.reading() as conn:
        report: UUID = (await reading.find(conn, id, principal)).id
    key = idempotency_key_of(idempotency_key)
    once = Once("withdraw", report, key, runtime.keys.body_hash(await request.body()))
    async with runtime.unit(claim=once.lock) as conn:
        return _answer(await feedback.withdraw(conn, runtime.router, once))


@router.put(
    "/{id}/contact",
    operation_id="setContact",
    summary="Change or stop updates",
    description=(
        "By its reporter; all of it at once. Without `email` among `updates` no more e-mail comes;"
        " an empty object takes every contact detail away."
    ),
    response_model=ContactIn,
    responses=responses(BodyUnreadable, BodyTooLarge, NotSignedIn, NotFound),
)
async def set_contact(
    runtime: RuntimeDep,
    principal: ReporterDep,
    id: str,  # noqa: A002 - the contract's name
    body: ContactIn,
) -> Response:
    async with runtime.reading() as conn:
        report: UUID = (await reading.find(conn, id, principal)).id
    reachable = any((body.name, body.email, body.phone))
    async with runtime.unit() as conn:
        await feedback.set_contact(conn, report, body.contact() if reachable else None)
    return Response(
        body.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _answer(answered: Answered) -> Response:
    headers = {"Cache-Control": "no-store"}
    if answered.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(answered.body, 200, headers, media_type="application/json")
