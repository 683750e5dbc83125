"""The made-up county that an empty machine starts with: its councils, its staff and a year of work.

Everything goes through the verbs a council's own operator, residents and crews use, so that what is
shown is what the system does. All of it is one transaction: it is there whole or not at all. The
places, words and outcomes are the same each time; only ids, passwords and the dates (the year that
ends now) differ.
"""

from collections.abc import Callable
from dataclasses import dataclass

from reporting import escalating
from reporting.demo.council import build
from reporting.demo.people import Account, hire
from reporting.demo.year import live_through
from reporting.errors import DemoRefused
from reporting.runtime import Connection, Runtime
from routing.assign import Router

#: Called with what is being done and how much of it is done.
Progress = Callable[[str, int, int], None]

ANYTHING_THERE = "select exists (select from authority)"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the county came to, and how to log in to it."""

    wards: int
    reports: int
    jobs: int
    updates: int
    accounts: tuple[Account, ...]


async def load(runtime: Runtime, progress: Progress) -> Loaded:
    """Fill an empty database. Raises DemoRefused for one that is not, and in production."""
    if runtime.settings.environment != "development":
        raise DemoRefused(
            "The demo makes accounts whose passwords it prints; it does so in development only."
        )
    async with runtime.unit() as conn:
        await _refuse_unless_empty(conn)
        wards = await build(conn, progress)
        # What this transaction changed may yet be rolled back, and a shared Router keep it.
        router = Router()
        accounts = await hire(conn, progress)
        lived = await live_through(conn, router, runtime.keys, accounts, progress)
        # By the clock of now: what the worker would have told. Nobody's mailbox is made up.
        await escalating.escalate(conn, await router.current(conn), by_mail=False)
    return Loaded(wards, lived.reports, lived.jobs, lived.updates, accounts)


async def _refuse_unless_empty(conn: Connection) -> None:
    row = await (await conn.execute(ANYTHING_THERE)).fetchone()
    if row is None or row[0]:
        raise DemoRefused
