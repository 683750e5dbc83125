"""The form of the home page: what a browser sends, made into a report or into what is wrong.

Only the answers of the chosen category count; the questions of the others stay on the page where
nothing hides them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import orjson
from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from geo.errors import NotAPlace
from geo.points import Point, check_point
from reporting.language import LANGUAGES, Language
from reporting.outlines import Plan
from reporting.references import PATTERN
from reporting.reports.values import Contact, NewReport
from reporting.web import problems
from reporting.web.body import BodyUnreadable, CleanText
from reporting.web.wire import Email
from routing.categories import Answer, Category, Question
from routing.rulebook import Rules

#: A form of ours has some thirty fields, and three files.
MOST_FIELDS: Final = 300
MOST_FILES: Final = 12
LONGEST_FIELD: Final = 100_000
LONGEST: Final = {
    "description": 4000,
    "place_text": 300,
    "contact.name": 200,
    "contact.phone": 40,
}
SHORTEST_PLACE: Final = 3
_TEXT: Final = TypeAdapter(CleanText)
_EMAIL: Final = TypeAdapter(Email)


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
    #: Pictures that are with us already.
    photos: tuple[UUID, ...] = ()
    #: Pictures that came with it.
    files: tuple[UploadFile, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "").strip()

    @property
    def key(self) -> UUID | None:
        """What tells a repeat of this very form from a new one."""
        try:
            return UUID(self["key"])
        except ValueError:
            return None

    @property
    def is_trapped(self) -> bool:
        """A field that no person sees is filled in."""
        return bool(self["website"])

    def having(self, photos: tuple[UUID, ...]) -> "Filled":
        """The same, with these pictures kept and none still to be read."""
        return replace(self, photos=photos, files=())

    def again(self) -> "Filled":
        """The same under a new key."""
        return replace(self, values={**self.values, "key": str(uuid4())})

    def content(self) -> bytes:
        """All it says, the same for a repeat of it."""
        known = {name: text for name, text in self.values.items() if text}
        return orjson.dumps([known, self.photos], option=orjson.OPT_SORT_KEYS)


def blank(**values: str) -> Filled:
    """A form that nobody has sent yet."""
    return Filled({"key": str(uuid4()), **values})


async def read(request: Request) -> Filled:
    """What the browser sent. Raises BodyUnreadable."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return _filled(_urlencoded(await request.body()), ())
    parser = MultiPartParser(
        request.headers,
        request.stream(),
        max_files=MOST_FILES,
        max_fields=MOST_FIELDS,
        max_part_size=LONGEST_FIELD,
    )
    try:
        pairs = (await parser.parse()).multi_items()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise BodyUnreadable from error
    files = (part for _, part in pairs if isinstance(part, UploadFile) and part.size)
    return _filled([(name, text) for name, text in pairs if isinstance(text, str)], files)


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise BodyUnreadable from error


def _filled(pairs: list[tuple[str, str]], files: Iterable[UploadFile]) -> Filled:
    """Of equal names the first counts; only pictures may be several."""
    photos = []
    for name, text in pairs:
        if name == "photo_id":
            try:
                photos.append(UUID(text))
            except ValueError as error:
                raise BodyUnreadable from error
    once = {name: text for name, text in reversed(pairs) if name != "photo_id"}
    return Filled(once, tuple(dict.fromkeys(photos)), tuple(files))


def report(
    filled: Filled, rules: Rules, plan: Plan | None, spoken: Language, *, mails: bool
) -> tuple[NewReport | None, list[Fault]]:
    """The report, or what keeps it from being one, in the reader's language."""
    reading = _Reading(filled, spoken)
    point, text, authority = reading.place(rules, plan)
    category = rules.categories.get(filled["category"])
    same_as = filled["same_as"] if PATTERN.fullmatch(filled["same_as"]) else None
    answers: dict[str, Answer] = {}
    if category is None or not category.active:
        reading.fault("category", spoken.say("Choose what it is."))
    else:
        answers = reading.answers(category, waived=same_as is not None)
    description = reading.text("description")
    if point is not None and (also := reading.text("place_text")):
        # What was said of the place beside its position.
        description = "\n".join(filter(None, (also, description)))
    contact = reading.contact(mails=mails)
    if reading.faults or category is None:
        return None, reading.faults
    new = NewReport(
        category=category.code,
        place=point,
        place_text=text,
        authority=authority,
        description=description,
        answers=answers,
        photos=filled.photos,
        contact=contact,
        same_as=same_as,
    )
    return new, []


def place_of(filled: Filled, plan: Plan | None, spoken: Language) -> Point | None:
    """Where the form says it is, to draw a pin there; None where that is not to be told."""
    return _Reading(filled, spoken).position(plan)


class _Reading:
    """Reads a form field by field, and collects what is wrong."""

    def __init__(self, filled: Filled, spoken: Language) -> None:
        self.filled = filled
        self.spoken = spoken
        self.faults: list[Fault] = []

    def fault(self, name: str, sentence: str, asked: str = "") -> None:
        """Note one."""
        self.faults.append(Fault(name, sentence, asked))

    def place(self, rules: Rules, plan: Plan | None) -> tuple[Point | None, str | None, str | None]:
        """A position, else words and the council meant."""
        point = self.position(plan)
        if point is not None or self.faults:
            return point, None, None
        words = self.text("place_text")
        if words is None:
            if not self.faults:
                self.fault("place_text", self._nowhere())
        elif len(words) < SHORTEST_PLACE:
            self.fault("place_text", self.spoken.say("Say a little more about the place."))
        elif self.filled["authority"] not in rules.by_slug:
            self.fault("authority", self.spoken.say("Choose the council of that place."))
        return None, words, self.filled["authority"]

    def _nowhere(self) -> str:
        return self.spoken.say("Say where it is: in words, by its ward, or by its position.")

    def position(self, plan: Plan | None) -> Point | None:
        """A position counts before a ward, which stands for a place in the middle of it."""
        lat, lng, accuracy = (self.filled[name] for name in ("lat", "lng", "accuracy_m"))
        try:
            if lat or lng:
                return check_point(
                    _number(lat), _number(lng), _number(accuracy) if accuracy else None
                )
        except NotAPlace as refusal:
            self.fault("lat", problems.said(refusal, self.spoken))
            return None
        area = plan.area(self.filled["ward"]) if plan else None
        return area.inside if area else None

    def answers(self, category: Category, *, waived: bool) -> dict[str, Answer]:
        """The answers to what the category asks."""
        found: dict[str, Answer] = {}
        for question in category.questions:
            name = f"answer.{category.code}.{question.code}"
            text = self.filled[name]
            asked = self.spoken.say(question.label)
            if text:
                try:
                    found[question.code] = _answer(question, text)
                except ValueError:
                    self.fault(name, self.spoken.say("Give a number."), asked)
            elif question.required and not waived:
                self.fault(name, self.spoken.say("Choose an answer."), asked)
        return found

    def text(self, name: str) -> str | None:
        """Free text, of which a keyboard can type every character."""
        text = self.filled[name].replace("\r\n", "\n")
        if len(text) > LONGEST[name]:
            most = LONGEST[name]
            say = self.spoken.say
            self.fault(name, say("Use fewer words: {most} characters are the most.", most=most))
        try:
            _TEXT.validate_python(text)
        except ValidationError:
            self.fault(name, self.spoken.say("Take out the characters that no keyboard types."))
        return text or None

    def contact(self, *, mails: bool) -> Contact | None:
        """Who it is, if they say so."""
        name, phone = self.text("contact.name"), self.text("contact.phone")
        email = self.filled["contact.email"] or None
        if email:
            try:
                email = _EMAIL.validate_python(email)
            except ValidationError:
                say = self.spoken.say
                sentence = say("That is not an e-mail address. One looks like name@example.org.")
                self.fault("contact.email", sentence)
        elif self.filled["contact.updates"]:
            self.fault("contact.email", self.spoken.say("Give the address to write to."))
        if not (name or phone or email):
            return None
        tongue = self.filled["contact.language"]
        wishes = ("email",) if mails and email and self.filled["contact.updates"] else ()
        language = tongue if tongue in LANGUAGES else self.spoken.code
        return Contact(name, email, phone, language, wishes)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan  # which is no place


def _answer(question: Question, text: str) -> Answer:
    match question.kind:
        case "number":
            return float(text)
        case "bool":
            return text == "yes"
        case _:
            return text
