"""Keys and tokens: one secret, many purposes, nothing readable at rest."""

from uuid import UUID

from reporting.keys import DEVICE, Keys, new_token, token_hash

KEYS = Keys("a secret of this test, more than 32 bytes")
REPORT = UUID("00000000-0000-4000-8000-000000000001")


def test_a_tracking_token_is_the_same_again_and_another_s_for_another_secret() -> None:
    token = KEYS.tracking_token(REPORT)
    assert token == KEYS.tracking_token(REPORT)
    assert token.startswith("kbt_")
    assert len(token) == 4 + 43  # 256 bits in base64url
    assert token != Keys("another secret of this test, over 32 bytes").tracking_token(REPORT)
    assert token != KEYS.tracking_token(UUID(int=2))


def test_purposes_do_not_share_a_key() -> None:
    text = REPORT.bytes.decode("latin-1")
    found = {
        KEYS.tracking_token(REPORT).removeprefix("kbt_"),
        KEYS.link_signature(text),
        KEYS.account_hash(text).hex(),
        KEYS.body_hash(text.encode()).hex(),
    }
    assert len(found) == 4


def test_new_tokens_say_what_they_are_and_differ() -> None:
    tokens = {new_token(DEVICE) for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.startswith("kbd_") and len(token) == 47 for token in tokens)
    assert all(len(token_hash(token)) == 32 for token in tokens)
