"""What speaks for the same defect and what against; two reports of one always share a lock."""

import json
import math
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from geo.points import METRES_PER_DEGREE, Point, metres_between
from reporting.images.likeness import likeness
from routing.categories import SHIPPED, read
from routing.duplicates import (
    ACCURACY_COUNTED_M,
    Known,
    Told,
    counted_m,
    locks,
    reach_m,
    score,
    scores,
    sentence,
)

POTHOLE, FLY_TIPPING = read(SHIPPED.read_bytes())

accuracies = st.none() | st.floats(0, 100_000)
places = st.builds(Point, st.floats(-70, 70), st.floats(-179, 179), accuracies)
metres = st.floats(-70, 70)


@given(places, metres, metres, accuracies)
def test_whoever_could_join_the_other_shares_a_lock(place, north, east, accuracy):
    other = Point(
        place.lat + north / METRES_PER_DEGREE, place.lng + east / METRES_PER_DEGREE, accuracy
    )
    widest = reach_m(FLY_TIPPING, place) + counted_m(accuracy)
    assume(metres_between(place, other) <= widest)
    assert set(locks(FLY_TIPPING, place)) & set(locks(FLY_TIPPING, other))


@given(places)
def test_locks_are_ascending_and_few(place):
    keys = locks(POTHOLE, place)
    assert keys == sorted(set(keys))
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert 1 <= len(keys) <= 4


def test_another_category_waits_for_nobody():
    place = Point(51.45, -2.58)
    assert not set(locks(POTHOLE, place)) & set(locks(FLY_TIPPING, place))
    assert locks(POTHOLE, None) == []


def test_an_accuracy_beyond_the_cap_reaches_no_further():
    assert reach_m(POTHOLE, Point(51, 0)) == 10
    assert reach_m(POTHOLE, Point(51, 0, 5)) == 15
    assert reach_m(POTHOLE, Point(51, 0, 100_000)) == 10 + ACCURACY_COUNTED_M


SAME = {"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"}
HERE = Known(distance_m=0, age_days=0)


def likely(known: Known, told: Told | None = None, category=POTHOLE, others: int = 0) -> float:
    return score(category, told or Told(), known, others).probability


def test_on_the_spot_and_at_once_it_is_as_the_category_says():
    assert math.isclose(likely(HERE), POTHOLE.duplicates.prior)
    assert math.isclose(likely(HERE, category=FLY_TIPPING), FLY_TIPPING.duplicates.prior)


@given(st.floats(0, 60), st.floats(0, 400), accuracies, st.integers(0, 7))
def test_farther_older_less_sure_or_more_crowded_is_never_likelier(metres, days, accuracy, others):
    base = likely(Known(metres, days, accuracy), Told(accuracy), others=others)
    assert likely(Known(metres + 5, days, accuracy), Told(accuracy), others=others) < base
    assert likely(Known(metres, days + 5, accuracy), Told(accuracy), others=others) < base
    assert likely(Known(metres, days, accuracy), Told(accuracy), others=others + 1) < base
    on_the_spot = likely(Known(0, days, accuracy), Told(accuracy), others=others)
    assert likely(Known(0, days, 60), Told(accuracy), others=others) <= on_the_spot


def test_both_accuracies_count_alike():
    one = likely(Known(20, 0, 30), Told(5))
    assert math.isclose(one, likely(Known(20, 0, 5), Told(30)))
    # Twenty metres apart with two good positions are two holes; with poor ones they may be one.
    assert score(POTHOLE, Told(3), Known(20, 0, 3)).parts["distance"] < -3
    assert score(POTHOLE, Told(15), Known(20, 0, 15)).parts["distance"] > -2


def test_the_same_answers_speak_for_it_and_other_answers_against():
    told = Told(answers=SAME)
    agrees = likely(Known(8, 0, answers=SAME), told)
    silent = likely(Known(8, 0), told)
    differs = likely(Known(8, 0, answers={**SAME, "where": "pavement"}), told)
    assert agrees > silent > differs
    # Two people judge a depth differently more often than they mistake a pavement for a road.
    shallower = likely(Known(8, 0, answers={**SAME, "depth": "under_4cm"}), told)
    assert shallower > differs
    unsure = likely(Known(8, 0, answers={**SAME, "depth": "not_sure"}), told)
    assert agrees > unsure > shallower


def test_answers_in_numbers_agree_when_they_are_close_and_words_only_when_they_are_the_same():
    definition = {
        "code": "light",
        "name": "Light",
        "risk": {"impact": 1, "likelihood": 1},
        "radius_m": 20,
        "questions": [
            {"code": "out", "label": "How many?", "kind": "number"},
            {"code": "column", "label": "Column", "kind": "text"},
            {"code": "flickers", "label": "Flickers?", "kind": "bool"},
        ],
    }
    (light,) = read(json.dumps({"categories": [definition]}))

    def answered(ours, theirs):
        return score(light, Told(answers=ours), Known(0, 0, answers=theirs)).parts["answers"]

    assert answered({"out": 10}, {"out": 8.5}) > 0 > answered({"out": 10}, {"out": 5})
    assert answered({"out": 0}, {"out": 0}) > 0
    assert answered({"column": "17a "}, {"column": "17a"}) > 0
    assert answered({"column": "17a"}, {"column": "by the shop"}) == 0
    assert answered({"flickers": True}, {"flickers": True}) > 0
    assert answered({"flickers": True}, {"flickers": False}) < 0
    assert answered({"out": 1, "gone": 3}, {"gone": 3}) == 0


def test_one_picture_sent_twice_is_one_defect_and_two_pictures_say_nothing():
    picture, other = 0x5A5A_3C3C_F0F0_9999 - 2**64 // 2, -1
    far = Known(18, 0, 15, photos=(other, picture))
    assert score(POTHOLE, Told(15, photos=(picture ^ 0b101,)), far).joins
    assert not score(POTHOLE, Told(15), far).joins
    assert score(POTHOLE, Told(photos=(0,)), Known(0, 0, photos=(-1,))).parts["photos"] == 0
    # Signed or not, bits are bits: the sign is the 64th.
    flipped = Known(0, 0, photos=(-(2**63),))
    assert score(POTHOLE, Told(photos=(0,)), flipped).parts["photos"] == 4


@pytest.mark.parametrize("prior", [0.001, 0.999])
def test_a_category_decides_how_sure_to_be(prior):
    never = POTHOLE.model_copy(
        update={
            "duplicates": POTHOLE.duplicates.model_copy(update={"prior": prior, "threshold": 1})
        }
    )
    alike = Known(0, 0, answers=SAME, photos=(7,))
    found = score(never, Told(answers=SAME, photos=(7,)), alike)
    assert not found.joins
    assert math.isclose(found.parts["prior"], math.log(prior / (1 - prior)))


def test_of_several_open_jobs_each_knows_of_the_others():
    two = scores(POTHOLE, Told(), [HERE, Known(5, 0)])
    assert [found.distance_m for found in two] == [0, 5]
    assert all(found.parts["others"] < 0 for found in two)
    assert scores(POTHOLE, Told(), [HERE])[0].parts["others"] == 0
    assert scores(POTHOLE, Told(), []) == []


@given(st.floats(0, 200), st.floats(0, 4000), accuracies, st.integers(0, 7))
def test_what_the_log_keeps_comes_back_as_it_went_in(metres, days, accuracy, others):
    kept = score(POTHOLE, Told(accuracy), Known(metres, days, accuracy), others).as_json()
    text = json.dumps(kept)
    assert json.loads(text) == kept
    parts = kept["parts"]
    assert all(not (value == 0 and math.copysign(1, value) < 0) for value in parts.values())


def test_what_the_log_keeps_reads_as_a_sentence():
    found = score(POTHOLE, Told(5, answers=SAME), Known(6, 2, answers=SAME)).as_json()
    said = sentence({"job": "KB-7F3K9Q", **found})
    assert said == (
        "73% likely to be the defect of KB-7F3K9Q, 6 m away, where 40% is enough"
        " (for it: the answers; against: the distance, unsure positions,"
        " the time since its last report)."
    )
    plain = sentence({"job": "KB-7F3K9Q", **score(POTHOLE, Told(), HERE).as_json()})
    assert plain.endswith("where 40% is enough.")


@pytest.mark.data
def test_real_pictures_of_streets_are_told_apart_and_known_again(data):
    pictures = []
    for path in sorted((data / "photos").glob("street_*.jpg")):
        with Image.open(path) as image:
            pictures.append(image.convert("RGB"))
    assert len(pictures) >= 4

    def worth(one, other):
        told, known = Told(photos=(likeness(one),)), Known(0, 0, photos=(likeness(other),))
        return score(POTHOLE, told, known).parts["photos"]

    for picture in pictures:
        assert worth(picture, picture.resize((640, 480))) == 4
        assert worth(picture, picture.resize((320, 240)).point(lambda value: value * 0.8)) == 4
    assert all(worth(one, other) == 0 for one, other in combinations(pictures, 2))
