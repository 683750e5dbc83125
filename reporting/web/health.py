"""For whoever keeps it running: alive, able to work, and the figures.

Able to work means: PostgreSQL answers and has our schema. Redis and the photo store are told of and
do not count: without them reports are still accepted.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final, Literal, TypeVar

import psycopg
from fastapi import APIRouter, Response
from psycopg_pool import PoolTimeout
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import RedisError

from reporting import metrics
from reporting.photo_store import StoreAway
from reporting.queries.operations import SCHEMA_VERSION
from reporting.runtime import Runtime
from reporting.web.deps import RuntimeDep

#: The newest revision in migrations/versions (a test compares). A newer schema is fine: migrations
#: leave room for the code before them.
SCHEMA: Final = "0005"
#: What is not answered by then is away. Well inside the two seconds that a prober may wait.
PATIENCE_S: Final = 1.2

State = Literal["ok", "away", "old"]
T = TypeVar("T")

router = APIRouter(tags=["operations"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """What of the process's needs is there."""

    ready: bool
    database: State
    redis: State
    photos: State


@router.get("/healthz", operation_id="isAlive")
async def alive() -> Alive:
    """Whether the process answers at all. It asks nobody else."""
    return Alive()


@router.get(
    "/readyz",
    operation_id="isReady",
    response_model=Ready,
    responses={503: {"model": Ready, "description": "Not able to work; try again in a moment."}},
)
async def ready(runtime: RuntimeDep) -> Response:
    """Whether reports can be accepted now."""
    database, redis, photos = await asyncio.gather(
        _within(_database(runtime)), _within(_redis(runtime)), _within(_photos(runtime))
    )
    found = Ready(
        ready=database == "ok",
        database=database or "away",
        redis=redis or "away",
        photos=photos or "away",
    )
    return Response(
        found.model_dump_json(),
        200 if found.ready else 503,
        {} if found.ready else {"Retry-After": "2"},
        media_type="application/json",
    )


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text."}},
)
async def figures(runtime: RuntimeDep) -> Response:
    """Requests of all processes, and what waits in the database."""
    found = await _within(_waiting(runtime))
    return Response(metrics.page(found or []), media_type=metrics.CONTENT_TYPE)


async def _within(look: Coroutine[None, None, T]) -> T | None:
    """What it found, or None after a short while.

    The look is left to end by itself: cancelling a statement on a frozen server would itself wait
    for that server.
    """
    task = asyncio.create_task(look)
    done, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
    return task.result() if done else None


async def _waiting(runtime: Runtime) -> list[metrics.Gauge]:
    try:
        async with runtime.pool.connection(timeout=PATIENCE_S) as conn:
            return await metrics.waiting(conn)
    except (PoolTimeout, psycopg.Error):
        return []


async def _database(runtime: Runtime) -> State:
    try:
        async with runtime.pool.connection(timeout=PATIENCE_S) as conn:
            cursor = await conn.execute(SCHEMA_VERSION)
            row = await cursor.fetchone()
    except psycopg.errors.UndefinedTable:
        return "old"
    except (PoolTimeout, psycopg.OperationalError):
        return "away"
    return "ok" if row and row[0] >= SCHEMA else "old"


async def _redis(runtime: Runtime) -> State:
    client = Redis.from_url(
        runtime.settings.redis_url,
        socket_timeout=PATIENCE_S / 2,
        socket_connect_timeout=PATIENCE_S / 2,
    )
    try:
        await client.ping()
    except (RedisError, OSError):
        return "away"
    finally:
        await client.aclose()
    return "ok"


async def _photos(runtime: Runtime) -> State:
    try:
        await runtime.photos.exists("ready")
    except StoreAway:
        return "away"
    return "ok"
