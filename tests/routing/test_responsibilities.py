"""Rules from a file: checked line by line, put in the place of the old, never able to tie."""

import pytest

from routing.errors import RulesRefused
from routing.responsibilities import make_fallback_teams, read, replace
from routing.rulebook import load
from routing.ties import refuse_ties

HEADER = "authority,category,area_kind,area_code,team,rank\n"


async def put(land, text):
    return await replace(land.conn, read(HEADER + text))


async def rules_of(land, slug):
    cursor = await land.conn.execute(
        "select category, area_kind, area_code, team.slug, rank from responsibility r"
        " join authority a on a.id = r.authority_id join team on team.id = r.team_id"
        " where a.slug = %s order by r.id",
        (slug,),
    )
    return await cursor.fetchall()


async def test_the_file_replaces_the_rules_of_its_authorities_and_of_no_others(land):
    before = (await load(land.conn)).version
    done = await put(
        land,
        "west,fly_tipping,,,waste-west,\n\nwest,,ward,W1,lanes,2\nwest,pothole,authority,,lanes,7\n",
    )
    assert (done.authorities, done.rules, done.before) == (("west",), 3, 1)
    assert done.teams_made == ("west/waste-west", "west/lanes")
    assert await rules_of(land, "west") == [
        ("fly_tipping", None, None, "waste-west", 0),
        (None, "ward", "W1", "lanes", 2),
        ("pothole", None, None, "lanes", 7),
    ]
    assert await rules_of(land, "east") == [("fly_tipping", None, None, "cleansing", 0)]
    rules = await load(land.conn)
    assert rules.version > before
    assert {team.name for team in rules.teams.values()} >= {"Waste West", "Lanes"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mars,,,,rovers,0\n", "Line 2: there is no authority mars."),
        ("west,volcano,,,lanes,0\n", "Line 2: there is no category volcano."),
        ("west,,ward,E1,lanes,0\n", "Line 2: west has no ward E1."),
        ("west,,zone,type:park,lanes,0\n", "Line 2: west has no zone of type park."),
        ("west,,,W1,lanes,0\n", "Line 2: has an area_code but no area_kind."),
        ("west,,parish,W1,lanes,0\n", "Line 2: area_kind is one of ward, division, zone"),
        ("west,,,,Lanes & Verges,0\n", "Line 2: team must be a slug"),
        ("west,,,,,0\n", "Line 2: team must be a slug"),
        ("west,,,,lanes,first\n", "Line 2: rank must be a whole number."),
        (",,,,lanes,0\n", "Line 2: names no authority."),
        ("west,,,,lanes,0,more\n", "Line 2: has 7 cells, the header 6."),
        ("west,,,,lanes,0\nwest,,,,verges,0\n", "Line 3: is for the same as line 2"),
        ("west,,ward,W9,a,0\nwest,x,,,b,0\n", "Line 2: west has no ward W9. Also wrong: line 3."),
        ('west,"\n', "Line 2: not CSV"),
        ("", "holds no rule"),
    ],
)
async def test_what_is_wrong_is_told_by_line_and_nothing_is_changed(land, text, says):
    with pytest.raises(RulesRefused) as refused:
        async with land.conn.transaction():
            await put(land, text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert await rules_of(land, "west") == [("fly_tipping", None, None, "cleansing", 0)]


def test_a_column_that_is_missing_is_named():
    with pytest.raises(RulesRefused, match="no column team"):
        read("authority,category,area_kind,area_code\n")
    assert read("\ufeffTeam, Authority ,category,area_kind,area_code\nlanes,west,,,\n")[0].rank == 0


async def ties(land, text):
    async with land.conn.transaction(force_rollback=True):
        try:
            await put(land, text)
        except RulesRefused as refused:
            return str(refused)
    return None


async def test_a_county_and_a_district_that_both_take_the_same_tie(land):
    said = await ties(land, "west,pothole,,,lanes,0\n")
    assert "line 2 (west, pothole, the whole authority, rank 0 → lanes)" in said
    assert "the loaded rule (shire, pothole, the whole authority, rank 0 → highways)" in said
    assert await ties(land, "west,pothole,,,lanes,1\n") is None
    assert await ties(land, "west,,,,lanes,0\n") is None  # the county's names the category


async def test_two_districts_never_tie(land):
    assert await ties(land, "west,fly_tipping,,,a,0\neast,fly_tipping,,,b,0\n") is None


async def test_a_ward_and_a_division_tie_where_they_overlap(land):
    assert await ties(land, "shire,fly_tipping,division,D1,a,0\nwest,fly_tipping,ward,W1,b,0\n")
    assert (
        await ties(land, "shire,fly_tipping,division,D2,a,0\nwest,fly_tipping,ward,W1,b,0\n")
        is None
    )
    assert await ties(land, "shire,fly_tipping,division,,a,0\nwest,fly_tipping,ward,W1,b,0\n")


async def test_every_ward_and_one_ward_tie(land):
    assert await ties(land, "west,,ward,,a,0\nwest,,ward,W2,b,0\n")
    assert await ties(land, "west,,ward,,a,1\nwest,,ward,W2,b,0\n") is None
    assert await ties(land, "west,,ward,W1,a,0\nwest,,ward,W2,b,0\n") is None


async def test_zones_tie_where_they_overlap(land):
    await land.add_authority("roads", "National Roads", "national")
    await land.lay("roads", "zone", {"A1": (-1.0, 52.009, -0.92, 52.011)}, zone_type="trunk_road")
    park_on_it = {"P1": (-0.99, 52.0, -0.985, 52.02)}
    await land.lay("west", "zone", park_on_it, zone_type="park")
    road = "roads,pothole,zone,A1,tarmac,0\n"
    assert await ties(land, road + "west,pothole,zone,type:park,parks,0\n")
    assert await ties(land, road + "west,pothole,zone,P1,parks,1\n") is None
    assert await ties(land, road + "west,pothole,ward,W1,lanes,0\n") is None
    # A national body's whole area is where its zones are: on the county's ground.
    assert await ties(land, "roads,pothole,,,tarmac,0\n")


async def test_boundaries_that_make_rules_tie_are_found_too(land):
    await put(land, "shire,fly_tipping,division,D2,a,0\nwest,fly_tipping,ward,W1,b,0\n")
    await refuse_ties(land.conn)
    await land.lay(
        "shire", "division", {"D2": (-1.0, 52.0, -0.99, 52.02)}, valid="[2019-01-01,2020-01-01)"
    )
    await refuse_ties(land.conn)  # long past
    await land.conn.execute("update area_part set in_force = '[2020-01-01 00:00Z,)'")
    with pytest.raises(RulesRefused, match="could both win"):
        await refuse_ties(land.conn)


async def test_fallback_teams_are_made_where_they_are_missing(land):
    await land.conn.execute("update authority set fallback_team = 'front-desk' where slug = 'west'")
    await make_fallback_teams(land.conn)
    rules = await load(land.conn)
    west = rules.by_slug["west"]
    assert rules.teams[west.fallback_team_id].name == "Front Desk"


async def test_a_ward_that_has_ended_is_named(land):
    await land.conn.execute(
        "update vintage set valid = daterange(lower(valid), current_date - 30)"
        " where id = (select vintage_id from area where code = 'W1')"
    )
    done = await put(land, "west,fly_tipping,ward,W1,lanes,\nwest,fly_tipping,,,waste-west,\n")
    assert done.ended == ("W1",)
