"""Passwords of staff: what makes one good, and how it is kept.

What counts is length, and that nobody would guess it first: no password that many others had (the
list of zxcvbn, beside this file), none made of one by capitals, digits around it or repeating, and
not the account's own name or address. Nothing is asked about digits or signs.
"""

import asyncio
import gzip
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from reporting.errors import PasswordRefused, TooManyRequests

LENGTH: Final = (12, 128)
_COMMON: Final = Path(__file__).with_name("common.txt.gz")
#: What people put in place of letters.
_LETTERS: Final = str.maketrans("01345789@$!|", "oieastbgasil")
#: Of a name, shorter parts are in too many good passwords.
_TELLING: Final = 4
_REPEATED: Final = re.compile(r"(.{1,16}?)\1+")
_ENDS: Final = re.compile(r"^[\W\d_]+|[\W\d_]+$")
#: A row of keys or of characters, as in 12345678 or qwertyuiop.
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "0123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def check(password: str, own: Iterable[str] = ()) -> None:
    """Raise PasswordRefused, saying why, for one that is too easily guessed.

    ``own`` is what is known of the account: its address, its name, its council's name.
    """
    shortest, longest = LENGTH
    if not shortest <= len(password) <= longest:
        raise PasswordRefused(f"A password has {shortest} to {longest} characters.")
    forms = _forms(password)
    if forms & _own(own):
        raise PasswordRefused("The password must not be your name or e-mail address.")
    if any(form in _common() or _is_row(form) for form in forms):
        raise PasswordRefused(
            "This password is among the first that anybody would try. Three or four words that"
            " do not belong together make a good one."
        )


def _forms(password: str) -> set[str]:
    """The password, and what is left of it without its disguises."""
    plain = _plain(password)
    found = {plain, plain.translate(_LETTERS), re.sub(r"[\W_]+", "", plain)}
    found |= {_ENDS.sub("", form) for form in tuple(found)} | {_ENDS.sub("", plain)}
    for form in tuple(found):
        repeated = _REPEATED.fullmatch(form)
        if repeated:
            found |= {repeated[1], _ENDS.sub("", repeated[1])}
    return found - {""}


def _own(known: Iterable[str]) -> set[str]:
    found = set()
    for text in map(_plain, known):
        parts = {text, text.partition("@")[0], re.sub(r"[\W_]+", "", text)}
        parts |= set(re.split(r"[\W_]+", text))
        found |= {part for part in parts if len(part) >= _TELLING}
    return found


def _is_row(form: str) -> bool:
    if len(set(form)) == 1:
        return True
    return any(
        form in row * (len(form) // len(row) + 2) for keys in _ROWS for row in (keys, keys[::-1])
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


@cache
def _common() -> frozenset[str]:
    with gzip.open(_COMMON, "rt", encoding="utf-8") as lines:
        return frozenset(lines.read().split("\n"))


class Passwords:
    """Hashes passwords with argon2id, away from the event loop and only so many at once.

    RFC 9106's second recommended choice: 64 MiB, 3 passes; two at once take 128 MiB. Who would have
    to wait too long for their turn is told to come back (TooManyRequests).
    """

    def __init__(
        self, hasher: PasswordHasher | None = None, *, at_once: int = 2, patience_s: float = 5.0
    ) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
        self._free = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        #: What an unknown account's password is compared with, so that it takes as long.
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        async with self._turn():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; always the same work, also where none is stored."""
        if self._nobody is None:
            self._nobody = await self.hash(secrets.token_urlsafe(32))
        async with self._turn():
            try:
                await asyncio.to_thread(self._hasher.verify, stored or self._nobody, password)
            except VerificationError:
                return False
        return stored is not None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._free.acquire(), self._patience_s)
        except TimeoutError as error:
            raise TooManyRequests from error
        try:
            yield
        finally:
            self._free.release()

    def outdated(self, stored: str) -> bool:
        """Whether it was made with other parameters than we use now."""
        return self._hasher.check_needs_rehash(stored)
