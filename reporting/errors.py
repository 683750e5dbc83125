"""Refusals of what people and devices ask of reports, jobs, photos and accounts.

``Refusal`` and the places' own refusals are in ``geo.errors``, the rules' in ``routing.errors``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from geo.errors import Refusal


class Invalid(Refusal):
    """The request does not fit; see errors."""

    code = "invalid"


class NotFound(Refusal):
    """There is nothing here, or it is not for you to see."""

    code = "not-found"


class MethodNotAllowed(Refusal):
    """This address does not take that method."""

    code = "method-not-allowed"


class NotAccepted(Refusal):
    """The request cannot be accepted."""


class NotSignedIn(Refusal):
    """Sign in, or send a valid token."""

    code = "not-signed-in"


class SessionRevoked(NotSignedIn):
    """This session was ended by your council; what is kept on this device must go."""

    code = "session-revoked"


class NotAllowed(Refusal):
    """Your account may not do this."""

    code = "not-allowed"


class WrongPassword(Refusal):
    """The e-mail address or the password is wrong."""

    code = "wrong-password"


class OtpNeeded(Refusal):
    """Send the code that your authenticator app shows, too."""

    code = "otp-needed"


class ProviderAway(Refusal):
    """The council's own sign-in does not answer. Use your password, or try again in a minute."""

    code = "provider-away"


class ProviderRefused(Refusal):
    """The council's own sign-in did not confirm who you are. Try again."""

    code = "provider-refused"


class SignInExpired(Refusal):
    """This sign-in was begun in another browser, too long ago, or is over. Begin again."""

    code = "sign-in-expired"


class NoSuchAccount(Refusal):
    """There is no account here for you. Ask a supervisor or an admin for one."""

    code = "no-such-account"


class StaffRefused(Refusal):
    """The account cannot be made."""

    code = "staff-refused"


class OtpRefused(Refusal):
    """This code is not right, or was used before; wait for the next one."""

    code = "otp-refused"


class PasswordRefused(StaffRefused):
    """This password is too easily guessed."""

    code = "password-refused"


class TooManyTries(Refusal):
    """Too many tries; wait half an hour, or ask a supervisor."""

    code = "too-many-tries"


class TooManyRequests(Refusal):
    """Too many requests; try again a little later."""

    code = "too-many-requests"


class TooManyReports(TooManyRequests):
    """Very many reports come from where you are. Send yours again in {minutes} minutes; the app
    keeps it, and does that by itself.
    """

    def __init__(self, minutes: int = 10, **facts: object) -> None:
        sentence = " ".join((type(self).__doc__ or "").split())
        super().__init__(sentence.format(minutes=minutes), minutes=minutes, **facts)


class ConfirmByEmail(TooManyReports):
    """Very many reports come from where you are. Add your e-mail address: we send a link to it that
    lets yours in. Or send it again in {minutes} minutes; the app keeps it, and does that by
    itself.
    """

    code = "confirm-by-email"


class IdempotencyKeyMissing(Refusal):
    """Send an Idempotency-Key header that holds a UUID, and the same one when you try again."""

    code = "idempotency-key-missing"


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was used for another request; use a new UUID for a new report."""

    code = "idempotency-key-reused"


class StillRunning(Refusal):
    """The same request is still being handled; try again in a second."""

    code = "still-running"


class PhotoUnknown(Refusal):
    """A photo named here has not been uploaded, or belongs to another report."""

    code = "photo-unknown"


class SameAsRefused(Refusal):
    """The job named in same_as is closed, unknown, of another kind, or more than 500 m away."""

    code = "same-as-refused"


class ImageRefused(Refusal):
    """This file is not a picture we can take: send a JPEG, PNG, WebP or HEIC."""

    code = "image-refused"


class ImageTooLarge(Refusal):
    """The picture has too many pixels; make it smaller and send it again."""

    code = "image-too-large"


class ImageBroken(Refusal):
    """The picture is cut short or damaged; send it again."""

    code = "image-broken"


class DigestDiffers(Refusal):
    """The picture is not what Repr-Digest says (RFC 9530, sha-256); send it again."""

    code = "digest-differs"


class UploadPartial(Refusal):
    """Only part of the picture came, and is kept: send the rest from Upload-Offset."""

    code = "upload-partial"


class UploadHeadersRefused(Refusal):
    """Upload-Offset and Upload-Length are numbers that fit the body, Upload-Complete ?0 or ?1."""

    code = "upload-headers-refused"


class UploadOffsetDiffers(Refusal):
    """This is not where the picture stands: go on from Upload-Offset."""

    code = "upload-offset-differs"


class UploadLengthDiffers(Refusal):
    """The picture was begun with another Upload-Length; send the same, or use a new UUID."""

    code = "upload-length-differs"


class UploadTakenOver(Refusal):
    """Another connection goes on with this picture; ask with HEAD how far it is."""

    code = "upload-taken-over"


class PhotoPending(Refusal):
    """The picture is here and is being made ready; try again in a few seconds."""

    code = "photo-pending"


class PhotoUnreadable(Refusal):
    """The picture arrived but could not be opened; please take another."""

    code = "photo-unreadable"


class PhotoGone(Refusal):
    """The picture is no longer here."""

    code = "photo-gone"


class PhotoTaken(Refusal):
    """Another picture was uploaded under this id; use a new UUID."""

    code = "photo-taken"


class MoveNotAllowed(Refusal):
    """A job cannot go from its present status to that one."""

    code = "move-not-allowed"


class JobMerged(Refusal):
    """This job was put together with {reference}, and goes on there: do it on that job."""

    code = "job-merged"

    def __init__(self, reference: str | None = None, **facts: object) -> None:
        sentence = " ".join((type(self).__doc__ or "").split())
        super().__init__(sentence.format(reference=reference), reference=reference, **facts)


class JobsNotOpen(Refusal):
    """Only open jobs are put together: open the closed one again first, or close the other too."""

    code = "jobs-not-open"


class CannotUndo(Refusal):
    """This cannot be undone any more."""

    code = "cannot-undo"


class Conflict(Refusal):
    """Somebody changed the same field since the version you worked on."""

    code = "conflict"
    #: The update that set each field; not told.
    updates: Mapping[str, UUID] = MappingProxyType({})


class MadeAtRefused(Refusal):
    """made_at may be at most 5 minutes ahead of now and 40 days ago."""

    code = "made-at-refused"


class UpdateIdReused(Refusal):
    """This id was used for another update; use a new UUID for each."""

    code = "update-id-reused"


class CursorRefused(Refusal):
    """This is no cursor of ours; begin again without one."""

    code = "cursor-refused"


class CursorTooOld(Refusal):
    """Too much has changed since this cursor; begin again with an empty updated_since."""

    code = "cursor-too-old"


class JobGone(NotFound):
    """This job went to another team, or there is no such job. What you did stays on your tablet;
    tell your supervisor.
    """


class Unavailable(Refusal):
    """We cannot store this right now. Nothing is lost on your side: try again in a moment."""

    code = "unavailable"


class ObservedAtRefused(Refusal):
    """observed_at may be at most 5 minutes ahead of now and 40 days ago."""

    code = "observed-at-refused"


class UnknownAuthority(Refusal):
    """There is no such authority here; leave it out and send a place, or choose one we know."""

    code = "unknown-authority"


class EndpointRefused(Refusal):
    """A push endpoint is an https address on the public internet, as the browser gave it."""

    code = "endpoint-refused"


class MapRefused(Refusal):
    """The map of an import cannot be used as it is."""

    code = "map-refused"


class ImportRefused(Refusal):
    """The file cannot be taken over as it is."""

    code = "import-refused"


class DemoRefused(Refusal):
    """There are authorities in this database already; the demo is for an empty one."""

    code = "demo-refused"


class ReviewedMeanwhile(Refusal):
    """Somebody else decided about this picture since you opened it; look at it again."""

    code = "reviewed-meanwhile"


class TooLateToReopen(Refusal):
    """This was closed more than 28 days ago; please send it as a new report."""

    code = "too-late-to-reopen"


class ReportWithdrawn(Refusal):
    """You took this report back; please send a new one."""

    code = "report-withdrawn"


class TooManyWatching(Refusal):
    """Very many people are watching at the moment; look again in a minute."""

    code = "too-many-watching"


class TooManyExports(Refusal):
    """Other files are being made at the moment; try again in half a minute."""

    code = "too-many-exports"
