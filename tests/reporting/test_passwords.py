"""What makes a password good."""

import pytest

from reporting import passwords
from reporting.errors import PasswordRefused

OWN = ("dilys.marsh@shire.example", "Dilys Marsh")


@pytest.mark.parametrize(
    "good",
    [
        "granite otter umbrella",
        "correct-horse-pile-seven",
        "ŵy a bara brith heddiw",
        "a" + "b9 #x" * 5,
        "x7Kq2mP9wLz4",
    ],
)
def test_long_ones_that_nobody_else_has_are_good(good: str) -> None:
    passwords.check(good, OWN)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("short one", "12 to 128"),
        ("x" * 129, "12 to 128"),
        ("password1234", "among the first"),
        ("Password2026!", "among the first"),
        ("P@ssw0rd!!!!", "among the first"),
        ("passwordpassword", "among the first"),
        ("".join(chr(ord(c) + 0xFEE0) for c in "password1234"), "among the first"),
        ("qwertyuiop12", "among the first"),
        ("123456789012", "among the first"),
        ("aaaaaaaaaaaa", "among the first"),
        ("abcdefghijklmnop", "among the first"),
        ("!!!letmein!!!", "among the first"),
        ("dilys.marsh@shire.example", "your name"),
        ("DilysMarsh2026", "your name"),
        ("dilys-marsh!", "your name"),
    ],
)
def test_those_that_somebody_would_try_are_refused(bad: str, why: str) -> None:
    with pytest.raises(PasswordRefused, match=why):
        passwords.check(bad, OWN)


def test_the_list_is_there_with_its_licence() -> None:
    assert len(passwords._common()) > 20_000
    assert "MIT" in (passwords._COMMON.with_name("LICENSE.txt")).read_text()
