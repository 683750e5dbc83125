"""The pictures of a plain form: taken in as the API takes them, and kept when the form is not."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from geo.errors import Refusal
from reporting import photos
from reporting.auth import Device, Principal
from reporting.images.headers import inspect
from reporting.language import Language
from reporting.runtime import Runtime
from reporting.web import limits, problems
from reporting.web.body import PHOTO_LIMIT
from reporting.web.pages.form import Fault, Filled

MOST: Final = 3


async def take_in(
    request: Request, runtime: Runtime, filled: Filled, principal: Principal, spoken: Language
) -> tuple[Filled, list[Fault]]:
    """The form with its pictures stored and named; and what is wrong with those that are not."""
    if not filled.files:
        return filled, []
    device = principal.id if isinstance(principal, Device) else None
    kept, faults = list(filled.photos), []
    for file in filled.files:
        try:
            if len(kept) == MOST:
                faults.append(Fault("photo", spoken.say("Three photos are the most; send those.")))
                break
            await limits.count_picture(request, principal)
            kept.append(await _store(runtime, filled.key, file, device))
        except Refusal as refusal:
            faults.append(Fault("photo", problems.said(refusal, spoken), file.filename or ""))
        finally:
            await file.close()
    return filled.having(tuple(dict.fromkeys(kept))), faults


async def _store(
    runtime: Runtime, form: UUID | None, file: UploadFile, device: UUID | None
) -> UUID:
    """Named by the form and the picture's own bytes, so that a form sent twice brings it once."""
    if (file.size or 0) > PHOTO_LIMIT:
        raise PhotoTooLarge
    body = await file.read()
    header = await run_in_threadpool(inspect, body)
    digest = await run_in_threadpool(_digest, body)
    photo = uuid5(form or UUID(int=0), digest.hex())
    async with runtime.reading() as conn:
        if await photos.known(conn, photo, digest):
            return photo
    upload = photos.new_upload(photo, sha256=digest, length=len(body), header=header)
    await runtime.photos.put(upload.original, body)
    async with runtime.unit() as conn:
        await photos.record(conn, upload, device)
    return photo


class PhotoTooLarge(Refusal):
    """The photo is larger than 20 MB. Choose a smaller one."""

    code = "photo-too-large"


def _digest(body: Sequence[int]) -> bytes:
    return sha256(bytes(body)).digest()
