"""A second factor: the codes of an authenticator app (RFC 6238; six digits, every 30 seconds)."""

import hmac
import re
from datetime import datetime
from typing import Final

import pyotp
import segno

STEP_S: Final = 30
#: Clocks differ, and people type slowly.
_STEPS_BESIDE: Final = 1
_CODE: Final = re.compile(r"[0-9]{6}")


def new_secret() -> str:
    """160 random bits, as authenticator apps take them (base32)."""
    return pyotp.random_base32()


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """The time step that a code is of; None for a wrong one."""
    code = "".join(code.split())
    if not _CODE.fullmatch(code):
        return None
    now = int(at.timestamp()) // STEP_S
    app = pyotp.TOTP(secret)
    found = None
    for step in range(now - _STEPS_BESIDE, now + _STEPS_BESIDE + 1):
        if hmac.compare_digest(app.generate_otp(step), code):
            found = step
    return found


def address(secret: str, email: str) -> str:
    """What an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Kerbline")


def qr_code(text: str) -> str:
    """A picture of it, as SVG in a data address: black on white, without a style."""
    return segno.make(text, error="m", micro=False).svg_data_uri(
        scale=5, border=4, light="#fff", xmldecl=False
    )
