"""What somebody does to the accounts of others. Nobody administers their own.

A supervisor administers the crews of their authority, an admin all of its accounts. So an admin
is always left: whoever disables the others cannot disable themselves.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from psycopg.rows import tuple_row

from reporting.accounts import inviting, journal, making, reading
from reporting.accounts.inviting import Inviting
from reporting.accounts.reading import Account
from reporting.auth import Action, Staff, scope
from reporting.errors import NotAllowed, NotFound, StaffRefused
from reporting.passwords import Passwords
from reporting.queries import accounts as queries
from reporting.runtime import Connection


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an account should be; None leaves it as it is."""

    email: str | None = None
    name: str | None = None
    role: str | None = None
    teams: tuple[str, ...] | None = None
    wards: tuple[str, ...] | None = None
    disabled: bool | None = None


async def make(
    conn: Connection,
    passwords: Passwords,
    how: Inviting,
    who: Staff,
    *,
    email: str,
    name: str,
    wanted: Wanted,
) -> tuple[UUID, str]:
    """A new account and the token of its invitation. Raises NotAllowed and StaffRefused."""
    role = wanted.role or "crew"
    scope(who, Action.CHANGE_STAFF)
    _only_crews(who, role)
    found = await making.add(
        conn,
        passwords,
        email=email,
        password=None,
        role=role,
        authority=who.authority_slug,
        teams=wanted.teams or (),
        wards=wanted.wards or (),
        name=name,
        actor=who.actor,
    )
    return found, await inviting.invite(conn, how, found, who.id, who.actor)


async def invite(conn: Connection, how: Inviting, who: Staff, staff: UUID) -> str:
    """A new link to set a password; the one before is of no use any more."""
    found = await reading.account(conn, who, staff, Action.CHANGE_STAFF)
    if found.disabled_at is not None:
        raise StaffRefused("This account is disabled; enable it first.")
    return await inviting.invite(conn, how, staff, who.id, who.actor)


async def change(conn: Connection, who: Staff, staff: UUID, wanted: Wanted) -> Account:
    """Change an account, and note what changed. Raises NotFound, NotAllowed and StaffRefused."""
    await reading.account(conn, who, staff, Action.CHANGE_STAFF)
    await _alone(conn, who, staff)
    before = await reading.account(conn, who, staff, Action.CHANGE_STAFF)
    teams = tuple(team["slug"] for team in before.teams)
    role = wanted.role or before.role
    # Teams are a crew's and wards a supervisor's: those of the role before go with it.
    if wanted.teams is None and role != "crew":
        wanted = replace(wanted, teams=())
    if wanted.wards is None and role != "supervisor":
        wanted = replace(wanted, wards=())
    after: dict[str, Any] = {
        "email": before.email if wanted.email is None else wanted.email.strip().lower(),
        "name": before.name if wanted.name is None else wanted.name,
        "role": role,
        "teams": list(teams if wanted.teams is None else wanted.teams),
        "wards": list(before.wards if wanted.wards is None else wanted.wards),
    }
    _only_crews(who, role)
    was: dict[str, Any] = {**asdict(before), "teams": list(teams)}
    changed = {name: [was[name], value] for name, value in after.items() if was[name] != value}
    if changed:
        await _write(conn, who, before, after)
        await journal.note(conn, staff, who.actor, "changed", changed)
    if wanted.disabled is not None and wanted.disabled != (before.disabled_at is not None):
        await (disable if wanted.disabled else enable)(conn, staff, who.actor, who.id)
    found = await reading.one(conn, staff)
    if found is None:
        raise NotFound
    return found


async def disable(conn: Connection, staff: UUID, actor: str, by: UUID | None) -> None:
    """From the next request on nobody is let in by it, and its tablets are told to forget."""
    await conn.execute(queries.DISABLE, {"staff": staff})
    await conn.execute(queries.REVOKE_ALL, {"staff": staff, "by": by})
    await conn.execute(queries.FORGET_INVITATIONS, {"staff": staff})
    await journal.note(conn, staff, actor, "disabled")


async def enable(conn: Connection, staff: UUID, actor: str, by: UUID | None) -> None:  # noqa: ARG001
    """Let it sign in again; its sessions stay revoked."""
    await conn.execute(queries.ENABLE, {"staff": staff})
    await journal.note(conn, staff, actor, "enabled")


async def switch(conn: Connection, email: str, *, disabled: bool) -> Account:
    """Disable or enable by the command line. Raises StaffRefused for the last admin too."""
    found = await reading.by_email(conn, email)
    if found is None:
        raise StaffRefused(f"There is no account {email}.")
    if disabled and await _admins(conn, found.authority_id) == [found.id]:
        raise StaffRefused("This is the last admin; make another first.")
    if disabled != (found.disabled_at is not None):
        await (disable if disabled else enable)(conn, found.id, journal.SYSTEM, None)
    return found


async def revoke(conn: Connection, who: Staff, session: UUID) -> None:
    """End somebody's session for good: what is kept on that device goes when it next calls."""
    scope(who, Action.SEE_STAFF)
    staff = await reading.owner_of(conn, session)
    await reading.account(conn, who, staff, Action.CHANGE_STAFF)
    await end_session(conn, staff, session, who)


async def end_session(conn: Connection, staff: UUID, session: UUID, who: Staff) -> None:
    """Revoke one of an account's sessions. Raises NotFound for one that has ended."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        of = {"session": session, "staff": staff, "by": who.id}
        await cursor.execute(queries.REVOKE, of)
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    await journal.note(conn, staff, who.actor, "session_revoked", {"device": row[0]})


async def reset_totp(conn: Connection, who: Staff, staff: UUID) -> None:
    """For somebody who lost their phone: the password alone lets them in again."""
    await reading.account(conn, who, staff, Action.CHANGE_STAFF)
    cursor = await conn.execute(queries.END_TOTP, {"staff": staff})
    if cursor.rowcount:
        await journal.note(conn, staff, who.actor, "second_factor_reset")


def _only_crews(who: Staff, role: str) -> None:
    if who.role != "admin" and role != "crew":
        raise NotAllowed("A supervisor makes and changes the accounts of crews.")


async def _alone(conn: Connection, who: Staff, staff: UUID) -> None:
    """Let nobody else change it meanwhile, nor take away the rights by which this is done."""
    if who.role == "admin" and who.id not in await _admins(conn, who.authority_id):
        raise NotAllowed
    await conn.execute(queries.LOCK, {"staff": staff})


async def _admins(conn: Connection, authority: int) -> list[UUID]:
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.ADMINS, {"authority": authority})
        return [admin for (admin,) in await cursor.fetchall()]


async def _write(conn: Connection, who: Staff, before: Account, after: dict[str, Any]) -> None:
    teams, wards = tuple(after["teams"]), tuple(after["wards"])
    making.check_email(after["email"])
    making.check_place(after["role"], teams, wards)
    place = (conn, who.authority_id, who.authority_slug)
    team_ids = await making.find_teams(*place, teams)
    await making.check_wards(*place, wards)
    cursor = await conn.execute(queries.CHANGE, {**after, "staff": before.id})
    if cursor.rowcount == 0:
        raise StaffRefused(f"There is an account for {after['email']} already.")
    await conn.execute(queries.FORGET_TEAMS, {"staff": before.id})
    await conn.execute(queries.ADD_TEAMS, {"staff": before.id, "teams": team_ids})
