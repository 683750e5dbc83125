"""A suggested round beside what anybody would do: by due time, or always to the nearest.

Jobs lie in clusters, as they do: streets and estates. Printed for each size: stops gone to of those
that matter today (P1, late, or due), kilometres, due times missed that could have been kept, hours
late together, and the seconds it took in its own process.
"""

import argparse
import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from geo.points import Point
from reporting.rounds import model
from reporting.rounds.asking import Solver

START = Point(52.0, -1.0)
EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
MIDNIGHT = EIGHT + timedelta(hours=16)
#: Hours from leaving until due: some late, some during the day, some in weeks.
DUE = (-30, -5, -1, 2, 4, 6, 8, 30, 100, 300)
PRIORITIES = (1, 2, 2, 3, 3, 3, 4, 4)


def town(jobs: int, seed: int, clusters: int = 6) -> list[model.Work]:
    """Jobs in clusters of some hundred metres, kilometres apart."""
    rng = random.Random(seed)
    middles = [(52.0 + rng.gauss(0, 0.03), -1.0 + rng.gauss(0, 0.05)) for _ in range(clusters)]
    found = []
    for _ in range(jobs):
        lat, lng = rng.choice(middles)
        found.append(
            model.Work(
                UUID(int=rng.getrandbits(128)),
                Point(lat + rng.gauss(0, 0.004), lng + rng.gauss(0, 0.006)),
                rng.choice(PRIORITIES),
                EIGHT + timedelta(hours=rng.choice(DUE)),
            )
        )
    return found


def told(order: list[model.Stop]) -> tuple[float, ...]:
    """What an order is worth, in numbers."""
    went = model.timed(order, START, EIGHT)
    late = [visit for visit in went.visits if visit.late]
    missed = [
        visit
        for visit in late
        if EIGHT + timedelta(seconds=model.way_s(START, visit.stop.place)) <= visit.stop.due_at
    ]
    hours = sum((visit.arrive_at - visit.stop.due_at).total_seconds() for visit in late) / 3600
    today = sum(
        visit.stop.due_at <= MIDNIGHT or visit.stop.weight == model.MOST_WEIGHT
        for visit in went.visits
    )
    return today, len(order), went.length_m / 1000, len(missed), hours


async def measure(sizes: list[int], seeds: int) -> None:
    """Print a table: means over the towns."""
    solver = Solver()
    print("jobs  how        today  stops     km  missed  hours late  seconds")
    for size in sizes:
        rows: dict[str, list[tuple[float, ...]]] = {"by due": [], "nearest": [], "suggested": []}
        for seed in range(seeds):
            stops = model.gather(town(size, seed), EIGHT, MIDNIGHT)
            rows["by due"].append((*told(model.fitting(model.by_due(stops), START)), 0))
            rows["nearest"].append((*told(model.fitting(model.nearest(stops, START), START)), 0))
            began = time.perf_counter()
            order = await solver.order(stops, model.question(stops, START, EIGHT))
            rows["suggested"].append((*told(order), time.perf_counter() - began))
        for how, found in rows.items():
            today, gone, km, missed, hours, seconds = (
                sum(column) / len(found) for column in zip(*found, strict=True)
            )
            print(
                f"{size:4}  {how:9}  {today:5.1f}  {gone:5.1f}  {km:5.1f}  {missed:6.1f}"
                f"  {hours:10.1f}  {seconds:7.2f}"
            )


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench rounds", description=__doc__)
    parser.add_argument("--jobs", type=int, nargs="+", default=[10, 20, 40, 60])
    parser.add_argument("--towns", type=int, default=5)
    options = parser.parse_args(argv)
    asyncio.run(measure(options.jobs, options.towns))
