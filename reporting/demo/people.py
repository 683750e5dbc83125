"""The staff of the made-up county, of every role, with passwords nobody has seen before."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from argon2 import PasswordHasher
from psycopg.rows import tuple_row

from reporting.accounts import making
from reporting.auth import Staff
from reporting.passwords import Passwords
from reporting.runtime import Connection

#: Short words that are hard to mishear; five of 64 and a number are a password.
WORDS = (
    "amber", "anvil", "arrow", "badge", "basil", "beach", "birch", "brick", "bridge", "brook",
    "cabin", "candle", "castle", "cedar", "chalk", "clover", "cobalt", "copper", "coral", "crane",
    "daisy", "eagle", "ember", "falcon", "fennel", "ferry", "flint", "forest", "garnet", "ginger",
    "granite", "hazel", "heron", "honey", "island", "juniper", "kestrel", "lantern", "lemon",
    "linen", "maple", "meadow", "melon", "nutmeg", "olive", "orchid", "otter", "paddle", "pebble",
    "pepper", "pigeon", "planet", "plum", "puffin", "quarry", "ribbon", "river", "robin",
    "saffron", "spruce", "timber", "tulip", "walnut", "willow",
)  # fmt: skip

#: Role, authority, teams, the name colleagues know.
PEOPLE = (
    ("crew", "merrowshire", ("highways",), "Sam Hollis"),
    ("crew", "merrowshire", ("highways-north", "highways-coast"), "Priya Nair"),
    ("supervisor", "merrowshire", (), "Morag Ferris"),
    ("admin", "merrowshire", (), "Idris Penn"),
    ("auditor", "merrowshire", (), "Ruth Ackland"),
    ("crew", "thornvale", ("street-scene", "parks"), "Dev Sharma"),
    ("supervisor", "thornvale", (), "Alice Thorne"),
    ("crew", "saltmere", ("cleansing", "island-warden"), "Joe Marsh"),
    ("supervisor", "saltmere", (), "Wanda Pryce"),
    ("crew", "trunk-roads", ("trunk-road-patrol",), "Lee Cole"),
    ("supervisor", "trunk-roads", (), "Nia Rowe"),
)

#: A quarter of a second for each account would be felt. The passwords are random, they are for
#: development, and the first log-in hashes them anew as all others are.
QUICK = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)

#: What ``auth`` would find at their next request.
RIGHTS = """
select staff.id, staff.authority_id, authority.slug, authority.name,
  array(select team_id from staff_team where staff_id = staff.id)
from staff join authority on authority.id = staff.authority_id
where staff.id = %(staff)s
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A log-in, and who acts under it."""

    password: str
    staff: Staff


async def hire(conn: Connection, progress: Callable[[str, int, int], None]) -> tuple[Account, ...]:
    """Make the accounts."""
    passwords = Passwords(QUICK)
    found = []
    for done, (role, authority, teams, name) in enumerate(PEOPLE, start=1):
        progress("Hiring staff", done, len(PEOPLE))
        email = f"{name.partition(' ')[0].lower()}@{authority}.example"
        password = new_password()
        account = await making.add(
            conn,
            passwords,
            email=email,
            password=password,
            role=role,
            authority=authority,
            teams=teams,
            name=name,
        )
        async with conn.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(RIGHTS, {"staff": account})
            [(number, authority_id, slug, title, team_ids)] = await cursor.fetchall()
        principal = Staff(
            id=number,
            email=email,
            name=name,
            role=role,
            authority_id=authority_id,
            authority_slug=slug,
            authority_name=title,
            wards=(),
            teams=frozenset(team_ids),
            areas=frozenset(),
        )
        found.append(Account(password, principal))
    return tuple(found)


def new_password() -> str:
    """Five words and a number: 36 bits, and no trouble to type on a tablet."""
    words = "-".join(secrets.choice(WORDS) for _ in range(5))
    return f"{words}-{secrets.randbelow(90) + 10}"
