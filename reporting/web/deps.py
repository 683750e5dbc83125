"""What routes ask for: the process's runtime and who is calling."""

from typing import Annotated

from fastapi import Depends, Request

from reporting.runtime import Runtime


def runtime(request: Request) -> Runtime:
    """The running process's belongings."""
    found: Runtime = request.app.state.runtime
    return found


RuntimeDep = Annotated[Runtime, Depends(runtime)]
