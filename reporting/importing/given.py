"""Whose a row was: values that go from placing to building, also into another process. Pure."""

from typing import NamedTuple

from reporting.importing.reading import Past
from routing.assign import Assignment
from routing.rulebook import TeamRow
from routing.triage import Zone


class Given(NamedTuple):
    """Whose a row was, and why: what rows of one kind at one kind of place share."""

    category: str
    assignment: Assignment
    #: Another than the rules', where the map names one.
    team: TeamRow | None
    #: Why it has that team, as JSON text.
    team_reasons: str | None
    zones: tuple[Zone, ...]

    @property
    def holder(self) -> TeamRow:
        """The team that had it."""
        return self.team or self.assignment.team


class Placed(NamedTuple):
    """A row, and whose it was."""

    past: Past
    given: Given
