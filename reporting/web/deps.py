"""What routes ask for: the process's runtime and who is calling."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from reporting.auth import Anyone, Device, Principal, Staff, identify
from reporting.errors import NotAllowed, NotSignedIn, SessionRevoked, TooManyRequests
from reporting.keys import TRACKING
from reporting.runtime import Connection, Runtime
from reporting.web import cookies, limits

#: For the document only; ``principal`` reads the header.
BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="`kbd_…` an app's device, `kbt_…` one report's tracking token, `kbs_…` staff",
)


async def runtime(request: Request) -> Runtime:
    """The running process's belongings. Async, because FastAPI runs plain functions in threads."""
    return belongings(request)


def belongings(request: Request) -> Runtime:
    """The same, for what is not a dependency."""
    found: Runtime = request.app.state.runtime
    return found


def bearer(request: Request) -> str | None:
    """The bearer as it was sent; None without one. Raises NotSignedIn for what is no bearer."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn
    return token.strip()


async def principal(request: Request) -> Principal:
    """Who is calling: anyone, without a bearer. Raises NotSignedIn for one that is not valid.

    A browser's cookies speak where no bearer does. Nobody chose to send those: what is not valid
    any more is passed over.
    """
    token = bearer(request)
    if token is not None:
        async with belongings(request).reading() as conn:
            return await known(request, conn, token)
    return await _kept(request, cookies.bearers(request))


async def reporter(request: Request) -> Principal:
    """The same, where only a reporter is asked for: one who also works here may report too."""
    if bearer(request) is not None:
        return await principal(request)
    kept = cookies.bearers(request)
    return await _kept(request, [token for token in kept if not cookies.is_staff(token)])


async def _kept(request: Request, tokens: list[str]) -> Principal:
    for token in tokens:
        with suppress(NotSignedIn, TooManyRequests), _revocation(request):
            async with belongings(request).reading() as conn:
                return await known(request, conn, token)
    return Anyone()


@contextmanager
def _revocation(request: Request) -> Iterator[None]:
    """A browser whose session was taken away is told so where staff are asked for."""
    try:
        yield
    except SessionRevoked:
        request.state.was_revoked = True
        raise


async def device_of(request: Request, conn: Connection) -> Device | None:
    """The device that this browser is, whatever else it is known by."""
    token = cookies.held(request, cookies.DEVICE) if cookies.is_ours(request) else None
    if token is not None:
        with suppress(NotSignedIn):
            found = await known(request, conn, token)
            return found if isinstance(found, Device) else None
    return None


async def known(request: Request, conn: Connection, token: str) -> Principal:
    """Whose bearer it is. Raises NotSignedIn, and TooManyRequests for who only guesses.

    Tokens of reports go from hand to hand in links, so those are what somebody would guess at.
    """
    limiter = limits.of(request)
    guessable = token.startswith(TRACKING)
    if guessable:
        await limiter.refuse_guesser(limits.address_of(request))
    try:
        found = await identify(conn, token)
    except NotSignedIn:
        if guessable:
            await limiter.guessed(limits.address_of(request))
        raise
    limiter.door.vouch(token)
    return found


async def staff(request: Request, who: Annotated[Principal, Depends(principal)]) -> Staff:
    """A signed-in member of staff. NotSignedIn for nobody, NotAllowed for a reporter's bearer."""
    if getattr(request.state, "was_revoked", False):
        raise SessionRevoked
    if isinstance(who, Anyone):
        raise NotSignedIn
    if not isinstance(who, Staff):
        raise NotAllowed
    return who


RuntimeDep = Annotated[Runtime, Depends(runtime)]
PrincipalDep = Annotated[Principal, Depends(principal)]
ReporterDep = Annotated[Principal, Depends(reporter)]
StaffDep = Annotated[Staff, Depends(staff)]
#: Put on routers whose routes take a bearer, so that the document says so.
TAKES_BEARER = [Security(BEARER)]
