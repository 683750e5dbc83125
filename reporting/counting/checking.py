"""Whether the counts that are kept are what reports and jobs say."""

from dataclasses import dataclass, replace
from typing import Any, Final

from psycopg.rows import dict_row, tuple_row

from geo.heat.keeping import HEAT
from reporting.counting.facts import FIGURES
from reporting.counting.folding import (
    Target,
    all_jobs,
    count,
    fold_locked,
    one_moment,
)
from reporting.queries import counting as queries
from reporting.runtime import Connection

#: More than so many differences of one table are not named.
NAMED: Final = 100

_TABLES: Final = {
    "counted": ("id", "kind"),
    HEAT.name: tuple(HEAT.key),
    FIGURES.name: tuple(FIGURES.key),
}
_BESIDE: Final = Target(
    f"counted{queries.AGAIN}",
    replace(HEAT, name=HEAT.name + queries.AGAIN),
    replace(FIGURES, name=FIGURES.name + queries.AGAIN),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is kept and should not be, or should be and is not, or says something else."""

    table: str
    key: dict[str, Any]
    what: str


async def check(conn: Connection) -> list[Difference]:
    """Count everything anew beside what is kept, and compare each row. First in its transaction.

    What waits is folded first, so that both are of one moment.
    """
    await one_moment(conn)
    await fold_locked(conn, stale_s=0.0)
    for table in _TABLES:
        await conn.execute(queries.beside(table))
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute("select now()")
        ((now,),) = await cursor.fetchall()
    async for jobs in all_jobs(conn, None):
        await count(conn, jobs, now, anew=True, target=_BESIDE)
    return [found for table, key in _TABLES.items() for found in await _compare(conn, table, key)]


async def _compare(conn: Connection, table: str, key: tuple[str, ...]) -> list[Difference]:
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.differ(table, key), {"limit": NAMED})
        rows = await cursor.fetchall()
    return [
        Difference(
            table,
            {name: row[name] for name in key},
            "is missing" if row["missing"] else "is too much" if row["too_much"] else "is wrong",
        )
        for row in rows
    ]
