"""`demo`: the made-up county, for an empty database in development."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reporting import demo as county
from reporting.commands.base import command, err, out, running
from reporting.demo.people import Account


@command
async def demo() -> None:
    """Load the made-up county into an empty database: councils, staff and a year of reports."""
    async with running() as runtime:
        with _counting() as progress:
            loaded = await county.load(runtime, progress)
    log_ins = _log_ins(loaded.accounts)
    folder = os.environ.get("KERBLINE_INSTANCE")
    if folder:
        _keep(Path(folder) / "demo-logins.txt", log_ins)
    out.print(
        f"Merrowshire is there: {loaded.wards} wards, {loaded.reports} reports on {loaded.jobs}"
        f" jobs, {loaded.updates} updates by its staff."
    )
    out.print(log_ins, markup=False)


@contextmanager
def _counting() -> Iterator[county.Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as bar:
        task = bar.add_task("Drawing the county", total=None)

        def told(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield told


def _log_ins(accounts: tuple[Account, ...]) -> str:
    lines = [
        (
            f"{account.staff.role:<10}  {account.staff.authority_name:<26}",
            f"{account.staff.email:<25}  {account.password}",
        )
        for account in accounts
    ]
    return "\n".join("  ".join(line) for line in lines)


def _keep(path: Path, text: str) -> None:
    """Write it where only its owner reads it, whatever was there before."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
