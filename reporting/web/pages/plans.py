"""The plan that pages draw, kept for as long as the rules and the day are the same."""

from datetime import UTC, datetime

from fastapi import Request

from reporting import outlines
from reporting.outlines import Bounds, Plan
from reporting.runtime import Connection, Runtime
from routing.rulebook import Rules


async def in_force(
    request: Request, runtime: Runtime, conn: Connection
) -> tuple[Rules, Plan | None]:
    """The rules in force, and the plan of their wards; None where there is nothing to point at."""
    state = request.app.state
    rules = await runtime.router.current(conn)
    drawn_for = (rules.version, datetime.now(UTC).date())
    if getattr(state, "plan_drawn_for", None) != drawn_for:
        state.plan = await outlines.plan(conn)
        state.bounds = await outlines.bounds(conn)
        state.plan_drawn_for = drawn_for
    return rules, state.plan


def bounds(request: Request) -> Bounds | None:
    """The box of the wards that ``in_force`` found last."""
    found: Bounds | None = request.app.state.bounds
    return found
