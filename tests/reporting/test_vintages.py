"""Boundaries change: the preview says what will happen, and the activation does just that.

The county's western district has wards W1 and W2, the eastern E1 and E2 (tests/support/county.py);
as squares of ``tests/support/shapes`` they begin at steps 0, 2, 4 and 6, two steps wide.
"""

import asyncio
import csv
import gzip
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import shapely

from geo.boundaries.reading import Fields, read
from geo.boundaries.storing import NewVintage, Vintage, find_authority, find_vintage
from geo.errors import VintageRefused
from geo.kinds import LOCK_ROUTING
from reporting import authorities, vintages
from reporting.authorities import NewAuthority
from reporting.queries import vintages as queries
from reporting.runtime import Connection, Runtime
from reporting.vintages import Change
from routing import categories
from tests.reporting.test_reports import FLY_TIPPING
from tests.support.county import County, inside
from tests.support.people import People, job_of, report
from tests.support.shapes import features, square
from tests.support.until import until

TODAY = datetime.now(UTC).date()
W1, W2 = square(0, 0, 2), square(2, 0, 2)
E1, E2 = square(4, 0, 2), square(6, 0, 2)
#: W2 takes the eastern half of W1.
MOVED = {
    "W1": shapely.box(-1.0, 52, -0.99, 52.02),
    "W2": shapely.box(-0.99, 52, -0.96, 52.02),
}
#: E1 gets a new code where it is.
RECODED = {"N1": E1, "E2": E2}


async def load(
    conn: Connection,
    authority: str,
    shapes: Mapping[str, shapely.Geometry],
    first: date = TODAY,
    kind: str = "ward",
    zone_type: str | None = None,
) -> Vintage:
    owner = await find_authority(conn, authority)
    new = NewVintage(owner, kind, zone_type, first, None, features(dict(shapes)), {"sha256": "x"})
    async with conn.transaction():
        return await vintages.load(conn, new)


async def previewed(conn: Connection, draft: Vintage, mapping: Mapping[str, str] | None = None):
    return await vintages.preview(conn, await vintages.propose(conn, draft.id), mapping or {})


async def activated(
    conn: Connection, draft: Vintage, mapping: Mapping[str, str] | None = None
) -> Change:
    proposal = await vintages.propose(conn, draft.id)
    async with conn.transaction():
        return await vintages.activate(conn, proposal, mapping or {})


async def add_ward_rule(county: County, authority: str, ward: str, team: str) -> None:
    team_id = await county.add_team(authority, team)
    await county.conn.execute(
        "insert into responsibility (authority_id, category, area_kind, area_code, team_id)"
        " values (%s, 'fly_tipping', 'ward', %s, %s)",
        (county.authorities[authority], ward, team_id),
    )
    await county.touch()


async def one(conn: Connection, statement: str, *values: Any) -> tuple[Any, ...]:
    cursor = await conn.execute(statement, values)
    (row,) = await cursor.fetchall()
    return tuple(row)


async def job(conn: Connection, number: UUID) -> tuple[Any, ...]:
    """Team, ward code and version of a job."""
    return await one(
        conn,
        "select team.slug, area.code, job.version from job join team on team.id = job.team_id"
        " left join area on area.id = job.ward_area_id where job.id = %s",
        number,
    )


def fly_tip(ward: str, dx: float = 0.5) -> dict[str, Any]:
    return {"category": "fly_tipping", "location": inside(ward, dx), "answers": FLY_TIPPING}


@pytest.fixture
async def north_and_south(county: County) -> County:
    """The western district's wards have a team each for fly-tipping."""
    await add_ward_rule(county, "west", "W1", "north")
    await add_ward_rule(county, "west", "W2", "south")
    return county


async def test_open_jobs_move_with_their_ward(
    client: httpx.AsyncClient, north_and_south: County, owner: Connection
):
    stays = job_of(await report(client, fly_tip("W1", 0.2)))
    moves = job_of(made := await report(client, fly_tip("W1", 0.8)))
    other = job_of(await report(client, fly_tip("W2")))
    draft = await load(owner, "west", MOVED)
    assert draft.state == "draft"

    before = await one(owner, "select version from rulebook")
    change = await previewed(owner, draft)
    assert [each.area.code for each in change.proposal.comparison.moved] == ["W1", "W2"]
    assert [(each.job, each.ward_before) for each in change.moves] == [(moves, "W1")]
    assert change.by_team() == {("north", "south"): 1}
    # A preview leaves nothing behind.
    assert await one(owner, "select version from rulebook") == before
    assert (await find_vintage(owner, draft.id)).state == "draft"
    assert await job(owner, moves) == ("north", "W1", 1)

    done = await activated(owner, draft)
    assert [each.job for each in done.moves] == [moves]
    assert await job(owner, moves) == ("south", "W2", 2)
    assert await job(owner, stays) == ("north", "W1", 1)
    assert await job(owner, other) == ("south", "W2", 1)
    kind, actor, changes = await one(
        owner, "select kind, actor, changes from job_update where job_id = %s and seq = 2", moves
    )
    assert (kind, actor) == ("reassigned", "system")
    assert (changes["team"], changes["ward"]) == ("south", "W2")

    # The report keeps the ward it was given; the next one is given the new one.
    assert await one(
        owner,
        "select area.code from report join area on area.id = ward_area_id where reference = %s",
        made["reference"],
    ) == ("W1",)
    again = await report(client, fly_tip("W1", 0.6))
    assert (again["ward"]["code"], again["team"]["slug"]) == ("W2", "south")


async def test_a_new_code_takes_rules_and_staff_along(
    client: httpx.AsyncClient, county: County, owner: Connection
):
    await add_ward_rule(county, "east", "E1", "spotless")
    supervisor = await People(county).staff("supervisor", "east", wards=("E1",))
    here = job_of(await report(client, fly_tip("E1")))
    draft = await load(owner, "east", RECODED)

    change = await previewed(owner, draft)
    assert [(each.old.code, each.new.code) for each in change.proposal.comparison.recoded] == [
        ("E1", "N1")
    ]
    assert [each.code for each in change.carried] == ["E1", "E1"]
    assert change.in_the_way == ()
    await activated(owner, draft)

    assert await job(owner, here) == ("spotless", "N1", 2)
    assert (await report(client, fly_tip("E1", 0.1)))["team"]["slug"] == "spotless"
    listed = await client.get("/v1/jobs", headers=supervisor)
    assert [each["ward"]["code"] for each in listed.json()["items"]] == ["N1", "N1"]
    # The old rule stays beside the new one: last month's places are still looked up by it.
    rows = await owner.execute(
        "select area_code from responsibility where area_code is not null order by 1"
    )
    assert await rows.fetchall() == [("E1",), ("N1",)]


async def test_a_team_chosen_by_hand_is_kept(
    client: httpx.AsyncClient, county: County, owner: Connection
):
    await county.add_team("east", "special")
    here = job_of(await report(client, fly_tip("E1")))
    await owner.execute(
        "update job set team_id = %s where id = %s", (county.teams["east/special"], here)
    )
    await activated(owner, await load(owner, "east", RECODED))
    assert await job(owner, here) == ("special", "N1", 2)


async def test_a_rule_for_a_ward_that_goes_stands_in_the_way(
    north_and_south: County, owner: Connection
):
    both = W1 | W2
    draft = await load(owner, "west", {"N9": both})
    change = await previewed(owner, draft)
    assert [(each.code, each.by) for each in change.in_the_way] == [
        ("W1", "fly_tipping → north"),
        ("W2", "fly_tipping → south"),
    ]
    with pytest.raises(VintageRefused, match=r"W1 W1 Ward \(fly_tipping → north, mostly N9"):
        await activated(owner, draft)
    with pytest.raises(VintageRefused, match="W1 and W2 both become N9"):
        await activated(owner, draft, {"W1": "N9", "W2": "N9"})
    assert (await find_vintage(owner, draft.id)).state == "draft"

    await owner.execute("delete from responsibility where area_code = 'W2'")
    change = await activated(owner, draft, {"W1": "N9"})
    assert [each.code for each in change.carried] == ["W1"]


async def test_a_closed_account_stands_in_nobodys_way(county: County, owner: Connection):
    await People(county).staff("supervisor", "west", wards=("W1",))
    draft = await load(owner, "west", {"N9": W1 | W2})
    with pytest.raises(VintageRefused, match=r"account .*@shire\.example"):
        await activated(owner, draft)
    await owner.execute("update staff set disabled_at = now()")
    await activated(owner, draft)


async def test_a_zone_is_not_a_ward_of_the_same_code(county: County, owner: Connection):
    """Codes are not identities: the supervisor of ward W1 has nothing to do with a park W1."""
    await People(county).staff("supervisor", "west", wards=("W1",))
    await load(owner, "west", {"W1": square(0)}, date(2020, 1, 1), "zone", "park")
    change = await previewed(
        owner, await load(owner, "west", {"P1": square(3)}, TODAY, "zone", "park")
    )
    assert [each.area.code for each in change.proposal.comparison.gone] == ["W1"]
    assert change.in_the_way == ()


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"W7": "N9"}, "W7 is not a code that goes"),
        ({"W1": "N7"}, "the new vintage has no N7"),
    ],
)
async def test_a_map_of_codes_that_are_not_there(county, owner, mapping, sentence):
    draft = await load(owner, "west", {"N9": W1 | W2})
    with pytest.raises(VintageRefused, match=sentence):
        await activated(owner, draft, mapping)


async def test_a_change_for_a_later_day_moves_the_jobs_on_that_day(
    client: httpx.AsyncClient, north_and_south: County, owner: Connection
):
    moves = job_of(await report(client, fly_tip("W1", 0.8)))
    draft = await load(owner, "west", MOVED, TODAY + timedelta(days=30))
    change = await activated(owner, draft)
    assert (change.now, len(change.moves)) == (False, 1)
    assert await job(owner, moves) == ("north", "W1", 1)
    assert (await report(client, fly_tip("W1", 0.9)))["ward"]["code"] == "W1"
    assert await vintages.reroute_due(owner) == 0

    await _bring_forward(owner, days=30)
    async with owner.transaction():
        assert await vintages.reroute_due(owner) == 2
    assert await job(owner, moves) == ("south", "W2", 2)
    async with owner.transaction():
        assert await vintages.reroute_due(owner) == 0


async def _bring_forward(conn: Connection, days: int) -> None:
    """As if so many days had passed: all dates lie that much earlier."""
    shift = {"days": days, "time": timedelta(days=days)}
    await conn.execute("alter table vintage drop constraint ex_vintage_no_overlap")
    await conn.execute(
        "update vintage set valid ="
        " daterange(lower(valid) - %(days)s::int, upper(valid) - %(days)s::int)",
        shift,
    )
    await conn.execute(
        "update area_part set in_force ="
        " tstzrange(lower(in_force) - %(time)s, upper(in_force) - %(time)s)",
        shift,
    )
    await conn.execute(
        "alter table vintage add constraint ex_vintage_no_overlap exclude using gist"
        " (authority_id with =, kind with =, coalesce(zone_type, '') with =, valid with &&)"
        " where (state = 'active')"
    )


async def test_no_report_slips_between_the_look_and_the_change(
    client: httpx.AsyncClient, north_and_south: County, owner: Connection, runtime: Runtime
):
    """A report that comes while boundaries change waits, and is routed by the new ones."""
    draft = await load(owner, "west", MOVED)
    proposal = await vintages.propose(owner, draft.id)
    async with owner.transaction():
        await vintages.activate(owner, proposal, {})
        sending = asyncio.create_task(report(client, fly_tip("W1", 0.8)))

        async def waits() -> bool:
            async with runtime.reading() as conn:
                cursor = await conn.execute(
                    "select count(*) from pg_locks where locktype = 'advisory' and not granted"
                    " and objid = %s",
                    (LOCK_ROUTING,),
                )
                ((waiting,),) = await cursor.fetchall()
            return bool(waiting)

        await until(waits)
        assert not sending.done()
    made = await sending
    assert (made["ward"]["code"], made["team"]["slug"]) == ("W2", "south")


async def test_a_job_that_is_left_outside_stays_as_it_is(
    client: httpx.AsyncClient, county: County, owner: Connection
):
    await authorities.add(owner, NewAuthority("isle", "Isle Council", "unitary"))
    await load(owner, "isle", {"I1": square(0, 50, 2)}, date(2020, 1, 1))
    body = {**fly_tip("W1"), "location": {"lat": 52.515, "lng": -0.985}}
    here = await report(client, body)
    assert here["ward"]["code"] == "I1"
    change = await activated(owner, await load(owner, "isle", {"I1": square(0, 55, 2)}))
    assert change.stranded == (here["job"]["reference"],)
    assert change.moves == ()
    assert await job(owner, job_of(here)) == ("isle-triage", "I1", 1)


async def test_boundaries_that_make_rules_tie_are_refused(county: County, owner: Connection):
    """Two zone rules of equal rank are harmless until the zones overlap."""
    for code, team in (("PARK", "gardens"), ("ROW", "paths")):
        team_id = await county.add_team("west", team)
        await owner.execute(
            "insert into responsibility (authority_id, category, area_kind, area_code, team_id)"
            " values (%s, 'fly_tipping', 'zone', %s, %s)",
            (county.authorities["west"], code, team_id),
        )
    await load(
        owner, "west", {"PARK": square(0), "ROW": square(3)}, date(2020, 1, 1), "zone", "any"
    )
    draft = await load(owner, "west", {"PARK": square(0), "ROW": square(0.5)}, TODAY, "zone", "any")
    change = await previewed(owner, draft)
    assert change.tie is not None
    assert "Two rules could both win" in change.tie
    with pytest.raises(VintageRefused, match="Two rules could both win"):
        await activated(owner, draft)


async def test_a_vintage_that_follows_none_can_be_activated(county: County, owner: Connection):
    """Its dates touched another's when it was loaded, and do not by the day it begins."""
    draft = await load(owner, "west", MOVED)
    await owner.execute(
        "update vintage set valid = '[2020-01-01,2021-01-01)' where state = 'active'"
    )
    proposal = await vintages.propose(owner, draft.id)
    assert proposal.before is None
    async with owner.transaction():
        await vintages.activate(owner, proposal, {})
    assert (await find_vintage(owner, draft.id)).state == "active"


async def test_only_the_jobs_near_the_change_are_looked_at(county: County, owner: Connection):
    """A county's change must not read the country's jobs: the index on open places answers."""
    await owner.execute(
        "insert into job (id, reference, authority_id, team_id, category, place, status, priority,"
        " due_at, version, chain_head, created_at, updated_at)"
        " select gen_random_uuid(), 'KB-' || n, %s, %s, 'pothole',"
        " st_setsrid(st_makepoint(-6 + (n %% 100) * 0.08, 50 + n / 100 * 0.08), 4326),"
        " 'received', 3, now(), 1, '', now(), now() from generate_series(1, 10000) n",
        (county.authorities["shire"], county.teams["shire/highways"]),
    )
    await owner.execute("analyze job")
    cursor = await owner.execute(
        "explain " + queries.OPEN_JOBS,
        {"vintages": [1, 2], "at": datetime.now(UTC)},
    )
    plan = "\n".join(line for (line,) in await cursor.fetchall())
    assert "Index Scan using ix_job_place_open" in plan or "on ix_job_place_open" in plan
    assert "Seq Scan on job" not in plan
    # Each job's areas are looked up by the parts' index, inside the function's own words.
    assert "Function Scan on areas_at" not in plan


@pytest.mark.data
async def test_trafford_2023(
    client: httpx.AsyncClient, owner: Connection, data: Path, runtime: Runtime
):
    """The real change: every ward of the council got a new code, and nearly all new borders.

    Open jobs at real postcodes move to the wards that Ordnance Survey gives those postcodes in
    January 2024, and the reports stand as they were routed.
    """
    await categories.store(owner, categories.read(categories.SHIPPED.read_bytes()))
    await authorities.add(owner, NewAuthority("trafford", "Trafford Council", "unitary"))
    await _load_published(owner, data, "trafford_wards_2022_full", date(2004, 6, 10))
    before = _postcodes(data, "2018-07")
    after = _postcodes(data, "2024-01")
    sample = sorted(before.keys() & after.keys())[::160]
    jobs = {}
    for postcode in sample:
        lng, lat, ward = before[postcode]
        place = {"category": "fly_tipping", "location": {"lat": lat, "lng": lng}}
        made = await report(client, {**place, "answers": FLY_TIPPING})
        assert made["ward"]["code"] == ward
        jobs[postcode] = job_of(made)

    draft = await _load_published(owner, data, "trafford_wards_2023_full", date(2023, 5, 4))
    assert draft.state == "draft"
    change = await previewed(owner, draft)
    assert len(change.proposal.comparison.recoded) == 2
    assert {move.job for move in change.moves} == set(jobs.values())
    assert change.by_team() == {("trafford-triage", "trafford-triage"): len(set(jobs.values()))}
    await activated(owner, draft)
    for postcode, number in jobs.items():
        assert (await job(owner, number))[1] == after[postcode][2]
    old = await one(
        owner,
        "select count(*) from report join area on area.id = report.ward_area_id"
        " where starts_with(area.code, 'E05000')",
    )
    assert old == (len(sample),)
    moved = await one(owner, "select count(*) from job_update where kind = 'reassigned'")
    assert moved == (len(set(jobs.values())),)


async def _load_published(conn: Connection, data: Path, name: str, first: date) -> Vintage:
    found = read(data / "boundaries" / "uk" / f"{name}.geojson", Fields("ward_code", "ward_name"))
    owner = await find_authority(conn, "trafford")
    source = {"sha256": found.sha256}
    new = NewVintage(owner, "ward", None, first, None, found.features, source)
    async with conn.transaction():
        return await vintages.load(conn, new)


def _postcodes(data: Path, month: str) -> dict[str, tuple[float, float, str]]:
    path = data / "truth" / f"postcodes_trafford_{month}.csv.gz"
    with gzip.open(path, "rt", newline="") as stream:
        return {
            row["postcode"]: (float(row["lon"]), float(row["lat"]), row["ward_code"])
            for row in csv.DictReader(stream)
        }


async def test_what_is_in_force_cannot_be_proposed(county: County, owner: Connection):
    ((number,),) = await (
        await owner.execute("select min(id) from vintage where kind = 'ward'")
    ).fetchall()
    with pytest.raises(VintageRefused, match="in force from 2020-01-01 already"):
        await vintages.propose(owner, number)


async def test_wards_over_another_council_s_are_refused(county: County, owner: Connection):
    await county.add_authority("rival", "Rival Council", "unitary")
    before = await one(owner, "select count(*) from vintage")
    over_all = {"R1": square(0, 0, 4), "R2": square(4, 0, 2)}
    with pytest.raises(VintageRefused, match="2 wards of west lie inside these of rival"):
        await load(owner, "rival", over_all)
    assert await one(owner, "select count(*) from vintage") == before
    beside = await load(owner, "rival", {"R3": square(8, 0, 2)})
    assert beside.state == "active"
