"""Land for routing tests: the county of ``support.county``, and more areas laid on it.

One hundredth of a degree is 1,112 m northwards and, at 52° north, 686 m eastwards.
"""

from tests.support.county import County


class Land(County):
    """The county's rows, and areas of any kind, zone type and time."""

    async def lay(self, authority, kind, shapes, *, zone_type=None, valid="[2020-01-01,)"):
        """A vintage; shapes are code → (west, south, east, north) or WKT."""
        cursor = await self.conn.execute(
            "insert into vintage (authority_id, kind, zone_type, valid, state, source)"
            " values (%s, %s, %s, %s, 'active', '{}') returning id, lower(valid), upper(valid)",
            (self.authorities[authority], kind, zone_type, valid),
        )
        vintage, since, until = await cursor.fetchone()
        for code, shape in shapes.items():
            wkt = shape if isinstance(shape, str) else rectangle(*shape)
            cursor = await self.conn.execute(
                "insert into area (vintage_id, authority_id, kind, zone_type, code, name, geom)"
                " values (%s, %s, %s, %s, %s, %s, st_multi(st_geomfromtext(%s, 4326)))"
                " returning id",
                (
                    vintage,
                    self.authorities[authority],
                    kind,
                    zone_type,
                    code,
                    f"Name of {code}",
                    wkt,
                ),
            )
            (self.areas[code],) = await cursor.fetchone()
            await self.conn.execute(
                "insert into area_part (area_id, kind, in_force, geom)"
                " select id, kind, tstzrange(%s, %s), (st_dump(geom)).geom from area where id = %s",
                (since, until, self.areas[code]),
            )
        await self.touch()

    async def rule(self, authority, category, kind, code, team, rank=0):
        """A responsibility; the team is made as named."""
        await self.conn.execute(
            "insert into responsibility"
            " (authority_id, category, area_kind, area_code, team_id, rank)"
            " values (%s, %s, %s, %s, %s, %s)",
            (
                self.authorities[authority],
                category,
                kind,
                code,
                await self.add_team(authority, team),
                rank,
            ),
        )
        await self.touch()


def rectangle(west, south, east, north):
    """A rectangle as WKT."""
    return (
        f"POLYGON(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"
    )
