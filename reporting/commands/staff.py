"""`staff`: the accounts of a council's own people."""

import sys
from typing import Annotated

import typer

from reporting.accounts import administering, making, reading
from reporting.commands.base import command, fail, out, running
from reporting.passwords import Passwords

app = typer.Typer(no_args_is_help=True, help="The accounts of a council's own people.")


@app.command("add")
def add(
    email: Annotated[str, typer.Option(help="The name to log in with.")],
    role: Annotated[str, typer.Option(help="crew, supervisor, admin or auditor.")],
    authority: Annotated[str, typer.Option(help="The slug of their authority.")],
    team: Annotated[
        list[str] | None, typer.Option(help="The slug of a crew's team; may be repeated.")
    ] = None,
    wards: Annotated[
        str, typer.Option(help="Ward or division codes of a supervisor, with commas; none: all.")
    ] = "",
    name: Annotated[str | None, typer.Option(help="As colleagues know them.")] = None,
) -> None:
    """Make an account; the password is the first line of standard input."""
    password = _password()
    _add(email, password, role, authority, team or [], wards, name)


@command
async def _add(
    email: str,
    password: str,
    role: str,
    authority: str,
    teams: list[str],
    wards: str,
    name: str | None,
) -> None:
    async with running() as runtime, runtime.unit() as conn:
        await making.add(
            conn,
            Passwords(),
            email=email,
            password=password,
            role=role,
            authority=authority,
            teams=tuple(dict.fromkeys(teams)),
            wards=tuple(dict.fromkeys(filter(None, (code.strip() for code in wards.split(","))))),
            name=name,
        )
    out.print(f"Added {role} {email.lower()} of {authority}.", markup=False)


@app.command("list")
def show(
    authority: Annotated[str | None, typer.Option(help="Only of this authority.")] = None,
) -> None:
    """The accounts: address, role, authority, and whether they are disabled."""
    _list(authority)


@command
async def _list(authority: str | None) -> None:
    async with running() as runtime, runtime.reading() as conn:
        for line in await reading.lines(conn, authority):
            out.print(line, markup=False, highlight=False)


@app.command("disable")
def disable(email: Annotated[str, typer.Argument(help="The name to log in with.")]) -> None:
    """End an account's sessions at once and let nobody in by it."""
    _switch(email, disabled=True)


@app.command("enable")
def enable(email: Annotated[str, typer.Argument(help="The name to log in with.")]) -> None:
    """Let a disabled account sign in again."""
    _switch(email, disabled=False)


@command
async def _switch(email: str, *, disabled: bool) -> None:
    async with running() as runtime, runtime.unit() as conn:
        found = await administering.switch(conn, email, disabled=disabled)
    out.print(f"{'Disabled' if disabled else 'Enabled'} {found.email}.", markup=False)


def _password() -> str:
    if sys.stdin.isatty():
        answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        fail("Give the password on standard input.")
    return line
