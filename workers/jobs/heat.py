"""Keeps the counts of reports and jobs, every few seconds and by the clock."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from geo.heat.vectors import BelowNothing
from reporting.counting import folding
from reporting.runtime import Runtime
from workers.pump import DATABASE_AWAY

#: From one fold to the next; each costs more than what it counts when there is little of it.
EVERY_S: Final = 3.0

log = structlog.get_logger("kerbline.counts")


@dataclass
class Counter:
    """Folds until it is told to stop; of several processes, one at a time."""

    runtime: Runtime
    every_s: float = EVERY_S

    async def run(self, stopping: asyncio.Event) -> None:
        """Until the event is set."""
        failed = False
        while not stopping.is_set():
            try:
                await self.once()
                failed = False
            except DATABASE_AWAY as error:
                if not failed:
                    log.warning("counts_interrupted", error=type(error).__name__)
                failed = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), self.every_s)

    async def once(self) -> None:
        """Fold, and count anew what cannot be folded or what was found to be wrong."""
        try:
            async with self.runtime.unit() as conn:
                folded = await folding.fold(conn)
        except BelowNothing:
            log.exception("counts_wrong")
            await self._anew(None)
            return
        for authority in folded.too_many if folded else ():
            await self._anew(authority)

    async def _anew(self, authority: int | None) -> None:
        async with self.runtime.unit() as conn:
            jobs = await folding.rebuild(conn, authority)
        log.info("counted_anew", authority=authority, jobs=jobs)
