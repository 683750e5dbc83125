"""From a row of cells to what it tells of the past, or to why it cannot be taken. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Final, NamedTuple

from geo.errors import Refusal
from geo.points import check_point
from reporting.errors import ImportRefused
from reporting.importing.clocks import Instant, reader
from reporting.importing.mapping import DUPLICATE, ImportMap, Words, folded
from reporting.status import CLOSED

Row = Sequence[str]

#: Why a row is not taken over, as the rejects file says it.
REASONS: Final = {
    "odd_row": "It has fewer or more cells than the header.",
    "not_text": "A cell that would be kept holds bytes that are no text; say the encoding.",
    "no_id": "It has no id, or a very long one.",
    "no_time": "It does not say when it was made.",
    "unreadable_time": "A time cannot be read as the map says.",
    "in_the_future": "A time lies in the future.",
    "left_out": "The map leaves this kind out.",
    "unknown_category": "The map does not know this kind.",
    "unknown_status": "The map does not know this status.",
    "no_closing_time": "It is closed and does not say since when.",
    "closed_before_created": "It was closed before it was made.",
    "no_place": "It has no place.",
    "not_a_place": "Its coordinates are no place.",
    "null_island": "Its coordinates are 0,0.",
    "looks_like_osgb": "Its coordinates are British National Grid metres, not degrees.",
    "looks_swapped": "Its latitude and longitude look swapped.",
    "outside_coverage": "No council that is loaded answers for its place.",
    "before_boundaries": "It is older than the first boundaries that are loaded for its place.",
    "unknown_team": "The council that answers for it has no team of that name.",
    "changed_since": "It was taken over before and has changed since; ours was left as it is.",
}

KEY_LENGTH: Final = 200


class Contact(NamedTuple):
    """Who reported it, where the map asks for that."""

    name: str | None
    email: str | None
    phone: str | None


class Past(NamedTuple):
    """A report as the other system knew it."""

    cells: Row
    key: str
    row_hash: bytes
    created: datetime
    closed: datetime | None
    due: datetime | None
    category: str
    #: One of ours, or ``duplicate``.
    status: str
    #: Of ``closed``.
    reason: str | None
    #: Longitude, latitude.
    place: tuple[float, float] | None
    place_text: str | None
    description: str | None
    contact: Contact | None
    #: The ward as they wrote it down, made comparable.
    ward: str | None
    team: str | None
    #: The id of the row that told of the same defect.
    original: str | None
    notes: tuple[str, ...]


class Rejected(NamedTuple):
    """A row that is not taken over, why, and the word that it hung on."""

    cells: Row
    reason: str
    word: str | None = None


class _NotTaken(Exception):
    def __init__(self, reason: str, word: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.word = word


@dataclass
class Reader:
    """Reads the rows of one file by one map. Raises ImportRefused for a column that is missing."""

    map: ImportMap
    header: Sequence[str]
    now: datetime
    _at: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._at = {name.strip(): n for n, name in reversed(list(enumerate(self.header)))}
        missing = [name for name in self.map.named if name not in self._at]
        if missing:
            raise ImportRefused(
                f"The file has no column {' or '.join(missing)}, which the map names."
            )
        columns = self.map.columns
        self._width = len(self.header)
        self._named = [self._at[name] for name in self.map.named]
        self._id, self._created = self._at[columns.id], self._at[columns.created]
        self._closed, self._due = self._maybe(columns.closed), self._maybe(columns.due)
        self._lat, self._lng = self._maybe(columns.lat), self._maybe(columns.lng)
        self._original = self._maybe(columns.duplicate_of)
        self._place_text = self._maybe(columns.place_text)
        self._description = self._maybe(columns.description)
        contact = (columns.reporter_name, columns.reporter_email, columns.reporter_phone)
        self._contact = [self._maybe(name) for name in contact] if any(contact) else None
        self._category = self._words(self.map.category)
        self._status = self._words(self.map.status)
        self._instant = reader(self.map.times)
        self._ward = _ward(self.map)
        self._ward_at = self._maybe(self.map.ward.column if self.map.ward else None)
        self._team_at = self._maybe(self.map.team.column if self.map.team else None)

    def _maybe(self, name: str | None) -> int | None:
        return None if name is None else self._at[name]

    def _words(self, words: Words) -> Callable[[Row], tuple[str | None, str]]:
        """What finds the meaning of a row's first known word, and that row's first word."""
        columns = [self._at[name] for name in words.columns]
        known, memo = words.known, dict[tuple[str, ...], tuple[str | None, str]]()

        def find(cells: Row) -> tuple[str | None, str]:
            said = tuple([cells[column] for column in columns])
            if said not in memo:
                found = next(
                    (known[word] for each in said if (word := folded(each)) in known), None
                )
                first = next((each.strip() for each in said if each.strip()), "")
                memo[said] = (found or words.default, first)
            return memo[said]

        return find

    def read(self, cells: Row) -> Past | Rejected:
        """What the row tells, or why it is not taken."""
        try:
            return self._past(cells)
        except _NotTaken as no:
            return Rejected(cells, no.reason, no.word)

    def key(self, cells: Row) -> str:
        """The id of a row, taken or not."""
        return cells[self._id].strip() if len(cells) > self._id else ""

    def link(self, cells: Row) -> tuple[str, str] | None:
        """The ids of a row and of the one that it repeats, if it names one."""
        if len(cells) != self._width:
            return None
        original = self._text(cells, self._original)
        return None if original is None else (self.key(cells), original)

    def _past(self, cells: Row) -> Past:
        if len(cells) != self._width:
            raise _NotTaken("odd_row")
        key = cells[self._id].strip()
        if not 0 < len(key) <= KEY_LENGTH:
            raise _NotTaken("no_id")
        kept = "\x1f".join([cells[column] for column in self._named])
        try:
            row_hash = blake2b(kept.encode(), digest_size=16).digest()
        except UnicodeEncodeError as error:
            raise _NotTaken("not_text") from error
        if "\0" in kept:
            raise _NotTaken("not_text")
        category = self._kind(cells)
        status, reason = self._standing(cells)
        created = self._time(cells[self._created])
        if created is None:
            raise _NotTaken("no_time")
        notes = [created.note] if created.note else []
        closed = self._closing(cells, status, created.at, notes)
        due = None if self._due is None else self._time(cells[self._due], ahead=True)
        place_text = self._text(cells, self._place_text)
        return Past(
            cells=cells,
            key=key,
            row_hash=row_hash,
            created=created.at,
            closed=closed,
            due=due and due.at,
            category=category,
            status=status,
            reason=reason,
            place=self._place(cells, in_words=place_text is not None),
            place_text=place_text,
            description=self._text(cells, self._description),
            contact=self._reporter(cells),
            ward=self._told_ward(cells),
            team=self._team(cells),
            original=self._text(cells, self._original),
            notes=tuple(notes),
        )

    def _kind(self, cells: Row) -> str:
        left_out = self.map.category.left_out
        if left_out:
            for name in self.map.category.columns:
                if folded(cells[self._at[name]]) in left_out:
                    raise _NotTaken("left_out", cells[self._at[name]].strip())
        found, word = self._category(cells)
        if found is None:
            raise _NotTaken("unknown_category", word)
        return found

    def _standing(self, cells: Row) -> tuple[str, str | None]:
        found, word = self._status(cells)
        if found is None:
            raise _NotTaken("unknown_status", word)
        status, _, reason = found.partition(":")
        return status, reason or None

    def _time(self, cell: str, *, ahead: bool = False) -> Instant | None:
        cell = cell.strip()
        if not cell:
            return None
        try:
            found = self._instant(cell)
        except (ValueError, OverflowError) as error:
            raise _NotTaken("unreadable_time", cell) from error
        if found.at > self.now and not ahead:
            raise _NotTaken("in_the_future", cell)
        return found

    def _closing(
        self, cells: Row, status: str, created: datetime, notes: list[str]
    ) -> datetime | None:
        """When it was closed, if it was; a duplicate may not say."""
        closed = None if self._closed is None else self._time(cells[self._closed])
        if closed is None:
            if status in CLOSED:
                raise _NotTaken("no_closing_time")
            return None
        if status not in CLOSED and status != DUPLICATE:
            notes.append("closing_time_of_an_open_one")
            return None
        at = closed.at
        if closed.note:
            notes.append(closed.note)
        if at < created and closed.other is not None and closed.other >= created:
            at = closed.other
        if at < created:
            raise _NotTaken("closed_before_created")
        return at

    def _place(self, cells: Row, *, in_words: bool) -> tuple[float, float] | None:
        if self._lat is None or self._lng is None:
            if in_words:
                return None
            raise _NotTaken("no_place")
        lat, lng = cells[self._lat].strip(), cells[self._lng].strip()
        if not lat and not lng:
            if in_words:
                return None
            raise _NotTaken("no_place")
        try:
            point = check_point(float(lat), float(lng))
        except ValueError as error:
            raise _NotTaken("not_a_place") from error
        except Refusal as refusal:
            raise _NotTaken(refusal.code.replace("-", "_")) from refusal
        return point.lng, point.lat

    def _text(self, cells: Row, column: int | None) -> str | None:
        return (cells[column].strip() or None) if column is not None else None

    def _reporter(self, cells: Row) -> Contact | None:
        if self._contact is None:
            return None
        found = Contact(*(self._text(cells, column) for column in self._contact))
        return found if any(found) else None

    def _told_ward(self, cells: Row) -> str | None:
        return None if self._ward_at is None else self._ward(cells[self._ward_at])

    def _team(self, cells: Row) -> str | None:
        if self._team_at is None or self.map.team is None:
            return None
        return self.map.team.known.get(folded(cells[self._team_at]))


def _ward(map_: ImportMap) -> Callable[[str], str | None]:
    """What makes their ward comparable: the pattern's part of it, without zeros before a number."""
    wards = map_.ward
    pattern = re.compile(wards.pattern) if wards and wards.pattern else None
    none = frozenset(map(folded, wards.none)) if wards else frozenset()
    memo: dict[str, str | None] = {}

    def find(cell: str) -> str | None:
        if cell not in memo:
            memo[cell] = None
            word = folded(cell)
            match = pattern.search(cell) if pattern else None
            if word and word not in none and (pattern is None or match):
                said = cell if match is None else match[match.re.groups]
                memo[cell] = comparable(said)
        return memo[cell]

    return find


def comparable(code: str) -> str:
    """A ward's code or name as the two are compared."""
    found = folded(code)
    return found.lstrip("0") or found if found.isdigit() else found
