"""`staff`: the accounts of a council's own people."""

import sys
from typing import Annotated

import typer

from reporting.accounts import making
from reporting.commands.base import command, fail, out, running
from reporting.passwords import Passwords

app = typer.Typer(no_args_is_help=True, help="The accounts of a council's own people.")


@app.callback()
def _group() -> None:
    """Keep `add` a sub-command while it is the only one."""


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


def _password() -> str:
    if sys.stdin.isatty():
        answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        fail("Give the password on standard input.")
    return line
