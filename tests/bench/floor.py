"""The floors that intake is measured against: a hello route, and a route that does one INSERT.

The second takes the same body as ``POST /v1/reports``, looks the ward up by the same function and
inserts one row with five indexes, in autocommit, through the same kind of pool.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI, Request
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

from reporting.settings import Settings
from reporting.web.api.reports import ReportIn

TABLE = """
create table if not exists bench_report (
  id uuid primary key default gen_random_uuid(), category text not null references category,
  place geometry(point, 4326) not null, area_id int references area (id), answers jsonb not null,
  words text, created_at timestamptz not null default now());
create index if not exists bench_report_place on bench_report using gist (place);
create index if not exists bench_report_area on bench_report (area_id, created_at);
create index if not exists bench_report_category on bench_report (category, created_at);
create index if not exists bench_report_created on bench_report (created_at);
"""

INSERT = """
insert into bench_report (category, place, area_id, answers, words)
select %(category)s, place, (select min(area_id) from areas_at(place, now()) where kind = 'ward'),
  %(answers)s::jsonb, %(words)s
from (select st_setsrid(st_makepoint(%(lng)s, %(lat)s), 4326) as place) given
returning id, area_id
"""


class Stored(BaseModel):
    """What the floor answers."""

    id: UUID
    area_id: int | None


def make(settings: Settings) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            settings.database_url,
            min_size=8,
            max_size=8,
            open=False,
            kwargs={"autocommit": True, "prepare_threshold": 1, "application_name": "floor"},
        )
        await pool.open()
        app.state.pool = pool
        yield
        await pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/healthz")
    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    @app.post("/raw", status_code=201)
    async def raw(request: Request, body: ReportIn) -> Stored:
        place = body.location
        values = {
            "category": body.category,
            "lng": place and place.lng,
            "lat": place and place.lat,
            "answers": "{}",
            "words": body.description,
        }
        async with request.app.state.pool.connection() as conn:
            row = await (await conn.execute(INSERT, values)).fetchone()
        return Stored(id=row[0], area_id=row[1])

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    uvicorn.run(
        make(Settings()),
        port=parser.parse_args().port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
    )
