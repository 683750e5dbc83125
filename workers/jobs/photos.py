"""Pictures get their derivatives, or are found unreadable."""

import secrets
from collections.abc import Sequence

import structlog

from reporting import outbox, photos, uploads
from reporting.errors import ImageBroken, PhotoGone
from reporting.outbox import Waiting
from reporting.photos import LARGE, ORIGINAL, SMALL, Photo, key_of
from reporting.runtime import Runtime
from workers.darkroom import Darkroom
from workers.jobs.handling import Context, handle

log = structlog.get_logger("kerbline.jobs")


async def develop(ctx: Context, ids: Sequence[int]) -> None:
    """Outbox rows of topic ``photo``. Give it one id at a time: each may take some seconds."""
    await handle(ctx, ids, _develop)


async def forget_photos(ctx: Context) -> None:
    """Hourly: pictures that nobody sent, and what uploads left behind."""
    runtime: Runtime = ctx["runtime"]
    loose = 0
    while True:
        async with runtime.unit() as conn:
            deleted = await photos.delete_loose(conn, runtime.photos)
        loose += deleted
        if not deleted:
            break
    async with runtime.reading() as conn:
        orphans = await photos.delete_orphans(conn, runtime.photos)
    if loose or orphans:
        log.info("photos_forgotten", loose=loose, orphans=orphans)


async def forget_uploads(ctx: Context) -> None:
    """Hourly: what arrived of pictures that nobody went on with."""
    runtime: Runtime = ctx["runtime"]
    forgotten = 0
    while True:
        async with runtime.unit() as conn:
            expired = await uploads.expire(conn, runtime.photos)
        forgotten += expired
        if not expired:
            break
    if forgotten:
        log.info("uploads_forgotten", uploads=forgotten)


async def _develop(ctx: Context, ids: Sequence[int]) -> None:
    runtime: Runtime = ctx["runtime"]
    async with runtime.reading() as conn:
        rows = await outbox.pending(conn, "photo", ids)
    for row in rows:
        await _develop_one(runtime, ctx["darkroom"], row)


async def _develop_one(runtime: Runtime, darkroom: Darkroom, row: Waiting) -> None:
    async with runtime.reading() as conn:
        photo = await photos.find(conn, row.subject)
    if photo is None or photo.state != "stored":  # forgotten, or done before
        async with runtime.unit() as conn:
            await outbox.done(conn, [row.id])
        return
    made = secrets.token_hex(8)
    size = await _make(runtime, darkroom, photo, made)
    async with runtime.unit() as conn:
        if size is None:
            await photos.settle(conn, photo, state="unreadable")
        else:
            await photos.settle(
                conn, photo, state="ready", width=size[0], height=size[1], made=made
            )
        await outbox.done(conn, [row.id])


async def _make(
    runtime: Runtime, darkroom: Darkroom, photo: Photo, name: str
) -> tuple[int, int] | None:
    """Put the derivatives into the store; the size of the upright picture, or None."""
    try:
        made = await darkroom.develop(await runtime.photos.get(photo.key(ORIGINAL)))
    except PhotoGone:
        log.exception("photo_missing_from_store", photo=photo.id)
        return None
    except ImageBroken:
        log.info("photo_unreadable", photo=photo.id)
        return None
    await runtime.photos.put(key_of(photo.object_key, LARGE, name), made.large)
    await runtime.photos.put(key_of(photo.object_key, SMALL, name), made.small)
    return made.width, made.height
