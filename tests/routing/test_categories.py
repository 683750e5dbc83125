"""Categories are data: the shipped ones are sound, a council's own are checked, answers too."""

import json
import math

import pytest

from routing.answers import check_answers
from routing.categories import SHIPPED, read, store
from routing.errors import AnswersRefused, CategoriesRefused
from routing.rulebook import load

POTHOLE, FLY_TIPPING = read(SHIPPED.read_bytes())

LIGHT = {
    "code": "street_light",
    "name": "Street light",
    "risk": {
        "impact": 1,
        "likelihood": 1,
        "moves": [
            {"question": "out", "at_least": 3, "impact": 2},
            {"question": "flickers", "is": [True], "likelihood": 1},
        ],
    },
    "radius_m": 15,
    "questions": [
        {
            "code": "out",
            "label": "How many are out?",
            "kind": "number",
            "required": True,
            "minimum": 1,
            "maximum": 50,
        },
        {"code": "flickers", "label": "Does it flicker?", "kind": "bool"},
        {"code": "column", "label": "The number on the column", "kind": "text"},
    ],
}


def file_of(**changes):
    return json.dumps({"categories": [{**LIGHT, **changes}]})


def test_the_shipped_two_ask_what_the_council_needs():
    assert [question.code for question in POTHOLE.questions] == ["where", "depth", "width"]
    assert [question.code for question in FLY_TIPPING.questions] == ["size", "waste", "land"]
    # The size bands of Defra's fly-tipping statistics (WasteDataFlow).
    assert [choice.code for choice in FLY_TIPPING.by_code["size"].choices] == [
        "single_black_bag",
        "single_item",
        "car_boot",
        "small_van",
        "transit_van",
        "tipper_lorry",
        "multi_load",
    ]
    assert FLY_TIPPING.public()["response"]["P1"] == "within 2 hours"
    assert "999" in FLY_TIPPING.public()["emergency_notice"]
    assert "risk" not in POTHOLE.public()


def test_pictures_are_public_once_looked_at_unless_the_category_says_otherwise():
    # A hole in the road shows nobody; rubbish shows addresses, and what people throw away.
    assert (POTHOLE.public_photos, FLY_TIPPING.public_photos) == ("auto", "checked")
    (said_nothing,) = read(file_of())
    assert said_nothing.public_photos == "checked"
    (never,) = read(file_of(public_photos="never"))
    assert never.public_photos == "never"


def test_what_is_written_is_read_back():
    for category in (POTHOLE, FLY_TIPPING, *read(file_of())):
        again = read(json.dumps({"categories": [category.definition()]}))
        assert again == (category,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "The file"),
        (file_of(radius_m=0), "street_light, radius_m"),
        (file_of(radius_m=math.inf), "street_light, radius_m"),
        (file_of(colour="red"), "street_light, colour"),
        (file_of(public_photos="always"), "street_light, public_photos"),
        (file_of(duplicates={"threshold": 0}), "street_light, duplicates, threshold"),
        (file_of(duplicates={"prior": 1}), "street_light, duplicates, prior"),
        (file_of(duplicates={"questions": {"age": 1}}), "age, which is not asked"),
        (file_of(nearby_m=5000), "street_light, nearby_m"),
        (file_of(code="Street Light"), "code"),
        (file_of(response={"P1": {"hours": 2, "days": 1}}), "one of hours, working_days or days"),
        (
            file_of(
                questions=[{"code": "q", "label": "Q", "kind": "choice"}],
                risk={"impact": 1, "likelihood": 1},
            ),
            "needs choices",
        ),
        (file_of(risk={"impact": 5, "likelihood": 1}), "risk, impact"),
        (
            file_of(
                risk={"impact": 1, "likelihood": 1, "moves": [{"question": "age", "is": ["x"]}]}
            ),
            "age, which is not asked",
        ),
        (
            file_of(
                risk={"impact": 1, "likelihood": 1, "moves": [{"question": "column", "is": ["x"]}]}
            ),
            "no answer to it",
        ),
        *(
            (file_of(risk={"impact": 1, "likelihood": 1, "moves": [move]}), says)
            for move, says in (
                ({"impact": 1}, "one of question, zone_type, zone or reports"),
                ({"zone_type": "school", "reports": 3}, "one of question, zone_type, zone or"),
                ({"zone_type": "school", "is": [True]}, "no other, needs either is or at_least"),
                ({"question": "out"}, "needs either is or at_least"),
                ({"question": "flickers", "is": [True], "within_m": 5}, "goes with zone_type"),
                ({"zone_type": "school", "within_m": 501}, "within_m"),
                ({"reports": 3, "impact": -1}, "never lower it"),
                ({"reports": 1}, "reports"),
            )
        ),
        (file_of(questions=[*LIGHT["questions"], LIGHT["questions"][0]]), "same code"),
        (json.dumps({"categories": [LIGHT, LIGHT]}), "used twice"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_where_it_does_not(text, says):
    with pytest.raises(CategoriesRefused) as refused:
        read(text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_answers_that_fit():
    (light,) = read(file_of())
    check_answers(light, {"out": 3, "flickers": False, "column": "17a"})
    check_answers(light, {"out": 1.0})
    check_answers(light, {}, waive_required=True)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "street_light needs an answer to: out."),
        ({"flickers": True}, "street_light needs an answer to: out."),
        ({"out": 1, "secret": 2}, "does not ask; it asks out, flickers, column."),
        ({"out": "1"}, "The answer to out must be a number from 1 up to 50."),
        ({"out": True}, "must be a number"),
        ({"out": 0}, "must be a number"),
        ({"out": 51}, "must be a number"),
        ({"out": math.nan}, "must be a number"),
        ({"out": math.inf}, "must be a number"),
        ({"out": None}, "must be a number"),
        ({"out": 1, "flickers": 1}, "The answer to flickers must be true or false."),
        ({"out": 1, "column": ""}, "The answer to column must be text"),
        ({"out": 1, "column": "x" * 501}, "The answer to column must be text"),
        ({"out": 1, "column": ["x"]}, "The answer to column must be text"),
    ],
)
def test_answers_that_do_not_fit_are_refused_in_one_sentence(answers, says):
    (light,) = read(file_of())
    with pytest.raises(AnswersRefused) as refused:
        check_answers(light, answers)
    assert says in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_unknown_choice_is_refused_with_the_choices():
    with pytest.raises(AnswersRefused, match="one of: carriageway, edge"):
        check_answers(POTHOLE, {"where": "moon", "depth": "under_4cm"})
    with pytest.raises(AnswersRefused, match="one of"):
        check_answers(POTHOLE, {"where": ["edge"], "depth": "under_4cm"})


def test_waiving_required_answers_waives_nothing_else():
    with pytest.raises(AnswersRefused, match="one of"):
        check_answers(POTHOLE, {"where": "moon"}, waive_required=True)


async def test_loading_adds_and_changes_and_leaves_the_rest(owner):
    assert (await store(owner, [POTHOLE, FLY_TIPPING])).added == ("pothole", "fly_tipping")
    (light,) = read(file_of())
    (retired,) = read(json.dumps({"categories": [{**FLY_TIPPING.definition(), "active": False}]}))
    done = await store(owner, [light, POTHOLE, retired])
    assert (done.added, done.changed, done.unchanged) == (
        ("street_light",),
        ("fly_tipping",),
        ("pothole",),
    )
    rules = await load(owner)
    assert list(rules.categories) == ["pothole", "fly_tipping", "street_light"]
    assert not rules.categories["fly_tipping"].active
    assert rules.categories["street_light"] == light
