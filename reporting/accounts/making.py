"""Making an account, and what every account must be."""

import re
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.rows import tuple_row

from reporting import passwords as rules
from reporting.accounts import journal
from reporting.errors import StaffRefused
from reporting.passwords import Passwords
from reporting.queries import accounts as queries
from reporting.roles import ROLES
from reporting.runtime import Connection

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}")


async def add(
    conn: Connection,
    passwords: Passwords,
    *,
    email: str,
    password: str | None,
    role: str,
    authority: str,
    teams: tuple[str, ...] = (),
    wards: tuple[str, ...] = (),
    name: str | None = None,
    actor: str = journal.SYSTEM,
) -> UUID:
    """Make an account; without a password it waits for an invitation to be taken up.

    Raises StaffRefused or PasswordRefused with what to change.
    """
    email = email.strip().lower()
    check_email(email)
    check_place(role, teams, wards)
    name = name or email.partition("@")[0]
    if password is not None:
        rules.check(password, (email, name))
    cursor = conn.cursor(row_factory=tuple_row)
    row = await (await cursor.execute(queries.AUTHORITY, {"slug": authority})).fetchone()
    if row is None:
        raise StaffRefused(f"There is no authority {authority}.")
    team_ids = await find_teams(conn, row[0], authority, teams)
    await check_wards(conn, row[0], authority, wards)
    found = uuid4()
    await cursor.execute(
        queries.ADD,
        {
            "authority": row[0],
            "id": found,
            "email": email,
            "name": name,
            "role": role,
            "wards": list(wards),
            "password_hash": password and await passwords.hash(password),
        },
    )
    if cursor.rowcount == 0:
        raise StaffRefused(f"There is an account for {email} already.")
    await cursor.execute(queries.ADD_TEAMS, {"staff": found, "teams": team_ids})
    await journal.note(
        conn, found, actor, "made", {"role": role, "teams": list(teams), "wards": list(wards)}
    )
    return found


def check_email(email: str) -> None:
    """Raise StaffRefused for what is no address."""
    if not _EMAIL.fullmatch(email):
        raise StaffRefused("That is no e-mail address.")


def check_place(role: str, teams: tuple[str, ...], wards: tuple[str, ...]) -> None:
    """Raise StaffRefused for a role that cannot have these teams or wards."""
    if role not in ROLES:
        raise StaffRefused(f"The roles are {', '.join(ROLES)}.")
    if role == "crew" and not teams:
        raise StaffRefused("A crew works for a team; name one.")
    if role != "crew" and teams:
        raise StaffRefused("Only a crew belongs to teams.")
    if role != "supervisor" and wards:
        raise StaffRefused("Only a supervisor answers for wards.")


async def find_teams(
    conn: Connection, authority: int, slug: str, teams: tuple[str, ...]
) -> list[int]:
    """The numbers of these teams. Raises StaffRefused for one that is not there."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.TEAM_IDS, {"authority": authority, "slugs": list(teams)})
        found = {name: team for team, name in await cursor.fetchall()}
    _all_there("team", slug, teams, found)
    return sorted(found.values())


async def check_wards(conn: Connection, authority: int, slug: str, wards: tuple[str, ...]) -> None:
    """Raise StaffRefused for a ward or division that is not there."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.WARD_CODES, {"authority": authority, "codes": list(wards)})
        found = {code for (code,) in await cursor.fetchall()}
    _all_there("ward or division", slug, wards, found)


def _all_there(
    noun: str, authority: str, named: tuple[str, ...], found: dict[str, Any] | set[str]
) -> None:
    missing = [name for name in named if name not in found]
    if missing:
        raise StaffRefused(f"{authority} has no {noun} {', '.join(missing)}.")
