"""`categories` and `responsibilities`: what can be reported, and whose job it is, from files."""

from pathlib import Path
from typing import Annotated

import typer

from reporting.commands.base import command, fail, out, running
from routing import categories as kinds
from routing import responsibilities as duties
from routing.rulebook import bump

categories = typer.Typer(no_args_is_help=True, help="What can be reported.")
responsibilities = typer.Typer(no_args_is_help=True, help="Which team answers for what.")

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


@categories.callback()
def _categories() -> None:
    """Keep `load` a sub-command while it is the only one."""


@responsibilities.callback()
def _responsibilities() -> None:
    """Keep `load` a sub-command while it is the only one."""


@categories.command("load")
@command
async def load_categories(file: File) -> None:
    """Add or change categories from a JSON FILE; those that are not in it stay as they are."""
    read = kinds.read(_text(file))
    async with running() as runtime, runtime.unit() as conn:
        done = await kinds.store(conn, read)
        await bump(conn)
    for what, codes in (
        ("added", done.added),
        ("changed", done.changed),
        ("unchanged", done.unchanged),
    ):
        if codes:
            out.print(f"{what.capitalize()}: {', '.join(codes)}.", markup=False)


@responsibilities.command("load")
@command
async def load_responsibilities(file: File) -> None:
    """Put the rules of a CSV FILE in the place of all rules of the authorities in it."""
    lines = duties.read(_text(file))
    async with running() as runtime, runtime.unit() as conn:
        done = await duties.replace(conn, lines)
    out.print(
        f"{done.rules} rules of {', '.join(done.authorities)} are in force; they replace"
        f" {done.before}.",
        markup=False,
    )
    if done.ended:
        out.print(
            f"In force no more, so their rules count for the past only: {', '.join(done.ended)}.",
            markup=False,
        )
    if done.teams_made:
        out.print(f"Teams made: {', '.join(done.teams_made)}.", markup=False)


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fail(f"{file} is not UTF-8 (byte {error.start}).")
