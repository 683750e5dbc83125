"""The form of the home page: what a browser sends, made into a report or into what is wrong.

Only the answers of the chosen category count; the questions of the others stay on the page where
nothing hides them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from pydantic import TypeAdapter, ValidationError

from geo.errors import NotAPlace
from geo.points import Point, check_point
from reporting.outlines import Plan
from reporting.reports.values import NewReport
from reporting.web.body import BodyUnreadable, CleanText
from routing.categories import Answer, Category, Question
from routing.rulebook import Rules

#: A form of ours has some thirty fields.
MOST_FIELDS: Final = 300
LONGEST_DESCRIPTION: Final = 4000
_TEXT: Final = TypeAdapter(CleanText)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field; ``field`` is the id that a link goes to."""

    field: str
    sentence: str
    #: What the field asks, where the sentence does not say it.
    asked: str = ""


@dataclass(frozen=True)
class Filled:
    """A form as it was filled in."""

    values: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "").strip()

    @property
    def key(self) -> UUID | None:
        """What tells a repeat of this very form from a new one."""
        try:
            return UUID(self["key"])
        except ValueError:
            return None


def blank(**values: str) -> Filled:
    """A form that nobody has sent yet."""
    return Filled({"key": str(uuid4()), **values})


def read(body: bytes) -> Filled:
    """The fields of an urlencoded body; of equal names the first counts."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise BodyUnreadable from error
    return Filled(dict(reversed(pairs)))


def report(filled: Filled, rules: Rules, plan: Plan | None) -> tuple[NewReport | None, list[Fault]]:
    """The report, or what keeps it from being one."""
    faults: list[Fault] = []
    category = rules.categories.get(filled["category"])
    answers: dict[str, Answer] = {}
    if category is None or not category.active:
        faults.append(Fault("category", "Choose what it is."))
    else:
        answers = _answers(filled, category, faults)
    place = _place(filled, plan, faults)
    description = _description(filled, faults)
    if faults or category is None:
        return None, faults
    new = NewReport(category=category.code, place=place, description=description, answers=answers)
    return new, faults


def _place(filled: Filled, plan: Plan | None, faults: list[Fault]) -> Point | None:
    """A position counts before a ward, which stands for a place in the middle of it."""
    lat, lng = filled["lat"], filled["lng"]
    try:
        if lat or lng:
            return check_point(_degrees(lat), _degrees(lng))
    except NotAPlace as refusal:
        faults.append(Fault("lat", refusal.detail))
        return None
    area = plan.area(filled["ward"]) if plan else None
    if area is None:
        sentence = "Say where it is: tap the map, choose a ward, or type a position."
        faults.append(Fault("ward" if plan else "lat", sentence))
        return None
    return area.inside


def place_of(filled: Filled, plan: Plan | None) -> Point | None:
    """Where the form says it is, to draw a pin there; None where that is not to be told."""
    return _place(filled, plan, [])


def _degrees(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan  # which is no place


def _answers(filled: Filled, category: Category, faults: list[Fault]) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for question in category.questions:
        name = f"answer.{category.code}.{question.code}"
        text = filled[name]
        if text:
            try:
                found[question.code] = _answer(question, text)
            except ValueError:
                faults.append(Fault(name, "Give a number.", question.label))
        elif question.required:
            faults.append(Fault(name, "Choose an answer.", question.label))
    return found


def _answer(question: Question, text: str) -> Answer:
    match question.kind:
        case "number":
            return float(text)
        case "bool":
            return text == "yes"
        case _:
            return text


def _description(filled: Filled, faults: list[Fault]) -> str | None:
    text = filled["description"].replace("\r\n", "\n")
    if len(text) > LONGEST_DESCRIPTION:
        sentence = f"Use fewer words: {LONGEST_DESCRIPTION} characters are the most."
        faults.append(Fault("description", sentence))
    try:
        _TEXT.validate_python(text)
    except ValidationError:
        faults.append(Fault("description", "Take out the characters that no keyboard types."))
    return text or None
