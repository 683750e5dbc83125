"""``python -m reporting.rounds.solving``: one question as JSON in, the order of its stops out.

A process of its own, because OR-Tools takes a third of a second to import and then holds its
thread: nobody else waits for it, and it can be ended. It knows nothing of Kerbline; ``model``
writes the question.

One vehicle, which need not come back. A stop that there is no time for in the day is left out,
the least worth first. A due time that the crew could keep if it went there first must not be missed
lightly: a second late counts forty times a second of driving, more for higher priorities. One
that has passed already draws its stop forward instead. Where that balance misses a due time, it is
asked once more, with due times above all else; if they can all be kept, they are.

Search is bounded by how many solutions it looks at, and so gives the same order for the same
question; the limit in seconds is only for a machine that is far too slow.
"""

import json
import sys
from typing import Any, Final

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

#: Solutions looked at, of one stop; each takes as much longer as there are stops.
SOLUTIONS: Final = 8000
FEWEST, MOST = 200, 1000
LIMIT_S: Final = 2
#: Costs of a second: on the way, and too late for a due time that could be kept or has passed.
WAY, KEPT, PASSED = 10, 400, 1
#: When due times go above all else.
ABOVE_ALL: Final = 1_000_000
#: What a stop's worth counts for, so that none is left out to spare time.
WORTH: Final = 10**12


def solve(question: dict[str, Any]) -> list[int]:
    """The numbers of the stops in their order."""
    hint = question["hint"]
    order = _search(question, hint, KEPT)
    if _missed(question, order):
        strict = _search(question, order, ABOVE_ALL)
        if len(strict) >= len(order) and not _missed(question, strict):
            return strict
    return order


def _search(asked: dict[str, Any], hint: list[int], kept: int) -> list[int]:
    stops = len(asked["work_s"])
    # The last number is where the round ends: wherever the last stop is.
    manager = pywrapcp.RoutingIndexManager(stops + 1, 1, [0], [stops])
    routing = pywrapcp.RoutingModel(manager)
    ways = [[WAY * way for way in row] + [0] for row in asked["way_s"]] + [[0] * (stops + 1)]
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitMatrix(ways))
    times = [
        [work + way for way in row] + [work]
        for row, work in zip(asked["way_s"], asked["work_s"], strict=True)
    ] + [[0] * (stops + 1)]
    routing.AddDimension(routing.RegisterTransitMatrix(times), 0, asked["day_s"], True, "time")  # noqa: FBT003
    clock = routing.GetDimensionOrDie("time")
    for number in range(1, stops):
        index = manager.NodeToIndex(number)
        routing.AddDisjunction([index], WORTH * asked["worth"][number])
        due = asked["due_s"][number]
        if due < asked["day_s"]:
            cost = kept if _can_be_kept(asked, number) else PASSED
            clock.SetCumulVarSoftUpperBound(index, max(due, 0), cost * asked["weight"][number])
    limits = pywrapcp.DefaultRoutingSearchParameters()
    limits.local_search_metaheuristic = (
        routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    )
    limits.solution_limit = max(FEWEST, min(MOST, SOLUTIONS // stops))
    limits.time_limit.seconds = LIMIT_S
    routing.CloseModelWithParameters(limits)
    begin = routing.ReadAssignmentFromRoutes([hint], True)  # noqa: FBT003
    found = routing.SolveFromAssignmentWithParameters(begin, limits) if begin else None
    return _order(routing, manager, found) if found else hint


def _order(routing: Any, manager: Any, found: Any) -> list[int]:
    order, index = [], found.Value(routing.NextVar(routing.Start(0)))
    while not routing.IsEnd(index):
        order.append(int(manager.IndexToNode(index)))
        index = found.Value(routing.NextVar(index))
    return order


def _can_be_kept(asked: dict[str, Any], number: int) -> bool:
    return bool(asked["way_s"][0][number] <= asked["due_s"][number])


def _missed(asked: dict[str, Any], order: list[int]) -> bool:
    """Whether a due time is missed that could be kept."""
    here, now = 0, 0
    for number in order:
        now += asked["work_s"][here] + asked["way_s"][here][number]
        here = number
        if now > asked["due_s"][number] and _can_be_kept(asked, number):
            return True
    return False


if __name__ == "__main__":
    json.dump(solve(json.load(sys.stdin)), sys.stdout)
