"""Pictures get their copies, are filled as staff say, and are forgotten when their time is over."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

import structlog

from reporting import outbox, photos, sweeping, uploads
from reporting.errors import ImageBroken, PhotoGone
from reporting.outbox import Waiting
from reporting.photos import (
    AUTO_OK,
    CLEAR,
    LARGE,
    NEEDS_CHECK,
    ORIGINAL,
    SIZES,
    SMALL,
    Made,
    Photo,
    key_of,
)
from reporting.runtime import Runtime
from workers.darkroom import Darkroom
from workers.gallery import Gallery, Hanging, NotFilled
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
            deleted = await sweeping.delete_loose(conn, runtime.photos)
        loose += deleted
        if not deleted:
            break
    async with runtime.reading() as conn:
        orphans = await sweeping.delete_orphans(conn, runtime.photos)
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


async def forget_originals(ctx: Context) -> None:
    """Hourly: what shows faces, of jobs that were closed long ago."""
    runtime: Runtime = ctx["runtime"]
    older_than = timedelta(days=runtime.settings.originals_days)
    total = 0
    while True:
        async with runtime.unit() as conn:
            deleted = await sweeping.delete_originals(conn, runtime.photos, older_than)
        total += deleted
        if not deleted:
            break
    if total:
        log.info("originals_forgotten", photos=total)


async def _develop(ctx: Context, ids: Sequence[int]) -> None:
    runtime: Runtime = ctx["runtime"]
    async with runtime.reading() as conn:
        rows = await outbox.pending(conn, "photo", ids)
    for row in rows:
        await _develop_one(ctx, row)


async def _develop_one(ctx: Context, row: Waiting) -> None:
    runtime: Runtime = ctx["runtime"]
    async with runtime.reading() as conn:
        photo = await photos.find(conn, row.subject)
    if photo is None or photo.state != "stored":  # forgotten, or done before
        async with runtime.unit() as conn:
            await outbox.done(conn, [row.id])
        return
    made = await (_refill(ctx, photo) if photo.reviewed_at else _make(ctx, photo))
    async with runtime.unit() as conn:
        is_new = await photos.settle(conn, photo, made)
        await outbox.done(conn, [row.id])
    # Only now: until this is committed, the old copies are the ones to show. What a crash leaves
    # behind has no row, and is swept away with the orphans.
    useless = photo.made if is_new else made and made.made
    if useless:
        for size in SIZES:
            await runtime.photos.delete(key_of(photo.object_key, size, useless))
    if not is_new:
        await _leave_nothing(runtime, photo)


async def _leave_nothing(runtime: Runtime, photo: Photo) -> None:
    """A picture that was forgotten while we worked on it is gone from the store too, at once."""
    async with runtime.reading() as conn:
        now = await photos.find(conn, photo.id)
    if now is None or now.object_key != photo.object_key:
        await sweeping.delete_bytes(runtime.photos, photo.object_key, photo.made)


async def _make(ctx: Context, photo: Photo) -> Made | None:
    """Put its copies into the store. None for a picture that cannot be opened."""
    runtime: Runtime = ctx["runtime"]
    darkroom: Darkroom = ctx["darkroom"]
    try:
        developed = await darkroom.develop(await runtime.photos.get(photo.key(ORIGINAL)))
    except PhotoGone:
        log.exception("photo_missing_from_store", photo=photo.id)
        return None
    except ImageBroken:
        log.info("photo_unreadable", photo=photo.id)
        return None
    await runtime.photos.put(photo.key(CLEAR), developed.clear)
    hanging = await _looked_at(ctx, photo, developed.clear)
    name = None
    if hanging:
        large, small = hanging.large or developed.clear, hanging.small or developed.small
        name = await _put(runtime, photo, large, small)
    return Made(
        width=developed.width,
        height=developed.height,
        review=AUTO_OK if hanging and hanging.sure else NEEDS_CHECK,
        regions=hanging.regions if hanging else (),
        made=name,
        phash=developed.likeness,
        facts=developed.facts,
    )


async def _looked_at(ctx: Context, photo: Photo, clear: bytes) -> Hanging | None:
    """What was found in it. None if the finder failed: then nobody sees it but who may anyway."""
    gallery: Gallery = ctx["gallery"]
    try:
        return await gallery.find(clear)
    except NotFilled:
        log.warning("photo_not_looked_at", photo=photo.id)
        return None


async def _refill(ctx: Context, photo: Photo) -> Made | None:
    """Put copies into the store that are filled as staff said."""
    runtime: Runtime = ctx["runtime"]
    gallery: Gallery = ctx["gallery"]
    try:
        source = await runtime.photos.get(photo.key(CLEAR))
    except PhotoGone:
        # Its time is over. What was filled before stays so.
        source = await runtime.photos.get(photo.key(LARGE))
    large, small = await gallery.fill(source, photo.filled)
    return photos.again(photo, await _put(runtime, photo, large, small))


async def _put(runtime: Runtime, photo: Photo, large: bytes, small: bytes) -> str:
    """The name of a new set of copies."""
    name = secrets.token_hex(8)
    await runtime.photos.put(key_of(photo.object_key, LARGE, name), large)
    await runtime.photos.put(key_of(photo.object_key, SMALL, name), small)
    return name
