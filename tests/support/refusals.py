"""What every refusal must be: one clear problem, an untouched database, nothing repeated.

``Doorway`` sends a request, looks at the answer and at every table before and after. It collects
what is wrong instead of stopping, so that one run of a long list shows all of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import orjson
from psycopg.rows import tuple_row

from reporting.runtime import Connection

PROBLEM = "application/problem+json"
#: Put into hostile values; an answer that holds it repeated what was sent.
MARK = "Xq7Zecho"


async def state(conn: Connection) -> dict[str, tuple[int, int]]:
    """For every table: how many rows, and a sum over what they hold."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            "select tablename from pg_tables where schemaname = 'public'"
            " and tablename not in ('spatial_ref_sys', 'alembic_version') order by 1"
        )
        names = [name for (name,) in await cursor.fetchall()]
        await cursor.execute(
            " union all ".join(
                f"select '{name}', count(*), coalesce(sum(hashtext(t::text)), 0) from {name} t"
                for name in names
            )
        )
        return {name: (rows, total) for name, rows, total in await cursor.fetchall()}


@dataclass
class Doorway:
    """Sends what should be refused."""

    client: httpx.AsyncClient
    owner: Connection
    wrong: list[str] = field(default_factory=list)

    async def refused(
        self, name: str, request: httpx.Request, status: int, code: str | None = None
    ) -> dict[str, Any]:
        """Send it; note everything that is not as a refusal should be. Gives the problem."""
        before = await state(self.owner)
        answer = await self.client.send(request)
        after = await state(self.owner)
        for what in self._faults(answer, status, code):
            self.wrong.append(f"{name}: {what}")
        if before != after:
            changed = [table for table in after if before[table] != after[table]]
            self.wrong.append(f"{name}: changed {changed} (answer {answer.status_code})")
        try:
            found = answer.json()
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _faults(self, answer: httpx.Response, status: int, code: str | None) -> Iterator[str]:
        if answer.status_code != status:
            yield f"status {answer.status_code}, not {status}: {answer.text[:110]}"
            return
        if answer.headers.get("content-type") != PROBLEM:
            yield f"is {answer.headers.get('content-type')}"
            return
        found = answer.json()
        missing = {"type", "title", "status", "detail", "code"} - found.keys()
        if missing:
            yield f"lacks {missing}"
            return
        if found["status"] != status or found["type"] != f"/problems/{found['code']}":
            yield f"says {found['status']} {found['type']}"
        if code is not None and found["code"] != code:
            yield f"code {found['code']}, not {code}"
        if not found["detail"].strip().endswith((".", "?")):
            yield f"is no sentence: {found['detail']}"
        if MARK.lower() in answer.text.lower():
            yield f"repeats what was sent: {answer.text[:300]}"
        if "traceback" in answer.text.lower() or "psycopg" in answer.text.lower():
            yield f"shows its inside: {answer.text[:300]}"
        if found["code"] == "invalid" and not found.get("errors") and "errors" in found:
            yield "says invalid and not what"

    def report(
        self, body: bytes | dict[str, Any], key: str | None = None, **headers: str
    ) -> httpx.Request:
        """A POST of a report, with a key of its own."""
        content = body if isinstance(body, bytes) else dumps(body)
        return self.client.build_request(
            "POST",
            "/v1/reports",
            content=content,
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": key or str(uuid4()),
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )

    def get(self, path: str, **params: Any) -> httpx.Request:
        """A GET."""
        return self.client.build_request("GET", path, params=params or None)


def dumps(value: Any) -> bytes:
    """JSON as the phones write it."""
    return orjson.dumps(value)


@contextmanager
def all_refused(client: httpx.AsyncClient, owner: Connection) -> Iterator[Doorway]:
    """A doorway; fails at the end with everything it noted."""
    door = Doorway(client, owner)
    yield door
    assert not door.wrong, "\n" + "\n".join(door.wrong)
