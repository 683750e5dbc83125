"""Push messages to phones, through firebase-admin's own ``messaging``.

One ``Fcm`` for each process and loop: the SDK binds its HTTP client to the first loop it meets.
What Google answers becomes one of four outcomes; the caller decides what follows. Only
UNREGISTERED, spelt out in FCM's own error detail, ends an address: a bare 404 is a wrong URL, and
400 a message or token we got wrong.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any, Final
from uuid import uuid4

import firebase_admin
import structlog
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request

from workers.messages import TIME_TO_LIVE_S, Gone, Later, Outcome, Push, Refused, Sent

#: The SDK's default is two minutes. Within one send it repeats 500 and 503 four times, over 7 s.
HTTP_TIMEOUT_S: Final = 6.0
#: All of one send, a new bearer and the SDK's repeats included.
SEND_TIMEOUT_S: Final = 15.0
#: After refused credentials nobody asks again for so long: every message would.
REFUSED_S: Final = 5.0

# The SDK's HTTP client asks for it several times for each message, to tell asyncio from trio.
# Looking for it all over the path in vain is a fifth of the cost of a message.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

log = structlog.get_logger("kerbline.push")


class Fcm:
    """Firebase Cloud Messaging."""

    def __init__(self, app: firebase_admin.App) -> None:
        self._app = app
        self._credential = app.credential.get_credential()
        # The token endpoint is asked by a blocking call; the SDK would give it two minutes.
        self._ask = partial(Request(), timeout=HTTP_TIMEOUT_S)
        self._refreshing = asyncio.Lock()
        self._refused: tuple[float, GoogleAuthError] | None = None

    async def send(self, message: Push) -> Outcome:
        """Send one message, and say what came of it. Raises nothing that a gateway can cause."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._refresh()
                answer = await messaging.send_each_async([encode(message)], app=self._app)
        except TimeoutError:
            return Later("no answer in time")
        except GoogleAuthError as error:
            return Later(f"credentials: {type(error).__name__}")
        except exceptions.FirebaseError as error:
            return outcome(error)
        except ValueError as error:  # the SDK's own check: not even a token
            return Refused(f"malformed: {type(error).__name__}")
        (response,) = answer.responses
        return Sent() if response.success else outcome(response.exception)

    async def _refresh(self) -> None:
        """Fetch a bearer before it is needed, off the loop; once, however many wait for it."""
        if self._credential.valid:
            return
        async with self._refreshing:
            if self._credential.valid:
                return
            now = asyncio.get_running_loop().time()
            if self._refused and now < self._refused[0]:
                raise self._refused[1].with_traceback(None)
            try:
                await asyncio.to_thread(self._credential.refresh, self._ask)
            except GoogleAuthError as error:
                self._refused = now + REFUSED_S, error
                _log_credentials(error)
                raise


@asynccontextmanager
async def open_fcm(credentials_file: str | None, endpoint: str) -> AsyncIterator[Fcm | None]:
    """Firebase as the settings say; None when there are no credentials."""
    if credentials_file is None:
        log.warning("push_not_configured", hint="set KERBLINE_FIREBASE_CREDENTIALS")
        yield None
        return
    app = firebase_admin.initialize_app(
        credentials.Certificate(credentials_file),
        {"httpTimeout": HTTP_TIMEOUT_S},
        name=f"kerbline-{uuid4()}",
    )
    service = messaging._get_messaging_service(app)  # noqa: SLF001 - there is no public way to point it elsewhere, or to close it
    if endpoint:
        service._fcm_url = f"{endpoint.rstrip('/')}/v1/projects/{app.project_id}/messages:send"  # noqa: SLF001 - the same
    try:
        yield Fcm(app)
    finally:
        await service._async_client.aclose()  # noqa: SLF001 - the same
        # It wants to run a loop of its own to close what is closed by now.
        await asyncio.to_thread(firebase_admin.delete_app, app)


def encode(message: Push) -> messaging.Message:
    """As Firebase takes it. A later message about a job replaces an earlier one on the screen.

    ``update`` lets an app show each update once, however often the message arrives.
    """
    job = str(message.job_id)
    return messaging.Message(
        token=message.address,
        notification=messaging.Notification(message.notice.title, message.notice.body),
        data={
            "update": str(message.update_id),
            "job": job,
            "report": str(message.report_id),
            "reference": message.reference,
            "status": message.status,
        },
        android=messaging.AndroidConfig(
            collapse_key=job,
            priority="high",
            ttl=TIME_TO_LIVE_S,
            notification=messaging.AndroidNotification(tag=job),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-collapse-id": job},
            payload=messaging.APNSPayload(messaging.Aps(thread_id=job)),
        ),
    )


def outcome(error: exceptions.FirebaseError) -> Outcome:
    """What an answer of the gateway means for the address and the message."""
    name = _name(error)
    if isinstance(error, messaging.UnregisteredError):
        return Gone()
    if isinstance(error, exceptions.InvalidArgumentError):
        return Refused(name)
    if isinstance(error.cause, GoogleAuthError):  # the SDK refreshes by itself on a 401
        _log_credentials(error.cause)
        return Later(f"credentials: {type(error.cause).__name__}")
    if isinstance(
        error,
        exceptions.UnauthenticatedError
        | exceptions.PermissionDeniedError
        | exceptions.NotFoundError,
    ):
        # A wrong project, key or URL makes this for every message: nobody's address is to blame.
        log.error("push_refused", error=name, hint="check KERBLINE_FIREBASE_CREDENTIALS")
    return Later(name, _retry_after(error))


def _log_credentials(error: BaseException) -> None:
    log.error(
        "push_credentials_refused",
        error=type(error).__name__,
        hint="check KERBLINE_FIREBASE_CREDENTIALS",
    )


def _name(error: exceptions.FirebaseError) -> str:
    """The error without its message, which may repeat what was sent."""
    return f"{type(error).__name__} {error.code}"


def _retry_after(error: exceptions.FirebaseError) -> float | None:
    """Seconds the gateway asked us to wait. Google sends them as a number."""
    response: Any = error.http_response
    asked = "" if response is None else response.headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() else None
