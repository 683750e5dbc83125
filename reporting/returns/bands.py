"""The return's bands, and what answers fall into them (pure)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, model_validator

FILE: Final = Path(__file__).with_name("fly_tipping.json")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Band(_Part):
    """One line of a table, and the answers that are counted in it."""

    code: str
    name: str
    answers: tuple[str, ...]


class Table(_Part):
    """One table of the return, by the answers to one question of ours."""

    code: str
    name: str
    question: str
    bands: tuple[Band, ...]

    @model_validator(mode="after")
    def _each_answer_once(self) -> "Table":
        answers = [answer for band in self.bands for answer in band.answers]
        if len(answers) != len(set(answers)):
            message = f"{self.code}: an answer is in two bands"
            raise ValueError(message)  # pydantic makes an error of this only
        return self


class Form(_Part):
    """The return: what it is of, its tables, and what it asks that Kerbline does not keep."""

    name: str
    source: str
    categories: tuple[str, ...]
    #: Reasons of closing that say that there was no such incident, or that it was not ours.
    left_out: tuple[str, ...]
    tables: tuple[Table, ...]
    not_kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """A table with its numbers: of each band, and of what is in none."""

    table: Table
    bands: tuple[tuple[Band, int], ...]
    #: Answers that no band names, and how many gave them.
    strange: tuple[tuple[str, int], ...]
    unanswered: int

    @property
    def unknown(self) -> int:
        """How many incidents are in no band."""
        return self.unanswered + sum(n for _, n in self.strange)

    @property
    def known(self) -> int:
        """How many are in one."""
        return sum(n for _, n in self.bands)


def fill(table: Table, answered: Iterable[tuple[str | None, int]]) -> Filled:
    """The table of so many incidents by what was answered."""
    counted: Counter[str | None] = Counter()
    for answer, n in answered:
        counted[answer] += n
    unanswered = counted.pop(None, 0)
    bands = tuple((band, sum(counted.pop(a, 0) for a in band.answers)) for band in table.bands)
    strange = tuple((str(answer), n) for answer, n in sorted(counted.items(), key=_most))
    return Filled(table, bands, strange, unanswered)


def _most(item: tuple[str | None, int]) -> tuple[int, str]:
    return -item[1], str(item[0])


@cache
def form() -> Form:
    """The fly-tipping return."""
    return Form.model_validate_json(FILE.read_bytes())


def questions(form_: Form) -> Mapping[str, str]:
    """The question of ours that fills each table."""
    return {table.code: table.question for table in form_.tables}
