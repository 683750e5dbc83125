"""The forecasts that the worker made last."""

from datetime import date
from typing import Any

from psycopg.rows import dict_row, tuple_row

from reporting.auth import Action, Principal, scope
from reporting.forecasting import REFUSALS
from reporting.queries import trends as queries
from reporting.runtime import Connection
from routing.rulebook import Rules


async def forecasts(
    conn: Connection,
    rules: Rules,
    principal: Principal,
    *,
    categories: frozenset[str] = frozenset(),
    wards: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """What is expected, of what one answers for. Raises NotSignedIn or NotAllowed."""
    seen = scope(principal, Action.SEE_FIGURES)
    named = [area.id for area in rules.areas.values() if area.code in wards]
    values = {
        "authority": seen.authority,
        "kind": "forecasts",
        "areas": None if seen.areas is None else sorted(seen.areas),
        "categories": sorted(categories) or None,
        "wards": named if wards else None,
    }
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.RUN, values)
        at, facts = await cursor.fetchone() or (None, {})
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.FORECASTS, values)
        rows = await cursor.fetchall()
    return {
        "as_of": at,
        "level": 0.8,
        "backtest": facts.get("backtest"),
        "items": [_forecast(row, rules) for row in rows],
    }


def _forecast(row: dict[str, Any], rules: Rules) -> dict[str, Any]:
    category = rules.categories.get(row["category"])
    area = rules.areas.get(row["area_id"])
    refused = row["refused"]
    return {
        "category": {
            "code": row["category"],
            "name": row["category"] if category is None else category.name,
        },
        "ward": None if area is None else {"code": area.code, "name": area.name},
        "months": [
            {**month, "month": date.fromisoformat(month["month"])} for month in row["months"]
        ],
        "refused": refused and {"code": refused, "detail": REFUSALS[refused]},
        "method": row["method"],
        "backtest": row["backtest"],
        "history": row["history"],
    }
