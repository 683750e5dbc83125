"""What the worker found last: growing places and spots that were fixed again and again."""

from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row, tuple_row

from reporting.auth import Action, Principal, scope
from reporting.queries import trends as queries
from reporting.runtime import Connection
from routing.rulebook import Rules

#: More is no list that anybody reads; the worker keeps no more for an authority.
MOST: Final = 200


async def growing(conn: Connection, rules: Rules, principal: Principal) -> dict[str, Any]:
    """Places that grow, of what one answers for. Raises NotSignedIn or NotAllowed."""
    values = within(principal)
    at, facts = await run(conn, values["authority"], "growing")
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.GROWING, values)
        rows = await cursor.fetchall()
    return {
        "as_of": at,
        **{name: facts.get(name) for name in ("from", "to", "compared_from", "tested", "why_none")},
        "items": [_growing(row, rules) for row in rows],
    }


async def repeats(conn: Connection, rules: Rules, principal: Principal) -> dict[str, Any]:
    """Spots fixed again and again, of what one answers for. Raises NotSignedIn or NotAllowed."""
    values = within(principal)
    at, facts = await run(conn, values["authority"], "repeats")
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.REPEATS, values)
        rows = await cursor.fetchall()
    return {
        "as_of": at,
        **{name: facts.get(name) for name in ("from", "to")},
        "items": [_repeat(row, rules) for row in rows],
    }


def within(principal: Principal) -> dict[str, Any]:
    """What somebody answers for. Raises NotSignedIn or NotAllowed."""
    seen = scope(principal, Action.SEE_FIGURES)
    return {
        "authority": seen.authority,
        "areas": None if seen.areas is None else sorted(seen.areas),
    }


async def run(
    conn: Connection, authority: int, kind: str
) -> tuple[datetime | None, dict[str, Any]]:
    """When it was last looked for, and what was looked at; None when it never was."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.RUN, {"authority": authority, "kind": kind})
        row = await cursor.fetchone()
    return row or (None, {})


def ward(area: int | None, rules: Rules) -> dict[str, str] | None:
    """A ward or division, as others name it."""
    found = rules.areas.get(area) if area else None
    return None if found is None else {"code": found.code, "name": found.name}


def category(code: str, rules: Rules) -> dict[str, str]:
    """A category, as others name it."""
    found = rules.categories.get(code)
    return {"code": code, "name": code if found is None else found.name}


def _place(row: dict[str, Any], rules: Rules) -> dict[str, Any]:
    return {
        "ward": ward(row["area_id"], rules),
        "location": {"lat": row["lat"], "lng": row["lng"]},
        "radius_m": round(row["radius_m"]),
    }


def _growing(row: dict[str, Any], rules: Rules) -> dict[str, Any]:
    return {
        "category": row["category"] and category(row["category"], rules),
        **_place(row, rules),
        "jobs": row["recent"],
        "reports": row["reports"],
        "usual": round(row["usual"], 1),
        "times": round(row["recent"] / row["usual"], 1) if row["usual"] else None,
        "year_before": row["year_before"],
        "score": round(row["score"], 2),
        "q": row["q"],
    }


def _repeat(row: dict[str, Any], rules: Rules) -> dict[str, Any]:
    return {
        "category": category(row["category"], rules),
        **_place(row, rules),
        "fixed": row["fixed"],
        "first_fixed_at": row["first_at"],
        "last_fixed_at": row["last_at"],
        "jobs": [
            {**job, "closed_at": datetime.fromisoformat(job["closed_at"])}
            for job in row["jobs"] or []
        ],
    }
