"""Refusals: what a caller did that cannot be accepted, as nouns.

The docstring of each class is the sentence people read; ``code`` is stable and may be relied on.
No class here knows HTTP: the edge decides the status in one table.
"""

from typing import ClassVar


class Refusal(Exception):
    """The request cannot be accepted."""

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str | None = None, **facts: object) -> None:
        self.detail = detail or " ".join((self.__doc__ or "").split())
        #: Further members of the answer, for programs (JSON values only, never the input itself).
        self.facts = facts
        super().__init__(self.detail)


class NotAPlace(Refusal):
    """A place needs lat from -90 to 90 and lng from -180 to 180, in degrees."""

    code = "not-a-place"


class LooksLikeGridReference(NotAPlace):
    """These numbers look like British National Grid metres; send lat and lng in degrees (WGS84)."""

    code = "looks-like-osgb"


class NullIsland(NotAPlace):
    """0,0 is what a phone without a position sends; wait for one, or say the place in words."""

    code = "null-island"


class LooksSwapped(NotAPlace):
    """lat and lng look swapped: the place lies inside our area when they are exchanged."""

    code = "looks-swapped"


class OutsideCoverage(Refusal):
    """This place is outside every council that uses this service."""

    code = "outside-coverage"


class BoundaryFileRefused(Refusal):
    """The boundary file cannot be loaded as it is."""

    code = "boundary-file-refused"


class VintageRefused(Refusal):
    """The change of boundaries cannot be made."""

    code = "vintage-refused"


class AuthorityRefused(Refusal):
    """The authority cannot be added as it is described."""

    code = "authority-refused"
