"""`dead-letters`: what was given up, and why."""

from typing import Annotated, Any

import typer
from rich.table import Table

from reporting import outbox
from reporting.commands.base import command, out, running


def dead_letters(
    limit: Annotated[int, typer.Option(help="At most so many, newest first.", min=1)] = 100,
    *,
    revive: Annotated[
        bool, typer.Option("--revive", help="Try the dead outbox rows again from the beginning.")
    ] = False,
) -> None:
    """Show what was tried often enough and given up: outbox rows, and messages.

    A message is not sent again: it would be old news. The reporter sees the update itself.
    """
    _show(limit, revive=revive)


@command
async def _show(limit: int, *, revive: bool) -> None:
    async with running() as runtime, runtime.unit() as conn:
        letters = await outbox.dead_letters(conn, limit=limit)
        revived = await outbox.revive(conn) if revive else 0
    if not letters:
        out.print("There are no dead letters.")
        return
    out.print(_table(letters))
    if revive:
        out.print(f"Revived {revived} of the outbox.")


def _table(letters: list[dict[str, Any]]) -> Table:
    found = Table("what", "id", "topic", "reference", "since", "tries")
    found.add_column("last error", overflow="fold")
    for letter in letters:
        found.add_row(
            letter["what"],
            str(letter["id"]),
            letter["topic"],
            letter["reference"] or "–",
            f"{letter['since']:%Y-%m-%d %H:%M}Z",
            str(letter["attempts"]),
            letter["last_error"] or "–",
        )
    return found
