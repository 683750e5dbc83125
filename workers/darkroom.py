"""Makes the clear copies of pictures in a confined child process (``decoder``), kept warm.

A picture that makes the child crash, swell or burn CPU is ``ImageBroken``, and so is one whose
answer is not what such a child answers.
"""

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Final, Self

from geo.errors import Refusal
from reporting.errors import ImageBroken
from reporting.images import headers
from reporting.images.derivatives import Derivatives, are_copies
from reporting.images.facts import Facts
from workers.confined.outside import PATIENCE_S, Confined, Spoilt

#: CPU for one picture: four times what 48 megapixels of HEIC take here.
CPU_LIMIT_S: Final = 8


class Darkroom(AbstractAsyncContextManager["Darkroom"]):
    """One child, one picture at a time. Use as a context."""

    def __init__(self, *, patience_s: float = PATIENCE_S, cpu_limit_s: int = CPU_LIMIT_S) -> None:
        self.child = Confined("workers.decoder", cpu_limit_s=cpu_limit_s, patience_s=patience_s)

    async def __aenter__(self) -> Self:
        await self.child.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.child.__aexit__(*error)

    async def develop(self, picture: bytes) -> Derivatives:
        """The copies. Raises ImageBroken or ChildAway."""
        try:
            found = await self.child.ask(picture)
        except Spoilt as error:
            raise ImageBroken from error
        if found is None:
            raise ImageBroken
        try:
            return _read(found)
        except (AttributeError, KeyError, Refusal, TypeError, ValueError) as error:
            await self.child.dismiss()  # somebody else speaks through it
            raise ImageBroken from error


def _read(found: Any) -> Derivatives:
    """The answer in its own types. Raises for one that our child would not give."""
    taken_at = found["taken_at"]
    made = Derivatives(
        width=found["width"],
        height=found["height"],
        clear=found["clear"],
        small=found["small"],
        likeness=found["likeness"],
        facts=Facts(
            None if taken_at is None else datetime.fromisoformat(taken_at).astimezone(UTC),
            found["lat"],
            found["lng"],
        ),
    )
    headers.check_pixels(headers.JPEG, made.width, made.height)
    if not are_copies(made.clear, made.small):
        raise ValueError
    if made.likeness is not None and made.likeness.bit_length() > _SIGNED_BITS:
        raise ValueError
    if made.facts.lat is not None and not -90 <= made.facts.lat <= 90:  # noqa: PLR2004
        raise ValueError
    if made.facts.lng is not None and not -180 <= made.facts.lng <= 180:  # noqa: PLR2004
        raise ValueError
    return made


_SIGNED_BITS: Final = 63
