"""The most specific rule wins, whoever is asked first; rules that could tie are found."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.rules import AreaKey, Ground, Rule, conflicts, decide, index

COUNTY, DISTRICT, ROADS = 1, 2, 3

WARD = AreaKey(DISTRICT, "ward", "W1")
OTHER_WARD = AreaKey(DISTRICT, "ward", "W2")
DIVISION = AreaKey(COUNTY, "division", "D1")
TRUNK = AreaKey(ROADS, "zone", "A1", "trunk_road")
PARK = AreaKey(DISTRICT, "zone", "P1", "park")
AREAS = (WARD, OTHER_WARD, DIVISION, TRUNK, PARK)

HERE = Ground(frozenset({COUNTY, DISTRICT}), frozenset({WARD, DIVISION, TRUNK, PARK}))


def rule(number, authority=DISTRICT, category=None, kind=None, code=None, rank=0):
    return Rule(number, authority, category, kind, code, team_id=number, rank=rank)


def won(*rules, ground=HERE, category="pothole"):
    return decide(index(rules), category, ground)


def test_a_rule_for_the_category_beats_a_zone_rule_for_any():
    verdict = won(rule(1, category="pothole"), rule(2, kind="zone", code="P1"))
    assert (verdict.won.id, verdict.why) == (1, "category")


def test_a_zone_beats_a_ward_and_a_ward_the_whole():
    verdict = won(rule(1), rule(2, kind="ward", code="W1"), rule(3, kind="zone", code="P1"))
    assert [each.id for each in verdict.considered] == [3, 2, 1]
    assert verdict.why == "area"


def test_then_the_lower_rank():
    verdict = won(rule(1, COUNTY, rank=5), rule(2, DISTRICT, rank=-1))
    assert (verdict.won.id, verdict.why) == (2, "rank")


def test_a_rule_for_another_ward_category_or_authority_does_not_apply():
    verdict = won(
        rule(1, kind="ward", code="W2"),
        rule(2, category="fly_tipping"),
        rule(3, ROADS),  # found by its zone only: its whole ground is not here
        rule(4, COUNTY, kind="ward", code="W1"),  # the district's ward of that code
    )
    assert verdict.won is None
    assert verdict.why == "fallback"


def test_every_zone_of_a_type_and_every_area_of_a_kind():
    assert won(rule(1, ROADS, kind="zone", code="type:trunk_road")).won.id == 1
    assert won(rule(1, ROADS, kind="zone", code="type:park")).won is None
    assert won(rule(1, DISTRICT, kind="ward")).won.id == 1
    assert won(rule(1, DISTRICT, kind="division")).won is None


def test_a_county_and_its_district_that_both_take_everything_tie():
    rules = [rule(1, COUNTY), rule(2, DISTRICT), rule(3, DISTRICT, category="pothole")]
    together = [((COUNTY, None, None), (DISTRICT, None, None))]
    assert [(a.id, b.id) for a, b in conflicts(rules, AREAS, together)] == [(1, 2)]
    assert conflicts(rules, AREAS, []) == []


def test_every_ward_and_one_ward_tie_but_two_wards_do_not():
    wards = [rule(1, kind="ward", code="W1"), rule(2, kind="ward", code="W2")]
    assert conflicts(wards, AREAS, []) == []
    every = [*wards, rule(3, kind="ward")]
    assert [(a.id, b.id) for a, b in conflicts(every, AREAS, [])] == [(1, 3), (2, 3)]


def test_two_zones_tie_only_where_they_overlap():
    rules = [rule(1, ROADS, kind="zone", code="type:trunk_road"), rule(2, kind="zone", code="P1")]
    overlap = [((ROADS, "zone", "A1"), (DISTRICT, "zone", "P1"))]
    assert conflicts(rules, AREAS, []) == []
    assert [(a.id, b.id) for a, b in conflicts(rules, AREAS, overlap)] == [(1, 2)]
    assert conflicts([rules[0], rule(2, kind="zone", code="P1", rank=1)], AREAS, overlap) == []


EXTENTS = (
    [(authority, None, None) for authority in (COUNTY, DISTRICT, ROADS)]
    + [(area.authority_id, area.kind, area.code) for area in AREAS]
    + [(area.authority_id, area.kind, None) for area in AREAS]
    + [(ROADS, "zone", "type:trunk_road"), (DISTRICT, "zone", "type:park")]
)


@st.composite
def rulebooks(draw):
    """Some rules, none twice for the same at one rank, as the database has it."""
    keys = draw(
        st.sets(
            st.tuples(
                st.sampled_from(EXTENTS),
                st.sampled_from([None, "pothole", "fly_tipping"]),
                st.integers(0, 2),
            ),
            max_size=12,
        )
    )
    numbered = enumerate(sorted(keys, key=repr), 1)
    return [
        rule(number, extent[0], category, extent[1], extent[2], rank)
        for number, (extent, category, rank) in numbered
    ]


grounds = st.builds(
    Ground,
    st.frozensets(st.sampled_from([COUNTY, DISTRICT, ROADS])),
    st.frozensets(st.sampled_from(AREAS)),
)


def brute_force(rules, category, ground):
    """DESIGN section 4 word by word: those that apply, thinned out by each criterion in turn."""

    def applies(each):
        if each.category not in {None, category}:
            return False
        if each.area_kind is None:
            return each.authority_id in ground.whole
        return any(
            area.authority_id == each.authority_id
            and area.kind == each.area_kind
            and each.area_code in {None, area.code, f"type:{area.zone_type}"}
            for area in ground.areas
        )

    left = [each for each in rules if applies(each)]
    if any(each.category for each in left):
        left = [each for each in left if each.category]
    for kinds in ({"zone"}, {"ward", "division"}):
        if any(each.area_kind in kinds for each in left):
            left = [each for each in left if each.area_kind in kinds]
            break
    return [each for each in left if each.rank == min(each.rank for each in left)]


@given(rulebooks(), grounds)
def test_the_winner_is_the_one_that_brute_force_leaves(rules, ground):
    left = brute_force(rules, "pothole", ground)
    verdict = won(*rules, ground=ground)
    if not left:
        assert verdict.won is None
    else:
        assert verdict.won in left
        assert (verdict.why == "tie") == (len(left) > 1)


@given(rulebooks(), grounds, st.randoms())
def test_the_order_of_the_rules_does_not_matter(rules, ground, random):
    shuffled = random.sample(rules, len(rules))
    assert won(*rules, ground=ground) == won(*shuffled, ground=ground)


#: All the places there can be when every area may overlap every other, and both whole authorities.
ALL_MEET = [
    (one, other)
    for one, other in permutations([e for e in EXTENTS if e[2] or e[1] is None], 2)
    if not (one[1] == other[1] == "ward" and one[0] == other[0])
    and not (one[1] is None) ^ (other[1] is None)
]


@settings(max_examples=300)
@given(rulebooks(), grounds)
def test_rules_without_conflicts_never_tie(rules, ground):
    place = Ground(ground.whole, ground.areas - {OTHER_WARD})  # a border leaves one ward
    verdict = won(*rules, ground=place)
    found = {frozenset(pair) for pair in conflicts(rules, AREAS, ALL_MEET)}
    if verdict.why == "tie":
        assert frozenset(verdict.considered[:2]) in found
