"""A small two-tier county for tests, straight in SQL: squares whose answers can be told by eye.

Two districts, west and east, of two wards each, side by side along the 52nd parallel:

    lng  -1.00      -0.98      -0.96      -0.94      -0.92
           | west/W1  | west/W2  | east/E1  | east/E2  |      lat 52.00 to 52.02

The county answers for potholes (team ``highways``), the districts for fly-tipping (``cleansing``);
each authority has its fallback team. Division D1 is the west, D2 the east.
"""

import json
from dataclasses import dataclass, field

from reporting.runtime import Connection
from routing.categories import SHIPPED

SIDE = 0.02
SOUTH = 52.0
WARDS = {"W1": ("west", -1.00), "W2": ("west", -0.98), "E1": ("east", -0.96), "E2": ("east", -0.94)}
#: What ``build`` writes, in an order in which each refers to those before it.
TABLES = (
    *("authority", "authority_member", "team", "vintage", "area", "area_part"),
    *("category", "responsibility"),
)


@dataclass(frozen=True)
class Built:
    """A county as it was written the first time: statement by statement it takes long."""

    rows: dict[str, bytes]
    authorities: dict[str, int]
    teams: dict[str, int]
    areas: dict[str, int]


#: By database.
BUILT: dict[str, Built] = {}


@dataclass
class County:
    """The county's rows, and places in it."""

    conn: Connection
    authorities: dict[str, int] = field(default_factory=dict)
    teams: dict[str, int] = field(default_factory=dict)
    areas: dict[str, int] = field(default_factory=dict)

    async def build(self) -> None:
        """Write authorities, areas, teams, categories and rules."""
        async with self.conn.transaction():
            before = BUILT.get(self.conn.info.dsn)
            if before is None:
                await self._write()
                BUILT[self.conn.info.dsn] = await self._kept()
            else:
                await self._write_again(before)
            await self.touch()

    async def _kept(self) -> "Built":
        rows: dict[str, bytes] = {}
        async with self.conn.cursor() as cursor:
            for table in TABLES:
                async with cursor.copy(f"copy {table} to stdout (format binary)") as copy:
                    rows[table] = b"".join([bytes(part) async for part in copy])
        return Built(rows, dict(self.authorities), dict(self.teams), dict(self.areas))

    async def _write_again(self, before: "Built") -> None:
        """Under the same ids: the sequences are past them."""
        async with self.conn.cursor() as cursor:
            for table, rows in before.rows.items():
                async with cursor.copy(f"copy {table} from stdin (format binary)") as copy:
                    await copy.write(rows)
        self.authorities |= before.authorities
        self.teams |= before.teams
        self.areas |= before.areas

    async def _write(self) -> None:
        await self.add_authority("shire", "Shire County Council", "county")
        for slug in ("west", "east"):
            await self.add_authority(slug, f"{slug.title()} District Council", "district")
            await self.conn.execute(
                "insert into authority_member values (%s, %s)",
                (self.authorities["shire"], self.authorities[slug]),
            )
        for slug in ("west", "east"):
            codes = {code: lng for code, (owner, lng) in WARDS.items() if owner == slug}
            await self.add_vintage(slug, "ward", {c: box(w) for c, w in codes.items()})
        divisions = {"D1": box(-1.0, 2 * SIDE), "D2": box(-0.96, 2 * SIDE)}
        await self.add_vintage("shire", "division", divisions)
        for position, category in enumerate(json.loads(SHIPPED.read_text())["categories"]):
            await self.conn.execute(
                "insert into category (code, position, definition) values (%s, %s, %s)",
                (category["code"], position, json.dumps(category)),
            )
        await self.add_rule("shire", "pothole", "highways")
        await self.add_rule("west", "fly_tipping", "cleansing")
        await self.add_rule("east", "fly_tipping", "cleansing")

    async def touch(self) -> None:
        """Say that the rules changed."""
        await self.conn.execute("update rulebook set version = version + 1")

    async def add_authority(self, slug: str, name: str, tier: str) -> int:
        """An authority and its fallback team."""
        fallback = f"{slug}-triage"
        cursor = await self.conn.execute(
            "insert into authority (slug, name, tier, fallback_team) values (%s, %s, %s, %s)"
            " returning id",
            (slug, name, tier, fallback),
        )
        (self.authorities[slug],) = await cursor.fetchone()
        await self.add_team(slug, fallback)
        return self.authorities[slug]

    async def add_team(self, authority: str, slug: str) -> int:
        """A team; its key in ``teams`` is ``authority/slug``."""
        cursor = await self.conn.execute(
            "insert into team (authority_id, slug, name) values (%s, %s, %s)"
            " on conflict (authority_id, slug) do update set name = excluded.name returning id",
            (self.authorities[authority], slug, slug.replace("-", " ").title()),
        )
        (self.teams[f"{authority}/{slug}"],) = await cursor.fetchone()
        return self.teams[f"{authority}/{slug}"]

    async def add_vintage(self, authority: str, kind: str, shapes: dict[str, str]) -> int:
        """A vintage in force since 2020; shapes are code → WKT polygon."""
        owner = self.authorities[authority]
        cursor = await self.conn.execute(
            "insert into vintage (authority_id, kind, valid, state, source)"
            " values (%s, %s, '[2020-01-01,)', 'active', '{}') returning id",
            (owner, kind),
        )
        (vintage,) = await cursor.fetchone()
        for code, wkt in shapes.items():
            cursor = await self.conn.execute(
                "insert into area (vintage_id, authority_id, kind, code, name, geom) values"
                " (%s, %s, %s, %s, %s, st_multi(st_geomfromtext(%s, 4326))) returning id",
                (vintage, owner, kind, code, f"{code} {kind.title()}", wkt),
            )
            (self.areas[code],) = await cursor.fetchone()
            await self.conn.execute(
                "insert into area_part (area_id, kind, in_force, geom) values"
                " (%s, %s, '[2020-01-01 00:00Z,)', st_geomfromtext(%s, 4326))",
                (self.areas[code], kind, wkt),
            )
        return vintage

    async def add_rule(self, authority: str, category: str | None, team: str) -> None:
        """A responsibility for the whole authority; the team is made as named."""
        team_id = await self.add_team(authority, team)
        await self.conn.execute(
            "insert into responsibility (authority_id, category, team_id) values (%s, %s, %s)",
            (self.authorities[authority], category, team_id),
        )


def box(west: float, width: float = SIDE) -> str:
    """A WKT rectangle of the county's height."""
    east, north = round(west + width, 6), SOUTH + SIDE
    return f"POLYGON(({west} {SOUTH},{east} {SOUTH},{east} {north},{west} {north},{west} {SOUTH}))"


def inside(ward: str, dx: float = 0.5, dy: float = 0.5) -> dict[str, float]:
    """A place in a ward, as the API takes it; ``dx`` and ``dy`` are fractions of its side."""
    return {"lat": SOUTH + dy * SIDE, "lng": WARDS[ward][1] + dx * SIDE}
