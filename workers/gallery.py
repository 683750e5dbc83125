"""Makes the redacted copies of pictures in a confined child process (``finder``), kept warm.

It says what is filled and whether that is all there is to fill, as far as a program can tell. Where
the child fails there are no copies to show: the picture waits for staff.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Self

from reporting.images.derivatives import are_copies
from reporting.images.regions import FINDER, Region
from workers.confined.outside import Confined, Spoilt

#: Some times what the largest picture takes here, looked at twice.
CPU_LIMIT_S: Final = 20
PATIENCE_S: Final = 40.0
#: More faces than that are a crowd, in which one more is easily missed.
CROWD: Final = 12
#: A picture of which more is filled shows little.
MUCH: Final = 0.25


class NotFilled(Exception):
    """The picture could not be looked at, or not be filled."""


@dataclass(frozen=True, slots=True)
class Hanging:
    """What may be shown of a picture."""

    regions: tuple[Region, ...]
    #: Nothing is left that a person should look at before everyone may see it.
    sure: bool
    #: The redacted copies; None where nothing is filled, and the clear ones do.
    large: bytes | None
    small: bytes | None


class Gallery(AbstractAsyncContextManager["Gallery"]):
    """One child, one picture at a time. Use as a context."""

    def __init__(self, *, patience_s: float = PATIENCE_S, cpu_limit_s: int = CPU_LIMIT_S) -> None:
        self.child = Confined("workers.finder", cpu_limit_s=cpu_limit_s, patience_s=patience_s)

    async def __aenter__(self) -> Self:
        await self.child.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.child.__aexit__(*error)

    async def find(self, clear: bytes) -> Hanging:
        """Look for faces and plates, and fill them. Raises NotFilled or ChildAway."""
        found = await self._ask({"picture": clear})
        try:
            return _hanging(found)
        except (KeyError, TypeError, ValueError) as error:
            await self.child.dismiss()  # somebody else speaks through it
            raise NotFilled from error

    async def fill(self, clear: bytes, regions: Sequence[Region]) -> tuple[bytes, bytes]:
        """The copies, large and small, with just these filled. Raises NotFilled or ChildAway."""
        boxes = [
            (region.x, region.y, region.x + region.width, region.y + region.height)
            for region in regions
        ]
        found = await self._ask({"picture": clear, "boxes": boxes})
        try:
            return _copies(found)
        except (KeyError, TypeError, ValueError) as error:
            await self.child.dismiss()
            raise NotFilled from error

    async def _ask(self, question: dict[str, Any]) -> Any:
        try:
            found = await self.child.ask(question)
        except Spoilt as error:
            raise NotFilled from error
        if found is None:
            raise NotFilled
        return found


def _hanging(found: Any) -> Hanging:
    """The answer in its own types. Raises for one that our child would not give."""
    faces, plates = found["faces"], found["plates"]
    regions = tuple(
        Region(kind, left, top, right - left, bottom - top, FINDER)
        for kind, boxes in (("face", faces), ("plate", plates))
        for left, top, right, bottom in boxes
    )
    large, small = _copies(found) if regions else (None, None)
    return Hanging(regions, found["sure"] is True and _plain(regions), large, small)


def _plain(regions: Sequence[Region]) -> bool:
    """Whether what was filled gives no cause to look again.

    Where there is one plate that the cascade sees there may be one that it does not.
    """
    return (
        len(regions) <= CROWD
        and all(region.kind == "face" for region in regions)
        and sum(region.width * region.height for region in regions) <= MUCH
    )


def _copies(found: Any) -> tuple[bytes, bytes]:
    large, small = found["large"], found["small"]
    if not (isinstance(large, bytes) and isinstance(small, bytes) and are_copies(large, small)):
        raise ValueError
    return large, small
