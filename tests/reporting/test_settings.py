"""Production refuses what development allows."""

import pytest
from pydantic import ValidationError

from reporting.settings import Settings

SAFE = {
    "database_url": "postgresql://app:hush@db/kerbline",
    "redis_url": "redis://:hush@redis/0",
    "secret_key": "k" * 32,
    "public_url": "https://report.example.gov.uk",
    "environment": "production",
}


def test_a_safe_production_starts() -> None:
    assert Settings(**SAFE).limits == "on"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key", "short"),
        ("limits", "off"),
        ("public_url", "http://report.example.gov.uk"),
        ("fcm_endpoint", "http://127.0.0.1:9099"),
        ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"),
    ],
)
def test_production_refuses_what_is_unsafe(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        Settings(**{**SAFE, name: value})


def test_the_emulator_variable_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")
    with pytest.raises(ValidationError, match="FIREBASE_AUTH_EMULATOR_HOST"):
        Settings(**SAFE)
    assert Settings(**{**SAFE, "environment": "development"})


def test_secrets_do_not_stand_in_a_printed_setting() -> None:
    printed = repr(Settings(**SAFE))
    assert "hush" not in printed
    assert "kkkk" not in printed


def test_proxies_are_given_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERBLINE_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2")
    assert Settings(**SAFE).trusted_proxies == ["10.0.0.1", "10.0.0.2"]
