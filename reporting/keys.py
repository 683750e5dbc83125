"""Keys derived from the one secret, and the tokens that people and devices carry.

A bearer says what it is by its prefix. Only a SHA-256 of it is stored: the random part has 256
bits, so a slow hash would add nothing.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cached_property
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reporting.errors import CursorRefused

DEVICE, TRACKING, STAFF = "kbd_", "kbt_", "kbs_"
#: No bearer of anything: a browser that is on its way to sign in elsewhere.
BROWSER = "kbb_"
#: How many points there are on P-256 (FIPS 186-5).
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Keys:
    """Every key of the process, each for one purpose (RFC 5869, HKDF-SHA-256)."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._tracking = self._derive(b"tracking")
        self._bodies = self._derive(b"bodies")
        self._links = self._derive(b"links")
        self._log_in = self._derive(b"log-in")
        self._unsubscribing = self._derive(b"unsubscribing")
        self._confirming = self._derive(b"confirming")
        self._seal = AESGCM(self._derive(b"sealed"))
        self._inviting = self._derive(b"inviting")
        self._handing_over = self._derive(b"handing over")
        self.checkpoints = Ed25519PrivateKey.from_private_bytes(self._derive(b"checkpoints"))

    def _derive(self, purpose: bytes, length: int = 32) -> bytes:
        return HKDF(hashes.SHA256(), length, salt=None, info=b"kerbline " + purpose).derive(
            self._secret
        )

    @cached_property
    def vapid(self) -> ec.EllipticCurvePrivateKey:
        """What push services know us by (RFC 8292); a browser's subscription is bound to it.

        Drawn from more bits than it has, so that no number is likelier than another.
        """
        number = int.from_bytes(self._derive(b"web push", 48), "big") % (P256_ORDER - 1) + 1
        return ec.derive_private_key(number, ec.SECP256R1())

    @cached_property
    def vapid_public_key(self) -> str:
        """Its public half, as ``PushManager.subscribe`` takes it."""
        point = self.vapid.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return _text(point)

    def tracking_token(self, report: UUID) -> str:
        """The token that proves "I reported this". Derived, so that it need not be stored."""
        return TRACKING + _text(hmac.digest(self._tracking, report.bytes, "sha256"))

    def invitation_token(self, invitation: UUID) -> str:
        """What is in a link to set a password. Derived, so that a mail can bring it later."""
        return _text(hmac.digest(self._inviting, invitation.bytes, "sha256"))

    def handover_token(self, handover: UUID) -> str:
        """What is in a link to one job. Derived, so it can be shown again and is not stored."""
        return _text(hmac.digest(self._handing_over, handover.bytes, "sha256"))

    def body_hash(self, body: bytes) -> bytes:
        """A keyed hash of a request body, to tell a repeat from another request."""
        return hmac.digest(self._bodies, body, "sha256")

    def link_signature(self, text: str) -> str:
        """The signature of a link that says for itself who may open it and until when."""
        return _text(hmac.digest(self._links, text.encode(), "sha256"))

    def cursor(self, of: str, place: str) -> str:
        """Where a page of a list ended, signed, so that nobody writes one by hand."""
        return _text(f"{place}/{self._after(of, place)}".encode())

    def read_cursor(self, of: str, cursor: str) -> str:
        """The place in a cursor of that list. Raises CursorRefused for what is none of ours."""
        try:
            text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        except ValueError as error:
            raise CursorRefused from error
        place, _, signature = text.rpartition("/")
        if not hmac.compare_digest(signature, self._after(of, place)):
            raise CursorRefused
        return place

    def _after(self, of: str, place: str) -> str:
        return self.link_signature(f"{of} after {place}")[:16]

    def unsubscribe_token(self, subscription: int) -> str:
        """What is in a mail's link to stop it. Whoever has it may stop these mails, no more."""
        number = subscription.to_bytes(8, "big")
        return _text(number + hmac.digest(self._unsubscribing, number, "sha256")[:24])

    def subscription_of(self, token: str) -> int | None:
        """The subscription that a token is for; None for one that is not ours."""
        try:
            number = int.from_bytes(urlsafe_b64decode(token.encode() + b"=")[:8], "big")
            is_ours = hmac.compare_digest(self.unsubscribe_token(number).encode(), token.encode())
        except ValueError:
            return None
        return number if is_ours else None

    def confirm_token(self, unconfirmed: UUID) -> str:
        """What is in a mail's link to let a report in. Whoever has it may read it and send it."""
        number = unconfirmed.bytes
        return _text(number + hmac.digest(self._confirming, number, "sha256")[:24])

    def unconfirmed_of(self, token: str) -> UUID | None:
        """The report that a token is to let in; None for one that is not ours."""
        try:
            found = UUID(bytes=urlsafe_b64decode(token.encode() + b"==")[:16])
            is_ours = hmac.compare_digest(self.confirm_token(found).encode(), token.encode())
        except ValueError:
            return None
        return found if is_ours else None

    def seal(self, text: bytes, whose: bytes) -> bytes:
        """Encrypted, to be opened by us and in that place only (AES-GCM, a nonce before it)."""
        nonce = secrets.token_bytes(12)
        return nonce + self._seal.encrypt(nonce, text, whose)

    def open_sealed(self, sealed: bytes, whose: bytes) -> bytes:
        """What was sealed. Raises InvalidTag for what was not, or with another secret."""
        return self._seal.decrypt(sealed[:12], sealed[12:], whose)

    def account_hash(self, text: str) -> bytes:
        """A keyed hash of an account name or address, to count tries without keeping either."""
        return hmac.digest(self._log_in, text.encode(), "sha256")


def new_token(prefix: str) -> str:
    """A new random bearer."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored in place of a bearer."""
    return hashlib.sha256(token.encode()).digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
