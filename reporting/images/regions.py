"""What is filled in a picture before others see it: rectangles, as shares of its width and height.

Shares of the upright picture, so that they fit every copy of it whatever its size.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

KINDS: Final = ("face", "plate", "other")
#: Who says so.
FINDER, STAFF = "finder", "staff"
#: More than a crowd; a picture with more is hidden, not filled.
REGIONS_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Region:
    """One rectangle, from its top left corner. It lies within the picture and is not empty."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    by: str

    def __post_init__(self) -> None:
        inside = 0 <= self.x < self.x + self.width and 0 <= self.y < self.y + self.height
        if not (inside and self.x + self.width <= _ONE and self.y + self.height <= _ONE):
            message = "a region lies within its picture"
            raise ValueError(message)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        """As it stands in the database."""
        return cls(**row)

    def row(self) -> dict[str, Any]:
        """As it is to stand in the database."""
        return asdict(self)


#: A share may be a hair above one where two were added.
_ONE: Final = 1 + 1e-6
