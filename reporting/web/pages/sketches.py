"""A sketch of what lies around a job: itself in the middle, other jobs by number. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reporting.jobs.desk import Near
from reporting.jobs.rows import JobRow

#: Half the side of the drawing, in its own units.
HALF: Final = 100.0
#: The circles that are drawn, in metres: the first that holds all, and half of it.
CIRCLES: Final = (20, 50, 100, 200, 300)
_METRES_PER_DEGREE: Final = 111_195.0


@dataclass(frozen=True, slots=True)
class Sketch:
    """Where to draw what."""

    #: Metres of the outer circle, and its radius in the drawing.
    metres: int
    radius: float
    #: By position in the list of near jobs.
    dots: tuple[tuple[float, float], ...]


def around(job: JobRow, near: Sequence[Near]) -> Sketch | None:
    """The sketch of some near jobs; None where there is nothing to draw."""
    if job.lat is None or job.lng is None or not near:
        return None
    farthest = max(each.distance_m for each in near)
    metres = next((each for each in CIRCLES if each >= farthest), CIRCLES[-1])
    radius = HALF * 0.86
    scale = radius / metres
    east = _METRES_PER_DEGREE * math.cos(math.radians(job.lat))
    dots = tuple(
        (
            round((each.lng - job.lng) * east * scale, 1),
            round((job.lat - each.lat) * _METRES_PER_DEGREE * scale, 1),
        )
        for each in near
    )
    return Sketch(metres, radius, dots)
