"""The real stack for every test: a migrated PostGIS database for each process, and Redis.

``./dev test`` sets the two URLs. The template is migrated once for each state of ``migrations/``
and cloned; between tests the rows are deleted.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import structlog
from fastapi import FastAPI
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from redis.asyncio import Redis
from starlette.routing import BaseRoute

from reporting.app import create_app
from reporting.runtime import API_TIMEOUTS, Connection, Runtime, open_runtime
from reporting.settings import Settings
from tests.support.browser import browser, site
from tests.support.county import County
from tests.support.scratch import ROOT, Database, scratch

# By default a traceback is painted with the values of every frame, which takes up to half a minute.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

#: Fixtures for every test.
__all__ = ["browser", "site"]


def process_name(request: pytest.FixtureRequest) -> str:
    """``gw0``, ``gw1`` … under xdist, ``main`` without it."""
    given = getattr(request.config, "workerinput", None)
    return str(given["workerid"]) if given else "main"


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database of this test process."""
    with scratch(process_name(request)) as found:
        with psycopg.connect(found.admin_url, autocommit=True) as conn:
            conn.execute(AS_TESTED)
        yield found


#: Deleting is quick while the tables are small. What a test of many rows leaves is cut off: holes
#: and swollen indexes would decide about the plans of the tests after it.
EMPTY = """
set session_replication_role = replica;
do $$
declare
  names text[] := (select array_agg(tablename) from pg_tables where schemaname = 'public'
    and tablename not in ('alembic_version', 'spatial_ref_sys'));
  name text;
begin
  if (select max(pg_total_relation_size(each::regclass)) from unnest(names) each) > 1e6 then
    execute 'truncate ' || array_to_string(names, ', ');
  else
    foreach name in array names loop
      execute format('delete from %I', name);
    end loop;
  end if;
end $$;
insert into rulebook (id, version) values (1, 1);
"""
#: Nobody pulls the plug (what `faults` kills is a server of its own). Statistics come from the
#: tests that ask for them, and not when the server finds the time.
AS_TESTED = """
do $$
declare name text;
begin
  execute format('alter database %I set synchronous_commit = off', current_database());
  for name in select tablename from pg_tables
    where schemaname = 'public' and tablename <> 'spatial_ref_sys'
  loop
    execute format('alter table %I set (autovacuum_enabled = off)', name);
  end loop;
end $$
"""


#: What a test may have left in its session.
AS_NEW = "reset all; unlisten *; select pg_advisory_unlock_all()"


@pytest.fixture(scope="session")
async def kept() -> AsyncIterator[list[Connection]]:
    """The administrator's connection between tests: a new one has everything to learn again."""
    found: list[Connection] = []
    yield found
    for conn in found:
        await conn.close()


@pytest.fixture
async def owner(database: Database, kept: list[Connection]) -> AsyncIterator[Connection]:
    """A connection as the administrator, on an empty database."""
    conn = kept.pop() if kept else None
    if conn is None or conn.closed:
        conn = await AsyncConnection.connect(database.admin_url, autocommit=True)
    await conn.execute(AS_NEW)
    await conn.execute(EMPTY)
    await conn.execute("set session_replication_role = origin")
    yield conn
    if conn.info.transaction_status is TransactionStatus.IDLE:
        kept.append(conn)
    else:
        await conn.close()


@pytest.fixture
def settings(database: Database, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a development process on this test's database and Redis database."""
    worker_id = process_name(request)
    number = int(worker_id.removeprefix("gw")) + 2 if worker_id.startswith("gw") else 1
    redis = urlsplit(os.environ["KERBLINE_TEST_REDIS_URL"])._replace(path=f"/{number}").geturl()
    return Settings(
        database_url=database.url,
        redis_url=redis,
        photo_store=str(tmp_path / "photos"),
        secret_key="a key for tests only, of more than 32 bytes",
        environment="development",
        public_url="http://testserver",
        limits="off",
        pool_size=3,
    )


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    """This test's Redis database, empty."""
    client: Redis = Redis.from_url(settings.redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def runtime(owner: Connection, redis: Redis, settings: Settings) -> AsyncIterator[Runtime]:
    """A process's belongings, on an empty database."""
    async with open_runtime(settings, timeouts=API_TIMEOUTS, application="kt") as found:
        yield found


@pytest.fixture
async def county(owner: Connection) -> County:
    """A two-tier county of square wards with teams and rules; see tests/support/county.py."""
    found = County(owner)
    await found.build()
    return found


#: Of the first application.
ROUTES: list[BaseRoute] = []


def share_routes(app: FastAPI) -> None:
    """Let it know its routes from the first: FastAPI works them out at an application's start."""
    if ROUTES:
        both = zip(ROUTES, app.router.routes, strict=True)
        app.router.routes[:] = [old if is_included(new) else new for old, new in both]
    else:
        ROUTES.extend(app.router.routes)


def is_included(route: BaseRoute) -> bool:
    """A whole router of ours; what FastAPI adds by itself belongs to its application."""
    return hasattr(route, "original_router")


@pytest.fixture
async def app(owner: Connection, redis: Redis, settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, started."""
    found = create_app(settings)
    share_routes(found)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(found.router.lifespan_context(found))
        yield found


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of the application. Server errors are answers, as they are outside."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as found:
        yield found


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data, which is not part of the product."""
    path = Path(os.environ.get("KERBLINE_DATA_DIR", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"the real data is not here ({path}); set KERBLINE_DATA_DIR")
    return path
