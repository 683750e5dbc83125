"""What routes ask for: the process's runtime and who is calling."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from reporting.auth import Anyone, Principal, identify
from reporting.errors import NotSignedIn
from reporting.runtime import Runtime

#: For the document only; ``principal`` reads the header.
BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="`kbd_…` an app's device, `kbt_…` one report's tracking token, `kbs_…` staff",
)


def runtime(request: Request) -> Runtime:
    """The running process's belongings."""
    found: Runtime = request.app.state.runtime
    return found


async def principal(request: Request) -> Principal:
    """Who is calling. Nobody in particular without a bearer; NotSignedIn for one that is invalid."""
    header = request.headers.get("authorization")
    if header is None:
        return Anyone()
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn
    async with runtime(request).reading() as conn:
        return await identify(conn, token.strip())


RuntimeDep = Annotated[Runtime, Depends(runtime)]
PrincipalDep = Annotated[Principal, Depends(principal)]
#: Put on routers whose routes take a bearer, so that the document says so.
TAKES_BEARER = [Security(BEARER)]
