"""Years of a city's reports, straight into the tables by COPY: 100,000, or millions.

So many come a day, so more of them are more years, up to now. Where the real data is beside the
checkout, the city is Bristol: its 35 wards of 2013 and those of its neighbours, and reports strewn
over its census areas as FixMyStreet's were. Without it, 36 square wards and reports in clusters
about 260 middles, of which the busiest has some hundred times what the quietest has. Either way a
third lie on points that were used before, one in fifty on a point that a geocoder falls back to,
and one in twenty in the neighbours' wards; one in eight joins the job before it there. Hours of the
day, days of the week and how long a job takes are those of Boston.
"""

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely

from routing.categories import SHIPPED
from tests.support.scratch import ROOT

DATA = ROOT.parent / "shared" / "data"
#: What one big city gets in a day; five million are ten years of it.
A_DAY = 1370
#: Reports are made in parts, so that memory does not grow with them.
PART = 500_000

#: Shares of the twelve categories, as FixMyStreet's greatest twelve have.
CATEGORIES = {
    "pothole": 0.30,
    "fly_tipping": 0.21,
    "street_light": 0.14,
    "pavement": 0.10,
    "parking": 0.07,
    "graffiti": 0.05,
    "drain": 0.04,
    "tree": 0.03,
    "dog_fouling": 0.02,
    "sign": 0.02,
    "litter": 0.01,
    "rubbish": 0.01,
}
BY_HOUR = np.array(
    [
        *(46, 28, 20, 18, 15, 31, 102, 359, 723, 1166, 1195, 1008),
        *(890, 836, 894, 759, 482, 351, 250, 220, 188, 165, 158, 98),
    ]
)
BY_WEEKDAY = np.array([1882, 1875, 1904, 1703, 1593, 491, 552])
USED_BEFORE, FALLEN_BACK, ELSEWHERE, JOINS = 0.33, 0.02, 0.05, 0.125
#: Jobs that nobody ever closes.
FORGOTTEN = 0.005
#: Hours to close: the median, and how far they spread (of the logarithm).
HOURS, SPREAD = 40.0, 2.0

#: Microseconds of PostgreSQL's timestamps begin in 2000, seconds of ours in 1970.
EPOCH_S = 946_684_800
DAY_S = 86_400

Array = np.ndarray


@dataclass(frozen=True)
class City:
    """Authorities with their wards, and where reports come from."""

    #: Slug → its wards, as code → polygon; the first is the city itself.
    wards: dict[str, dict[str, Any]]
    #: Areas with how many come from each.
    sources: list[tuple[Any, float]]
    #: A geocoder's fallback.
    fallback: tuple[float, float]


def city() -> City:
    """Bristol, or what stands for it."""
    real = DATA / "boundaries" / "uk" / "bristol_wards_2013.geojson"
    return _bristol(real.parent) if real.is_file() else _squares()


def _features(path: Path) -> list[tuple[dict[str, Any], Any]]:
    found = json.loads(path.read_text("utf-8"))["features"]
    shapes = shapely.make_valid(
        shapely.from_geojson([json.dumps(each["geometry"]) for each in found])
    )
    return [(each["properties"], shape) for each, shape in zip(found, shapes, strict=True)]


def _bristol(folder: Path) -> City:
    wards: dict[str, dict[str, Any]] = {"bristol": {}}
    for name in ("bristol_wards_2013", "bristol_neighbours_wards_2013"):
        for facts, shape in _features(folder / f"{name}.geojson"):
            slug = facts["council_name"].lower().split(",")[0].replace(" ", "-")
            slug = "bristol" if slug.startswith("bristol") else slug
            wards.setdefault(slug, {})[facts["ward_code"]] = shape
    counts: Counter[str] = Counter()
    table = DATA / "load" / "fms_reports_bristol_by_lsoa_category_year.csv.gz"
    with gzip.open(table, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            counts[row["lsoa_code"]] += int(row["reports"])
    sources = [
        (shape, float(counts[facts["lsoa_code"]] or 1))
        for facts, shape in _features(folder / "bristol_lsoa_2011.geojson")
    ]
    return City(wards, sources, (-2.597, 51.4523))


def _squares() -> City:
    side, west, south = 0.03, -2.72, 51.38
    grid = {
        f"S{row}{column}": shapely.box(
            west + side * column,
            south + side * row * 0.6,
            west + side * (column + 1),
            south + side * (row + 1) * 0.6,
        )
        for row in range(6)
        for column in range(7)
    }
    own = {code: shape for code, shape in grid.items() if not code.endswith("6")}
    draw = np.random.default_rng(7)
    middles = draw.uniform((west, south), (west + 6 * side, south + 3.6 * side), (260, 2))
    near = shapely.union_all(list(own.values()))
    sources = [
        (shapely.intersection(shapely.buffer(shapely.Point(middle), 0.004), near), weight)
        for middle, weight in zip(middles, draw.lognormal(0, 1.1, 260), strict=True)
    ]
    east = {code: shape for code, shape in grid.items() if code not in own}
    return City({"bristol": own, "neighbour": east}, sources, (-2.6, 51.43))


STAGE = """
create unlogged table stage (
  n integer, job integer, lng float8, lat float8, category smallint, authority integer,
  ward integer, at timestamptz, closed_at timestamptz, priority smallint
)
"""
_ID = "('00000000-0000-4000-{}000-' || lpad(to_hex({}), 12, '0'))::uuid"
REPORTS = f"""
insert into report (
  id, reference, category, place, authority_id, ward_area_id, answers, tracking_hash, created_at
)
select {_ID.format("8", "n")}, 'R' || n, (%(categories)s::text[])[category],
  st_point(lng, lat, 4326), authority, nullif(ward, -1), '{{}}', decode(md5('r' || n), 'hex'), at
from stage order by n
"""
#: P1 is due in two hours, P4 in 28 days.
JOBS = f"""
insert into job (
  id, reference, authority_id, team_id, category, ward_area_id, place, status, closed_reason,
  priority, due_at, version, chain_head, created_at, updated_at, closed_at, reports
)
select {_ID.format("9", "n")}, 'J' || n, authority,
  case when category = 2 then (%(cleansing)s::integer[])[council]
    else (%(highways)s::integer[])[council] end,
  (%(categories)s::text[])[category], nullif(ward, -1), st_point(lng, lat, 4326),
  case when done is null then 'received' when n %% 9 = 0 then 'closed' else 'fixed' end,
  case when done is not null and n %% 9 = 0
    then (%(reasons)s::text[])[n / 9 %% array_length(%(reasons)s::text[], 1) + 1] end,
  priority, at + (%(times)s::interval[])[priority], 1, '', at, coalesce(done, at), done, 1
from (
  select *, nullif(closed_at, 'infinity') as done,
    array_position(%(authorities)s::integer[], authority) as council
  from stage where job = n
) stage
order by n
"""
LINKS = f"""
insert into job_report (report_id, job_id, since)
select {_ID.format("8", "n")}, {_ID.format("9", "job")}, at from stage order by n
"""


def build(conn: psycopg.Connection[Any], reports: int, *, seed: int = 1) -> dict[str, int]:
    """Write so many reports and their jobs; the authorities by slug. The counts are not kept yet.

    The connection is the administrator's, in autocommit.
    """
    found = city()
    conn.execute("set session_replication_role = replica")
    authorities, areas, teams = _write_council(conn, found)
    draw = np.random.default_rng(seed)
    places = _Places(found, authorities, areas, draw)
    conn.execute(
        "insert into shared_point (lat, lng, reports) values (%s, %s, 1000)",
        found.fallback[::-1],
    )
    values = {
        "categories": list(CATEGORIES),
        "authorities": list(authorities.values()),
        "highways": [teams[slug, "highways"] for slug in authorities],
        "cleansing": [teams[slug, "cleansing"] for slug in authorities],
        "reasons": ["not_found", "below_threshold", "not_ours", "invalid"],
        "times": ["2 hours", "1 day", "7 days", "28 days"],
    }
    with without_indexes(conn, ("report", "job", "job_report")):
        for first in range(0, reports, PART):
            rows = places.rows(first, min(first + PART, reports), reports)
            conn.execute(STAGE)
            _copy(conn, rows)
            for statement in (REPORTS, JOBS, LINKS):
                conn.execute(statement, values)
            conn.execute("drop table stage")
    conn.execute("set session_replication_role = origin")
    conn.execute("update rulebook set version = version + 1")
    conn.execute("vacuum (analyze) report, job, job_report, area, area_part")
    return authorities


def _write_council(
    conn: psycopg.Connection[Any], found: City
) -> tuple[dict[str, int], dict[str, int], dict[tuple[str, str], int]]:
    authorities, areas, teams = {}, {}, {}
    for slug, wards in found.wards.items():
        authorities[slug] = _one(
            conn,
            "insert into authority (slug, name, tier, fallback_team)"
            " values (%s, %s, 'unitary', 'triage') returning id",
            (slug, slug.replace("-", " ").title()),
        )
        for team in ("triage", "highways", "cleansing"):
            teams[slug, team] = _one(
                conn,
                "insert into team (authority_id, slug, name) values (%s, %s, %s) returning id",
                (authorities[slug], team, team.title()),
            )
        vintage = _one(
            conn,
            "insert into vintage (authority_id, kind, valid, state, source)"
            " values (%s, 'ward', '[2010-01-01,)', 'active', '{}') returning id",
            (authorities[slug],),
        )
        for code, shape in wards.items():
            areas[code] = _one(
                conn,
                "insert into area (vintage_id, authority_id, kind, code, name, geom)"
                " values (%s, %s, 'ward', %s, %s, st_multi(st_geomfromwkb(%s, 4326))) returning id",
                (vintage, authorities[slug], code, f"Ward {code}", shapely.to_wkb(shape)),
            )
            conn.execute(
                "insert into area_part (area_id, kind, in_force, geom)"
                " select id, kind, '[2010-01-01 00:00Z,)', st_subdivide(geom, 128) from area"
                " where id = %s",
                (areas[code],),
            )
    shipped = json.loads(SHIPPED.read_text())["categories"][0]
    for position, code in enumerate(CATEGORIES):
        definition = json.dumps({**shipped, "code": code, "name": code.replace("_", " ").title()})
        conn.execute(
            "insert into category (code, position, definition) values (%s, %s, %s)",
            (code, position, definition),
        )
    return authorities, areas, teams


def _one(conn: psycopg.Connection[Any], statement: str, values: tuple[Any, ...]) -> int:
    [(found,)] = conn.execute(statement, values).fetchall()
    return int(found)


class _Places:
    """Draws reports: where, of what, when, and what became of them."""

    def __init__(
        self,
        found: City,
        authorities: dict[str, int],
        areas: dict[str, int],
        draw: np.random.Generator,
    ) -> None:
        self.found, self.draw = found, draw
        self.wards = [
            (shape, areas[code], authorities[slug])
            for slug, wards in found.wards.items()
            for code, shape in wards.items()
        ]
        for shape, _, _ in self.wards:
            shapely.prepare(shape)
        own = authorities[next(iter(found.wards))]
        self.city = own
        self.inside = [ward for ward in self.wards if ward[2] == own]
        self.outside = [ward for ward in self.wards if ward[2] != own]
        # Points that are reported again and again, some far more often than others.
        self.used = self._anew(20_000)
        often = 1 / (np.arange(len(self.used)) + 40.0)
        self.often = often / often.sum()

    def rows(self, first: int, last: int, of: int) -> dict[str, Array]:
        """The reports of those numbers, of so many in all, in order of time."""
        count, draw = last - first, self.draw
        kind = draw.random(count)
        places = self._anew(count)
        used = kind < USED_BEFORE
        places[used] = self.used[draw.choice(len(self.used), used.sum(), p=self.often)]
        places[kind > 1 - FALLEN_BACK] = self.found.fallback
        elsewhere = (kind > 1 - FALLEN_BACK - ELSEWHERE) & (kind <= 1 - FALLEN_BACK)
        if self.outside:
            places[elsewhere] = self._strewn(self.outside, int(elsewhere.sum()))
        places = np.round(places, 6)
        ward, authority = self._wards(places)
        n = np.arange(first, last)
        category = draw.choice(len(CATEGORIES), count, p=list(CATEGORIES.values())) + 1
        job = n.copy()
        joins = draw.random(count) < JOINS
        joins[0] = False
        # Who joins stands where the job before it was made, and means the same.
        to = np.maximum.accumulate(np.where(joins, 0, np.arange(count)))
        for column in (places, ward, authority, category, job):
            column[joins] = column[to[joins]]
        at = self._times(first, last, of)
        took = HOURS * 3600 * draw.lognormal(0, SPREAD, count)
        now = _now()
        closed = at + took
        closed[(closed > now) | (draw.random(count) < FORGOTTEN)] = np.nan
        return {
            "n": n,
            "job": job,
            "lng": places[:, 0],
            "lat": places[:, 1],
            "category": category,
            "authority": authority,
            "ward": ward,
            "at": at,
            "closed_at": closed,
            "priority": draw.choice(4, count, p=[0.05, 0.15, 0.4, 0.4]) + 1,
        }

    def _anew(self, count: int) -> Array:
        weights = np.array([weight for _, weight in self.found.sources])
        shapes = [shape for shape, _ in self.found.sources]
        counts = self.draw.multinomial(count, weights / weights.sum())
        places = np.concatenate(
            [self._in(shape, n) for shape, n in zip(shapes, counts, strict=True) if n]
        )
        self.draw.shuffle(places)
        return places

    def _strewn(self, wards: list[tuple[Any, int, int]], count: int) -> Array:
        counts = self.draw.multinomial(count, [1 / len(wards)] * len(wards))
        places = np.concatenate(
            [self._in(ward[0], n) for ward, n in zip(wards, counts, strict=True) if n]
        )
        self.draw.shuffle(places)
        return places

    def _in(self, shape: Any, count: int) -> Array:
        """So many places in a shape."""
        shapely.prepare(shape)
        west, south, east, north = shape.bounds
        found = np.empty((0, 2))
        while len(found) < count:
            tried = self.draw.uniform((west, south), (east, north), (2 * count + 10, 2))
            kept = tried[shapely.contains_xy(shape, tried[:, 0], tried[:, 1])]
            found = np.concatenate([found, kept])
        return found[:count]

    def _wards(self, places: Array) -> tuple[Array, Array]:
        ward = np.full(len(places), -1)
        authority = np.full(len(places), self.city)
        for shape, area, owner in self.wards:
            west, south, east, north = shape.bounds
            near = np.flatnonzero(
                (places[:, 0] >= west)
                & (places[:, 0] <= east)
                & (places[:, 1] >= south)
                & (places[:, 1] <= north)
            )
            held = near[shapely.contains_xy(shape, places[near, 0], places[near, 1])]
            ward[held], authority[held] = area, owner
        return ward, authority

    def _times(self, first: int, last: int, of: int) -> Array:
        """Days at an even rate that end now, busier on weekdays; hours as people have them."""
        days = of / A_DAY
        end = _now() - 3600
        share = np.arange(first, last) / of
        day = np.floor((end / DAY_S) - days * (1 - share))
        quiet = (
            self.draw.random(last - first) * BY_WEEKDAY.max()
            > BY_WEEKDAY[((day + 3) % 7).astype(int)]
        )
        day[quiet] -= (day[quiet] + 3) % 7 - self.draw.integers(0, 5, quiet.sum())
        hour = self.draw.choice(24, last - first, p=BY_HOUR / BY_HOUR.sum())
        at = day * DAY_S + hour * 3600 + self.draw.integers(0, 3600, last - first)
        return np.sort(np.minimum(at, end))


def _now() -> float:
    return float(np.datetime64("now", "s").astype(np.int64))


#: Column → its type in COPY's binary form, big-endian.
_BINARY = {
    "n": ">i4",
    "job": ">i4",
    "lng": ">f8",
    "lat": ">f8",
    "category": ">i2",
    "authority": ">i4",
    "ward": ">i4",
    "at": ">i8",
    "closed_at": ">i8",
    "priority": ">i2",
}
#: PostgreSQL's infinity: rows that are all of one length have no nulls.
_NEVER = 2**63 - 1


def _copy(conn: psycopg.Connection[Any], rows: dict[str, Array]) -> None:
    """All rows at once, as the bytes of COPY."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in _BINARY.items():
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    table = np.zeros(len(rows["n"]), np.dtype(fields))
    table["fields"] = len(_BINARY)
    for name, kind in _BINARY.items():
        column = rows[name]
        if name in {"at", "closed_at"}:
            never = np.isnan(column)
            micros = ((np.where(never, 0, column) - EPOCH_S) * 1e6).astype(np.int64)
            column = np.where(never, _NEVER, micros)
        table[f"{name}_length"] = np.dtype(kind).itemsize
        table[name] = column
    with conn.cursor().copy("copy stage from stdin (format binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        data = table.tobytes()
        for start in range(0, len(data), 1 << 20):
            copy.write(data[start : start + (1 << 20)])
        copy.write(b"\xff\xff")


@contextmanager
def without_indexes(conn: psycopg.Connection[Any], tables: tuple[str, ...]) -> Iterator[None]:
    """Let tables be filled without their indexes (the keys stay), and make those again after."""
    rows = conn.execute(
        "select c.oid::regclass::text, pg_get_indexdef(c.oid), k.conname,"
        " pg_get_constraintdef(k.oid), i.indrelid::regclass::text"
        " from pg_index i join pg_class c on c.oid = i.indexrelid"
        " left join pg_constraint k on k.conindid = c.oid and k.contype = 'u'"
        " where i.indrelid = any(%s::regclass[]) and not i.indisprimary",
        (list(tables),),
    ).fetchall()
    for index, _, constraint, _, table in rows:
        what = f"alter table {table} drop constraint {constraint}"
        conn.execute(what if constraint else f"drop index {index}")
    yield
    conn.execute("set maintenance_work_mem = '512MB'")
    for _, definition, constraint, words, table in rows:
        conn.execute(
            f"alter table {table} add constraint {constraint} {words}" if constraint else definition
        )
