"""What one vintage changes in another."""

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate

from geo.boundaries.comparing import compare
from tests.support.shapes import STEP, features, square


def codes(areas) -> list[str]:
    return [each.code for each in areas]


def test_the_same_again_changes_nothing():
    wards = features({"W1": square(0), "W2": square(1)})
    comparison = compare(wards, wards)
    assert codes(comparison.same) == ["W1", "W2"]
    assert comparison.added == comparison.gone == comparison.recoded == comparison.moved == ()


def test_a_new_code_on_the_same_ground_is_recoded():
    comparison = compare(features({"W1": square(0)}), features({"N1": square(0)}))
    ((old, new),) = [(each.old.code, each.new.code) for each in comparison.recoded]
    assert (old, new) == ("W1", "N1")
    assert comparison.gone == comparison.added == ()


def test_the_same_code_on_other_ground_has_moved():
    (moved,) = compare(features({"W1": square(0)}), features({"W1": square(0.25)})).moved
    assert (moved.area.code, moved.left, moved.came) == ("W1", 0.25, 0.25)


def test_codes_that_change_places_have_moved():
    """W1's new ground is W2's old: the code says one thing, the place another; the code is used."""
    comparison = compare(
        features({"W1": square(0), "W2": square(1)}), features({"W1": square(1), "W2": square(0)})
    )
    assert [(each.area.code, each.left) for each in comparison.moved] == [("W1", 1), ("W2", 1)]
    assert comparison.recoded == ()


def test_a_split_ward_goes_and_names_its_successors():
    halves = {
        "N1": shapely.box(*square(0).bounds[:2], square(0).bounds[0] + 0.7 * STEP, 52 + STEP),
        "N2": shapely.box(square(0).bounds[0] + 0.7 * STEP, 52, *square(0).bounds[2:]),
    }
    comparison = compare(features({"W1": square(0)}), features(halves))
    (gone,) = comparison.gone
    assert [(area.code, share) for area, share in gone.successors] == [("N1", 0.7), ("N2", 0.3)]
    assert codes(comparison.added) == ["N1", "N2"]


def test_merged_wards_both_go():
    both = square(0) | square(1)
    comparison = compare(features({"W1": square(0), "W2": square(1)}), features({"N1": both}))
    assert [each.area.code for each in comparison.gone] == ["W1", "W2"]
    assert codes(comparison.added) == ["N1"]


def test_a_border_drawn_with_less_detail_has_not_moved():
    """Wiggles of 30 m smoothed away are another drawing of the same ward, under any code."""
    wiggly = square(0).segmentize(STEP / 20)
    shifted = shapely.transform(
        wiggly, lambda xy: xy + ([[0.0002], [-0.0002]] * len(xy))[: len(xy)]
    )
    assert compare(features({"W1": square(0)}), features({"W1": shifted})).moved == ()
    assert compare(features({"W1": square(0)}), features({"N1": shifted})).gone == ()


def test_a_street_that_changed_sides_is_a_move():
    """45 m all along one side: some houses deep."""
    wider = square(0) | translate(square(0), 45 / 68_680)
    assert len(compare(features({"W1": square(0)}), features({"W1": wider})).moved) == 1


def test_a_first_vintage_only_adds():
    comparison = compare([], features({"W1": square(0)}))
    assert codes(comparison.added) == ["W1"]
    assert comparison.gone == ()


@given(
    st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 5), min_size=1),
    st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 5), min_size=1),
)
@settings(max_examples=80, deadline=None)
def test_every_code_has_one_fate(old: dict[str, int], new: dict[str, int]):
    """Whatever happens to codes and places, each old code is told of once, and each new one."""
    before = {code: square(place, 0) for code, place in old.items()}
    after = {code: square(place, 0) for code, place in new.items()}
    comparison = compare(features(before), features(after))
    kept = codes(comparison.same) + [each.area.code for each in comparison.moved]
    of_old = kept + [each.area.code for each in comparison.gone]
    of_old += [each.old.code for each in comparison.recoded]
    of_new = kept + codes(comparison.added) + [each.new.code for each in comparison.recoded]
    assert sorted(of_old) == sorted(old)
    assert sorted(of_new) == sorted(new)
    for each in comparison.recoded:
        assert before[each.old.code].equals(after[each.new.code])
