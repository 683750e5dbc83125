"""What every command needs: a runtime, a way to run, a way to say no in one line."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar

import psycopg
import typer
from psycopg_pool import PoolTimeout
from pydantic import ValidationError
from rich.console import Console

from geo.errors import Refusal
from reporting.runtime import WORKER_TIMEOUTS, Runtime, open_runtime
from reporting.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

#: What a command found or did goes to ``out``; progress and refusals go to ``err``.
#: A pipe or a file has no width: tables are not cut there.
_WIDTH = None if sys.stdout.isatty() else 200
out = Console(highlight=False, soft_wrap=True, width=_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(sentence: str) -> NoReturn:
    """End with one clear line and exit status 1."""
    err.print(sentence, style="red", markup=False)
    raise typer.Exit(1)


def command(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make an async command callable by Typer; refusals end it with one line."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return asyncio.run(_awaited(function(*args, **kwargs)))
        except Refusal as refusal:
            fail(refusal.detail)
        except (psycopg.OperationalError, PoolTimeout):
            fail("The database does not answer; see KERBLINE_DATABASE_URL.")

    return run


async def _awaited(coroutine: Awaitable[T]) -> T:
    return await coroutine


def read_settings() -> Settings:
    """The settings, or one line that names the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        variable = f"KERBLINE_{name}: " if name else ""
        fail(f"{variable}{first['msg'].removeprefix('Value error, ')}")


@asynccontextmanager
async def running(connections: int = 2) -> AsyncIterator[Runtime]:
    """A runtime for one command. Statements may take minutes here."""
    timeouts = {**WORKER_TIMEOUTS, "statement_timeout": "0"}
    settings = read_settings().model_copy(update={"pool_size": connections})
    async with open_runtime(settings, timeouts=timeouts, application="kerbline-cli") as runtime:
        yield runtime
