"""`authority`: the councils and highway bodies."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from geo.errors import AuthorityRefused
from reporting import authorities
from reporting.authorities import NewAuthority
from reporting.commands.base import command, out, running
from reporting.statistics import sizes

app = typer.Typer(no_args_is_help=True, help="The councils and highway bodies.")


@app.command("add")
@command
async def add(
    slug: Annotated[str, typer.Option(help="Its short name in addresses and files: west-mere.")],
    name: Annotated[str, typer.Option(help="Its name as people know it.")],
    tier: Annotated[str, typer.Option(help="unitary, county, district or national.")],
    code: Annotated[str | None, typer.Option(help="Its official code, like E10000025.")] = None,
    members: Annotated[str, typer.Option(help="Slugs of a county's districts, with commas.")] = "",
    timezone: Annotated[str, typer.Option(help="Where its days begin.")] = "Europe/London",
    calendar: Annotated[
        str | None, typer.Option(help="Its public holidays: GB-ENG, GB-WLS, GB-SCT, GB-NIR, IE …")
    ] = None,
    fallback_team: Annotated[
        str | None, typer.Option(help="Gets what no rule gives to another (SLUG-triage).")
    ] = None,
) -> None:
    """Add a council or highway body, with its fallback team."""
    new = NewAuthority(
        slug=slug,
        name=name,
        tier=tier,
        code=code,
        members=tuple(filter(None, (member.strip() for member in members.split(",")))),
        timezone=timezone,
        calendar=calendar,
        fallback_team=fallback_team,
    )
    async with running() as runtime, runtime.unit() as conn:
        await authorities.add(conn, new)
    out.print(f"Added {tier} {slug}, {name}.", markup=False)


@app.command("calendar")
@command
async def calendar(
    slug: Annotated[str, typer.Argument(help="Its short name.")],
    code: Annotated[str, typer.Argument(help="GB-ENG, GB-WLS, GB-SCT, GB-NIR, IE …")],
) -> None:
    """Say whose public holidays a council keeps; what is due already stays as it is."""
    async with running() as runtime, runtime.unit() as conn:
        await authorities.keep_calendar(conn, slug, code)
    out.print(f"{slug} keeps the public holidays of {code}.", markup=False)


@app.command("sizes")
@command
async def load_sizes(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
) -> None:
    """Load how many live in each ward, and how large it is, from a CSV FILE.

    Columns: authority, code, residents, km2. Figures are then told per 1,000 residents, too.
    """
    try:
        lines = sizes.read(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise AuthorityRefused("The file is not UTF-8 text.") from error
    async with running() as runtime, runtime.unit() as conn:
        rules = await runtime.router.current(conn)
        stored = await sizes.store(conn, rules, lines, datetime.now(UTC).date())
    out.print(f"{stored} wards have their sizes.", markup=False)
