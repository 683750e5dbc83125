"""Kinds of defect as data: their questions, risk, response times and duplicate radius.

A category file is JSON, ``{"categories": [...]}``; ``routing/categories.json`` is the one that is
shipped and the example to copy. The models below are its format, and refuse whatever does not fit
with the place in the file and what was expected there. In short:

- ``code`` (a-z, 0-9 and _) is what programs say, ``name`` what people read;
- ``questions``: ``kind`` is ``choice`` (with ``choices``), ``number`` (``minimum``, ``maximum``,
  ``unit``), ``text`` or ``bool``;
- ``risk``: an impact and a likelihood from 1 to 4 to begin with, and ``moves`` that add to or take
  from either (see ``triage.py``). A move holds for one thing: how a ``question`` is answered
  (``is``, or ``at_least`` for a number); a ``zone_type``, or a ``zone`` by its code, that holds the
  place or is ``within_m`` metres of it; or that so many ``reports`` stand on the job, which may
  only raise. ``source`` says where the numbers come from, for whoever reviews them;
- ``response``: for each of P1 to P4 one of ``{"hours": n}``, ``{"working_days": n}``,
  ``{"days": n}``; what is left out is the default;
- ``radius_m``: another report of this category so near may be about the same defect;
- ``duplicates``: how sure to be before a report joins an open job by itself (``duplicates.py``
  says how these are weighed). ``prior``: how often two reports from one spot, one just after the
  other, are about one defect; ``fresh_days``: for so long an open job is as likely as on its first
  day to be what the next report is about; ``threshold``: from this probability a report joins, and
  1 is never; ``questions``: how much an answer says, where it is not 1 (0 is nothing); ``unsure``:
  answers that say nothing;
- ``nearby_m``: how far around a resident open jobs are offered ("is it this one?");
- ``public_photos``: when a report's pictures may be seen by everyone. ``auto``: once faces and
  plates have been looked for and filled and nothing was doubtful; ``checked`` (what is left out):
  once somebody has looked at them; ``never``: not at all.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from routing.errors import CategoriesRefused

#: The categories every installation starts with.
SHIPPED = Path(__file__).with_name("categories.json")

Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,49}$")]
Label = Annotated[str, Field(min_length=1, max_length=200)]
Answer = str | int | float | bool
Answers = Mapping[str, Answer]


class Part(BaseModel):
    """A part of a category file: unknown members are errors, values are never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Choice(Part):
    """One answer a resident may pick."""

    code: Code
    label: Label


class Question(Part):
    """What is asked about a defect."""

    code: Code
    label: Label
    kind: Literal["choice", "number", "text", "bool"]
    required: bool = False
    choices: tuple[Choice, ...] = ()
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _members_fit_the_kind(self) -> Self:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError("a question of kind choice, and no other, needs choices")
        if len(self.choice_codes) != len(self.choices):
            raise ValueError("two choices have the same code")
        numeric = (self.unit, self.minimum, self.maximum)
        if self.kind != "number" and any(member is not None for member in numeric):
            raise ValueError("unit, minimum and maximum belong to questions of kind number")
        if None not in (self.minimum, self.maximum) and self.minimum > self.maximum:  # type: ignore[operator]
            raise ValueError("minimum is above maximum")
        return self

    @cached_property
    def choice_codes(self) -> frozenset[str]:
        """The codes that are an answer."""
        return frozenset(choice.code for choice in self.choices)


class OfPlace(Protocol):
    """What a move asks of a zone."""

    @property
    def zone_type(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def distance_m(self) -> float: ...


class Move(Part):
    """What moves the risk, and by how much when it holds."""

    question: Code | None = None
    #: Holds when the answer is one of these (choices, or true or false).
    any_of: tuple[str | bool, ...] = Field(default=(), alias="is")
    #: Holds when the number is at least this.
    at_least: float | None = None
    #: Holds when such a zone holds the place, or is so near it.
    zone_type: Code | None = None
    zone: str | None = Field(default=None, min_length=1, max_length=50)
    within_m: float | None = Field(default=None, gt=0, le=500)
    #: Holds when so many reports stand on the job.
    reports: int | None = Field(default=None, ge=2, le=1000)
    impact: int = Field(default=0, ge=-3, le=3)
    likelihood: int = Field(default=0, ge=-3, le=3)

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        what = (self.question, self.zone_type, self.zone, self.reports)
        if sum(each is not None for each in what) != 1:
            raise ValueError("a move has one of question, zone_type, zone or reports")
        answered = bool(self.any_of) + (self.at_least is not None)
        if answered != (self.question is not None):
            raise ValueError("a move on a question, and no other, needs either is or at_least")
        if self.within_m is not None and not self.is_of_place:
            raise ValueError("within_m goes with zone_type or zone")
        if self.reports is not None and min(self.impact, self.likelihood) < 0:
            raise ValueError("more reports may raise the risk, never lower it")
        return self

    @property
    def is_of_place(self) -> bool:
        """Whether it is the place that counts."""
        return self.zone_type is not None or self.zone is not None

    def holds(self, answer: Answer | None) -> bool:
        """Whether this answer moves the risk."""
        if answer is None:
            return False
        if self.at_least is not None:
            return not isinstance(answer, (str, bool)) and answer >= self.at_least
        # 1 == True in Python, and a number is never the answer to a bool question.
        return isinstance(answer, (str, bool)) and answer in self.any_of

    def meets(self, zone: OfPlace) -> bool:
        """Whether this zone moves the risk."""
        named = zone.code == self.zone or zone.zone_type == self.zone_type
        return named and zone.distance_m <= (self.within_m or 0)


class Risk(Part):
    """Impact and likelihood, each 1 (least) to 4, and what moves them."""

    impact: int = Field(ge=1, le=4)
    likelihood: int = Field(ge=1, le=4)
    moves: tuple[Move, ...] = ()
    source: str | None = Field(default=None, max_length=1000)

    @cached_property
    def reach_m(self) -> float:
        """How far from the place a zone may lie and still count."""
        return max((move.within_m or 0 for move in self.moves), default=0)


class Within(Part):
    """A response time, in one of three ways of counting."""

    hours: int | None = Field(default=None, ge=1, le=24 * 366)
    working_days: int | None = Field(default=None, ge=1, le=260)
    days: int | None = Field(default=None, ge=1, le=366)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.hours, self.working_days, self.days)) != 1:
            raise ValueError("a response time is one of hours, working_days or days")
        return self

    @property
    def words(self) -> str:
        """As a resident reads it: "within 2 hours", "by the end of the next working day"."""
        if self.hours is not None:
            return f"within {_count(self.hours, 'hour')}"
        if self.working_days == 1:
            return "by the end of the next working day"
        if self.working_days is not None:
            return f"within {_count(self.working_days, 'working day')}"
        return f"within {_count(self.days or 0, 'day')}"


class Response(Part):
    """The response times of the four priorities."""

    P1: Within = Within(hours=2)
    P2: Within = Within(working_days=1)
    P3: Within = Within(days=7)
    P4: Within = Within(days=28)

    @cached_property
    def ladder(self) -> tuple[Within, ...]:
        """P1 to P4 in order."""
        return (self.P1, self.P2, self.P3, self.P4)


class Duplicates(Part):
    """How sure to be that a report is about a job already open."""

    prior: float = Field(default=0.5, gt=0, lt=1)
    fresh_days: float = Field(default=1, gt=0, le=366)
    threshold: float = Field(default=0.4, gt=0, le=1)
    questions: Mapping[Code, Annotated[float, Field(ge=0, le=5)]] = {}
    unsure: tuple[Code, ...] = ()


class Category(Part):
    """A kind of defect."""

    code: Code
    name: Label
    active: bool = True
    questions: tuple[Question, ...] = ()
    risk: Risk
    response: Response = Response()
    radius_m: float = Field(gt=0, le=500)
    duplicates: Duplicates = Duplicates()
    nearby_m: float = Field(default=250, gt=0, le=1000)
    public_photos: Literal["auto", "checked", "never"] = "checked"
    emergency_notice: str | None = Field(default=None, max_length=1000)

    @model_validator(mode="after")
    def _questions_fit_together(self) -> Self:
        if len(self.by_code) != len(self.questions):
            raise ValueError("two questions have the same code")
        for move in self.risk.moves:
            if move.question is None:
                continue
            question = self.by_code.get(move.question)
            if question is None:
                raise ValueError(f"risk moves on {move.question}, which is not asked")
            _check_move(move, question)
        strangers = sorted(self.duplicates.questions.keys() - self.by_code.keys())
        if strangers:
            raise ValueError(f"duplicates weighs {strangers[0]}, which is not asked")
        return self

    @cached_property
    def by_code(self) -> Mapping[str, Question]:
        """The questions by their codes."""
        return {question.code: question for question in self.questions}

    @cached_property
    def required(self) -> frozenset[str]:
        """The codes of the questions that must be answered."""
        return frozenset(question.code for question in self.questions if question.required)

    def public(self) -> dict[str, Any]:
        """The category as the API shows it: what is asked and what to expect, not the risk."""
        shown: dict[str, Any] = {
            "code": self.code,
            "name": self.name,
            "questions": [
                question.model_dump(exclude_none=True, exclude={"choices"})
                | {"choices": [choice.model_dump() for choice in question.choices]}
                for question in self.questions
            ],
            "response": {f"P{n}": way.words for n, way in enumerate(self.response.ladder, 1)},
        }
        if self.emergency_notice:
            shown["emergency_notice"] = self.emergency_notice
        return shown

    def definition(self) -> dict[str, Any]:
        """The category as it stands in the file and in the database."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class CategoryFile(Part):
    """A file of categories."""

    categories: tuple[Category, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _codes_differ(self) -> Self:
        codes = [category.code for category in self.categories]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"the code {twice[0]} is used twice")
        return self


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading categories did, by code."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def read(text: str | bytes) -> tuple[Category, ...]:
    """The categories of a file. Raises CategoriesRefused, naming the place in the file."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CategoriesRefused(f"The file is not JSON: {error}.") from error
    try:
        return CategoryFile.model_validate(raw).categories
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CategoriesRefused(
            f"{_place(raw, first['loc'])}: {_sentence(first['msg'])}"
        ) from error


async def store(conn: AsyncConnection[Any], categories: Sequence[Category]) -> Loaded:
    """Add these categories, or change those whose code is known; leave the others as they are.

    A category is retired with ``"active": false``, never removed. The caller bumps the rulebook.
    """
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(DEFINITIONS)
        before: dict[str, object] = dict(await cursor.fetchall())
    added, changed, unchanged = [], [], []
    for category in categories:
        definition = category.definition()
        if category.code not in before:
            added.append(category.code)
        elif before[category.code] != definition:
            changed.append(category.code)
        else:
            unchanged.append(category.code)
            continue
        await conn.execute(
            UPSERT,
            {"code": category.code, "active": category.active, "definition": Jsonb(definition)},
        )
    return Loaded(tuple(added), tuple(changed), tuple(unchanged))


DEFINITIONS = "select code, definition from category"

#: New categories come after the known ones, in the order of the file.
UPSERT = """
insert into category (code, position, active, definition)
values (%(code)s, (select coalesce(max(position), 0) + 1 from category), %(active)s, %(definition)s)
on conflict (code) do update set active = excluded.active, definition = excluded.definition
"""


def _check_move(move: Move, question: Question) -> None:
    if move.at_least is not None and question.kind != "number":
        raise ValueError(f"risk uses at_least on {move.question}, which is not a number")
    allowed: frozenset[object] = frozenset()
    if question.kind == "choice":
        allowed = frozenset(question.choice_codes)
    elif question.kind == "bool":
        allowed = frozenset({True, False})
    strangers = [value for value in move.any_of if value not in allowed]
    if strangers:
        raise ValueError(
            f"risk moves on {move.question} being {strangers[0]}, which is no answer to it"
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _place(raw: object, location: Sequence[str | int]) -> str:
    """Where in the file, in words a person finds: categories and questions by their codes."""
    words: list[str] = []
    here: Any = raw
    for step in location:
        try:
            here = here[step]
        except (LookupError, TypeError):
            here = None
        if isinstance(step, int):
            named = here.get("code") if isinstance(here, dict) else None
            words.append(str(named) if isinstance(named, str) else f"number {step + 1}")
        else:
            words.append(step)
    return ", ".join(words) or "The file"


def _sentence(message: str) -> str:
    return message.removeprefix("Value error, ").rstrip(".") + "."
