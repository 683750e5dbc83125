"""How PostgreSQL runs a statement once it is prepared, as it is on the API's connections."""

import re
from collections.abc import Mapping
from typing import Any

from psycopg import AsyncClientCursor

from reporting.runtime import Connection

#: The plan made for the values, and the generic one that the API asks for.
MODES = ("force_custom_plan", "force_generic_plan")


async def plan_of(
    conn: Connection, mode: str, statement: str, values: Mapping[str, Any], *, run: bool = True
) -> dict[str, Any]:
    """The plan in that mode; with ``run``, also what it read."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    text = re.sub(r"%\((\w+)\)s", number, statement)
    await conn.execute(f"set plan_cache_mode = {mode}")
    await conn.execute(f"prepare planned as {text}")
    try:
        cursor = AsyncClientCursor(conn)
        call = f"execute planned ({', '.join('%s' for _ in names)})" if names else "execute planned"
        await cursor.execute(
            f"explain (analyze {run}, format json) {call}", [values[name] for name in names]
        )
        row = await cursor.fetchone()
        found: dict[str, Any] = row[0][0]["Plan"]
        return found
    finally:
        await conn.execute("deallocate planned")
        await conn.execute("reset plan_cache_mode")


def nodes(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every node of a plan."""
    return [plan, *(node for inner in plan.get("Plans", ()) for node in nodes(inner))]


def rows_read(node: Mapping[str, Any]) -> int:
    """How many rows a scan looked at."""
    seen = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int(seen * node["Actual Loops"])
