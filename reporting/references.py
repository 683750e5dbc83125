"""The short codes people read out on the phone: ``KB-7F3K9Q``.

Numbers come from a sequence, so no two are alike; a multiplication spreads them, so that a code
says nothing about how many came before. It is no secret: it opens only the public view.
"""

import re

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 6
SPACE = len(ALPHABET) ** LENGTH
#: Shares no factor with 31, so that multiplying by it modulo SPACE meets every code once.
_SPREAD = 548_213_911
#: Two letters at once: imports make hundreds of thousands.
_TWO = len(ALPHABET) ** 2
_PAIRS = [low + high for high in ALPHABET for low in ALPHABET]
PATTERN = re.compile(rf"KB-[{ALPHABET}]{{{LENGTH}}}")


def reference(number: int) -> str:
    """The code of the ``number``th reference. Repeats after 887,503,681 of them."""
    rest = number * _SPREAD % SPACE
    rest, first = divmod(rest, _TWO)
    last, middle = divmod(rest, _TWO)
    return f"KB-{_PAIRS[first]}{_PAIRS[middle]}{_PAIRS[last]}"
