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


MAIL = {**SAFE, "mail_from": "reports@example.gov.uk"}


@pytest.mark.parametrize(
    "smtp_url",
    [
        "smtps://reports:hush@mail.example.gov.uk",
        "smtp://reports:hush@mail.example.gov.uk:587",
        "smtp://reports:hush@mail.example.gov.uk?starttls=required",
        "smtp://mail.example.gov.uk:25?starttls=never",
        "smtp://reports:hush@127.0.0.1:25?starttls=never",
        "smtp://reports:hush@localhost:25?starttls=never",
        "smtp://reports:hush@[::1]:25?starttls=never",
    ],
)
def test_a_mail_server_is_taken(smtp_url: str) -> None:
    found = Settings(**MAIL, smtp_url=smtp_url)
    assert found.mail_configured
    assert found.mail_server is not None
    assert "hush" not in repr(found) + repr(found.mail_server)
    assert not Settings(**SAFE).mail_configured


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"smtp_url": "smtp://reports:hush@mail.example?starttls=never"}, "unencrypted"),
        ({"smtp_url": "https://reports:hush@mail.example"}, "KERBLINE_SMTP_URL is"),
        ({"smtp_url": "smtp://reports:hush@mail.example?ssl=1"}, "starttls="),
        ({"smtp_url": "smtps://reports:hush@mail.example", "mail_from": None}, "MAIL_FROM"),
        ({"mail_from": "Reports <reports@example.gov.uk>"}, "one e-mail address"),
        ({"mail_from": "reports"}, "one e-mail address"),
        ({"smtp_url": "smtps://mail.example", "mail_from": ""}, "MAIL_FROM"),
        ({"mail_from": "a@b.example\r\nBcc: c@d.example"}, "one e-mail address"),
    ],
)
def test_a_mail_server_that_is_none_or_unsafe_is_refused(changed: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        Settings(**{**MAIL, **changed})
    assert "hush" not in str(refused.value)


def test_an_empty_mail_server_is_none() -> None:
    found = Settings(**{**SAFE, "smtp_url": "", "mail_from": ""})
    assert not found.mail_configured
    assert found.mail_server is None


def test_in_a_trial_mail_may_go_in_the_clear() -> None:
    url = "smtp://reports:hush@mail.example?starttls=never"
    assert Settings(**{**MAIL, "environment": "development", "smtp_url": url})


def test_proxies_are_given_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERBLINE_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.2")
    assert Settings(**SAFE).trusted_proxies == ["10.0.0.1", "10.0.0.2"]
