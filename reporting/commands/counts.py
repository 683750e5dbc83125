"""`counts`: whether the counts on maps and in tables are right, and counting them anew."""

import time
from typing import Annotated

import typer

from reporting.commands.base import command, err, fail, out, running
from reporting.counting import checking, folding
from reporting.queries.counting import AUTHORITY

app = typer.Typer(no_args_is_help=True, help=__doc__)

Slug = Annotated[str | None, typer.Option("--authority", help="Only this one; else all.")]


@app.command("check")
@command
async def check() -> None:
    """Count everything anew beside what is kept, and name each row that differs."""
    began = time.monotonic()
    async with running() as runtime:
        with err.status("Counting anew ..."):
            async with runtime.unit() as conn:
                found = await checking.check(conn)
    for difference in found:
        key = ", ".join(f"{name} {value}" for name, value in difference.key.items())
        out.print(f"{difference.table}: {key}: {difference.what}.", markup=False)
    out.print(f"Counted anew in {time.monotonic() - began:.1f} s.")
    if found:
        fail("The counts are not what reports and jobs say. Run: counts rebuild.")
    out.print("The counts are what reports and jobs say.")


@app.command("rebuild")
@command
async def rebuild(authority: Slug = None) -> None:
    """Count all reports and jobs anew. Maps and tables show the old counts until it is done."""
    began = time.monotonic()
    async with running() as runtime:
        number: int | None = None
        if authority is not None:
            async with runtime.reading() as conn:
                cursor = await conn.execute(AUTHORITY, {"slug": authority})
                row = await cursor.fetchone()
            if row is None:
                fail(f"There is no authority {authority}.")
            number = row[0]
        with err.status("Counting anew ..."):
            async with runtime.unit() as conn:
                jobs = await folding.rebuild(conn, number)
    out.print(f"{jobs} jobs and their reports counted in {time.monotonic() - began:.1f} s.")
