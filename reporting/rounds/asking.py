"""Asks the solver's process, with a limit on how long and on how many at once."""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from reporting.rounds import model

#: The solver's own limits come to less; a process that is still there is ended.
LIMIT_S: Final = 6.0
#: Two cores may be all there is, and the pages need theirs.
AT_ONCE: Final = 1
PATIENCE_S: Final = 4.0
ROOT: Final = Path(__file__).parents[2]


class Solver:
    """Finds the order of stops in another process; without one, what anybody would do."""

    def __init__(
        self, *, limit_s: float = LIMIT_S, module: str = "reporting.rounds.solving"
    ) -> None:
        self._limit_s = limit_s
        self._module = module
        self._free = asyncio.Semaphore(AT_ONCE)

    async def order(self, stops: list[model.Stop], question: dict[str, Any]) -> list[model.Stop]:
        """The stops there is time for, in the order to go to them."""
        answer: Any = None
        if len(stops) > 1:
            answer = await self._ask(orjson.dumps(question))
        if not model.is_order(answer, len(stops)):
            answer = question["hint"]
        return [stops[number - 1] for number in answer]

    async def _ask(self, question: bytes) -> Any:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._free.acquire()
        except TimeoutError:
            return None
        try:
            return await self._run(question)
        finally:
            self._free.release()

    async def _run(self, question: bytes) -> Any:
        # No setting or secret goes along: it needs none.
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            env={"PYTHONDONTWRITEBYTECODE": "1"},
        )
        try:
            async with asyncio.timeout(self._limit_s):
                answer, _ = await child.communicate(question)
            return orjson.loads(answer)
        except (TimeoutError, orjson.JSONDecodeError) as error:
            structlog.get_logger("kerbline").warning("round_unsolved", error=type(error).__name__)
            return None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
