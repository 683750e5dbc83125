"""From a place to a team: two tiers, zones, borders, gaps, and what lies outside."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from psycopg import AsyncConnection, AsyncCursor

from geo.errors import LooksSwapped, OutsideCoverage
from geo.points import Point
from routing.assign import Router, find, in_words
from routing.errors import NoFallbackTeam, UnknownCategory
from routing.reasons import sentence
from routing.rulebook import load

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

#: In W1 of the west district, far from every border.
IN_W1 = Point(52.01, -0.99)
#: Where the wards W1 and W2 meet.
BETWEEN_WARDS = Point(52.01, -0.98)
#: Where the districts meet: W2 and E1.
BETWEEN_DISTRICTS = Point(52.01, -0.96)


async def assign(land, place, category="pothole", at=NOW):
    return await Router().assign(land.conn, place, category, at)


def answer(assignment):
    ward = assignment.ward.code if assignment.ward else None
    return assignment.authority.slug, assignment.team.slug, ward, assignment.flags


async def test_two_tiers_share_the_work(land):
    assert answer(await assign(land, IN_W1)) == ("shire", "highways", "W1", ())
    assert answer(await assign(land, IN_W1, "fly_tipping")) == ("west", "cleansing", "W1", ())
    found = await assign(land, IN_W1)
    assert [authority.slug for authority in found.authorities] == ["west", "shire"]
    assert found.division.code == "D1"


async def test_a_trunk_road_is_neither_s(land):
    await land.add_authority("roads", "National Roads", "national")
    await land.lay("roads", "zone", {"A1": (-1.0, 52.009, -0.92, 52.011)}, zone_type="trunk_road")
    await land.rule("roads", "pothole", "zone", "type:trunk_road", "tarmac")
    assert answer(await assign(land, IN_W1)) == ("roads", "tarmac", "W1", ())
    assert answer(await assign(land, IN_W1, "fly_tipping")) == ("west", "cleansing", "W1", ())
    assert answer(await assign(land, Point(52.012, -0.99)))[0] == "shire"
    found = await assign(land, IN_W1)
    assert [authority.slug for authority in found.authorities] == ["west", "shire", "roads"]


async def test_a_park_outside_its_owner_s_ground_takes_only_its_own_rules(land):
    await land.lay("east", "zone", {"P1": (-1.0, 52.0, -0.985, 52.02)}, zone_type="park")
    await land.rule("east", None, None, None, "everything", rank=9)
    assert answer(await assign(land, IN_W1)) == ("shire", "highways", "W1", ())
    await land.rule("east", "pothole", "zone", "P1", "parks")
    assert answer(await assign(land, IN_W1)) == ("east", "parks", "W1", ())


async def test_without_a_rule_the_lowest_tier_s_fallback_team_gets_it(land):
    await land.conn.execute("delete from responsibility")
    await land.touch()
    found = await assign(land, IN_W1)
    assert answer(found) == ("west", "west-triage", "W1", ("needs_triage",))
    assert "fallback team" in sentence(found.reasons)


async def test_on_a_border_the_lower_code_without_an_accuracy(land):
    found = await assign(land, BETWEEN_WARDS)
    assert answer(found) == ("shire", "highways", "W1", ("near_boundary",))
    assert found.reasons["border"] == [{"chosen": "W1", "beside": ["W2"]}]


async def test_on_a_border_the_ward_that_holds_most_of_the_circle(land):
    # A tower on the border: at its corner, three quarters of any circle are X2's.
    await land.add_authority("isle", "Isle", "unitary")
    west = "POLYGON((3 52, 3.01 52, 3.01 52.01, 3 52.01, 3 52))"
    rest = "POLYGON((3.01 52, 3.02 52, 3.02 52.02, 3 52.02, 3 52.01, 3.01 52.01, 3.01 52))"
    await land.lay("isle", "ward", {"X1": west, "X2": rest})
    corner = (52.01, 3.01)
    assert (await assign(land, Point(*corner))).ward.code == "X1"
    assert (await assign(land, Point(*corner, accuracy_m=20))).ward.code == "X2"
    assert (await assign(land, Point(*corner, accuracy_m=0))).ward.code == "X1"


async def test_on_a_border_of_two_authorities_one_of_them_is_chosen_first(land):
    found = await assign(land, BETWEEN_DISTRICTS, "fly_tipping")
    # Neither has a code, so the slugs decide: east before west, though W2 comes after E1.
    assert answer(found) == ("east", "cleansing", "E1", ("near_boundary",))
    assert [authority.slug for authority in found.authorities] == ["east", "shire"]
    await land.conn.execute("update authority set code = 'A1' where slug = 'west'")
    await land.conn.execute("update authority set code = 'A2' where slug = 'east'")
    await land.touch()
    assert answer(await assign(land, BETWEEN_DISTRICTS, "fly_tipping"))[2] == "W2"


async def test_the_authority_s_wards_count_together_on_a_border(land):
    # South's one ward holds more of the circle than either of north's two, but less than both.
    await land.add_authority("north", "North", "district")
    await land.add_authority("south", "South", "district")
    await land.conn.execute("update authority set code = 'A2' where slug = 'north'")
    await land.conn.execute("update authority set code = 'A1' where slug = 'south'")
    wards = {"N1": (3, 52, 3.01, 52.01), "N2": (3.01, 52, 3.02, 52.01)}
    await land.lay("north", "ward", wards)
    await land.lay(
        "south", "ward", {"S1": "POLYGON((3 51.99, 3.02 51.99, 3.01 52, 3 52, 3 51.99))"}
    )
    found = await assign(land, Point(52.0, 3.01, accuracy_m=20), "fly_tipping")
    assert found.authority.slug == "north"
    assert set(found.flags) == {"near_boundary", "needs_triage"}


async def test_another_ward_within_the_accuracy_is_said(land):
    place = (52.01, -0.9801)  # 7 m west of the border of W1 and W2
    assert answer(await assign(land, Point(*place)))[3] == ()
    assert answer(await assign(land, Point(*place, accuracy_m=5)))[3] == ()
    near = await assign(land, Point(*place, accuracy_m=10))
    assert answer(near) == ("shire", "highways", "W1", ("near_boundary",))
    assert [area["code"] for area in near.reasons["near"]] == ["W2"]


async def test_a_place_in_no_ward_belongs_to_the_nearest_within_250_m(land):
    beach = Point(51.999, -0.99)  # 111 m south of W1
    found = await assign(land, beach)
    assert answer(found) == ("shire", "highways", "W1", ("nearest_ward",))
    assert found.reasons["ward_distance_m"] == pytest.approx(111, abs=1)
    assert answer(await assign(land, beach, "fly_tipping"))[:2] == ("west", "cleansing")
    assert "111 m from ward W1 Ward" in sentence(found.reasons)


async def test_farther_than_that_it_is_outside_and_the_nearest_authority_is_named(land):
    with pytest.raises(OutsideCoverage) as refused:
        await assign(land, Point(51.99, -0.99))  # 1.1 km south
    nearest = refused.value.facts["nearest"]
    assert (nearest["slug"], nearest["name"]) == ("west", "West District Council")
    assert nearest["distance_m"] == pytest.approx(1112, abs=5)
    with pytest.raises(OutsideCoverage) as refused:
        await assign(land, Point(50.0, -0.99))
    assert refused.value.facts == {}


async def test_swapped_numbers_are_recognised(land):
    with pytest.raises(LooksSwapped):
        await assign(land, Point(IN_W1.lng, IN_W1.lat))


async def test_in_an_own_area_but_far_from_every_ward_a_person_must_look(land):
    await land.lay("west", "authority", {"WEST": (-1.0, 51.98, -0.96, 52.02)})
    assert answer(await assign(land, Point(51.999, -0.99), "fly_tipping")) == (
        "west",
        "cleansing",
        "W1",
        ("nearest_ward",),
    )
    far = Point(51.985, -0.99)
    assert answer(await assign(land, far, "fly_tipping")) == (
        "west",
        "west-triage",
        None,
        ("no_ward",),
    )
    # The county's own rules do not hang on the district's wards.
    assert answer(await assign(land, far)) == ("shire", "highways", None, ("no_ward",))


async def test_the_nearest_ward_is_the_holder_s_not_a_neighbour_s(land):
    # In west's own area, 34 m from E1 (east's) and 240 m from its own W2.
    await land.lay("west", "authority", {"WEST": (-0.9605, 51.98, -0.95, 52.02)})
    found = await assign(land, Point(51.9985, -0.959), "fly_tipping")
    assert (found.authority.slug, found.ward.code) == ("west", "W2")


async def test_an_authority_without_any_wards_routes_by_its_own_area(land):
    await land.add_authority("isle", "Isle", "unitary")
    await land.lay("isle", "authority", {"ISLE": (3, 52, 3.1, 52.1)})
    await land.rule("isle", None, None, None, "works")
    assert answer(await assign(land, Point(52.05, 3.05))) == ("isle", "works", None, ("no_ward",))


async def test_a_ward_beats_a_neighbour_s_coarse_own_area(land):
    await land.lay("east", "authority", {"EAST": (-0.985, 52.0, -0.92, 52.02)})
    found = await assign(land, Point(52.01, -0.97), "fly_tipping")
    assert answer(found) == ("west", "cleansing", "W2", ())


async def test_a_unitary_council_may_call_its_wards_divisions(land):
    await land.add_authority("isle", "Isle", "unitary")
    await land.lay("isle", "division", {"V1": (3, 52, 3.1, 52.1)})
    await land.rule("isle", None, None, None, "works")
    assert answer(await assign(land, Point(52.05, 3.05))) == ("isle", "works", "V1", ())
    assert answer(await assign(land, Point(51.999, 3.05)))[2:] == ("V1", ("nearest_ward",))


async def test_where_only_the_county_is_known_its_division_is_the_ward(land):
    await land.lay("shire", "division", {"D9": (5, 52, 5.1, 52.1)}, valid="[2010-01-01,2020-01-01)")
    found = await assign(land, Point(52.05, 5.05), at=datetime(2015, 1, 1, tzinfo=UTC))
    assert answer(found) == ("shire", "highways", "D9", ())


async def test_a_look_up_is_at_a_date(land):
    await land.add_authority("isle", "Isle", "unitary")
    await land.lay("isle", "ward", {"OLD": (3, 52, 3.1, 52.1)}, valid="[2000-01-01,2023-05-04)")
    await land.lay("isle", "ward", {"NEW": (3, 52, 3.1, 52.1)}, valid="[2023-05-04,)")
    place = Point(52.05, 3.05)
    wards = [
        (await assign(land, place, at=datetime(2023, 5, day, 12, tzinfo=UTC))).ward.code
        for day in (3, 4)
    ]
    assert wards == ["OLD", "NEW"]


async def test_the_reasons_are_data_and_a_sentence(land):
    await land.rule("west", "pothole", "ward", "W1", "lanes", rank=3)
    found = await assign(land, IN_W1)
    reasons = json.loads(found.reasons_json)
    assert reasons == found.reasons
    assert [(area["kind"], area["code"]) for area in reasons["areas"]] == [
        ("ward", "W1"),
        ("division", "D1"),
    ]
    assert reasons["areas"][0]["since"] == "2020-01-01"
    assert [(rule["team"], rule["won"]) for rule in reasons["rules"]] == [
        ("lanes", True),
        ("highways", False),
    ]
    assert reasons["why"] == "area"
    assert sentence(reasons) == (
        "The place lies in ward W1 Ward (W1, in force since 2020-01-01) and division D1 Division"
        " (D1, in force since 2020-01-01). West District Council answers for it because it lies in"
        " one of its wards. Shire County Council answers for it because it lies in one of its"
        " divisions. The rule of west for pothole in ward W1 won before 1 other because it is for"
        " the most specific area: Pothole there goes to Lanes of West District Council."
    )


async def test_a_tie_that_slipped_through_is_decided_and_said(land):
    await land.rule("west", "pothole", None, None, "lanes")
    found = await assign(land, IN_W1)
    assert found.flags == ("rules_tie",)
    assert found.reasons["why"] == "tie"


async def test_a_place_in_words_goes_to_the_fallback_team(land):
    rules = await load(land.conn)
    found = in_words(rules, rules.by_slug["west"])
    assert answer(found) == ("west", "west-triage", None, ("needs_place",))
    assert sentence(found.reasons).startswith("The place is known in words only.")


async def test_an_unknown_category_and_a_missing_fallback_team_are_said(land):
    with pytest.raises(UnknownCategory):
        await assign(land, IN_W1, "volcano")
    await land.conn.execute("update authority set fallback_team = 'nobody'")
    await land.conn.execute("delete from responsibility")
    await land.touch()
    with pytest.raises(NoFallbackTeam):
        await assign(land, IN_W1)


@pytest.fixture
def statements(monkeypatch):
    """Every statement that runs, as it runs."""
    ran = []
    execute = AsyncCursor.execute

    async def noted(self, query, *args, **kwargs):
        ran.append(query)
        return await execute(self, query, *args, **kwargs)

    monkeypatch.setattr(AsyncCursor, "execute", noted)
    return ran


async def test_a_known_set_of_areas_costs_no_further_statement(land, statements):
    router = Router()
    found = await find(land.conn, IN_W1, NOW)
    first = await router.decide(land.conn, IN_W1, "pothole", NOW, found)
    statements.clear()
    elsewhere_in_w1 = Point(52.005, -0.995)
    again = await router.decide(land.conn, elsewhere_in_w1, "pothole", NOW, found)
    other = await router.decide(land.conn, IN_W1, "fly_tipping", NOW, found)
    assert statements == []
    assert again is first
    assert other.team.slug == "cleansing"


async def test_rules_that_changed_are_read_anew(land):
    router = Router()
    assert (await router.assign(land.conn, IN_W1, "pothole", NOW)).team.slug == "highways"
    await land.rule("west", "pothole", "ward", "W1", "lanes")
    assert (await router.assign(land.conn, IN_W1, "pothole", NOW)).team.slug == "lanes"
    assert (await router.current(land.conn)).version == router.rules.version


async def test_tasks_that_find_new_rules_at_once_read_them_once(land, database, statements):
    router = Router()
    statements.clear()

    async def one():
        async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
            return await router.assign(conn, IN_W1, "pothole", NOW)

    answers = await asyncio.gather(*(one() for _ in range(8)))
    assert len({id(each) for each in answers}) == 1
    assert sum("from authority a" in statement for statement in statements) == 1
