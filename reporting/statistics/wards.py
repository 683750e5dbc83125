"""Which wards a table has rows for (pure).

A council's jobs are counted by its own wards or divisions, and by its districts' wards where it has
none. A ward that kept its code is one row, also where its boundary moved: its figures are those of
every vintage, its name and size those of the day the table ends.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from reporting.asked import Narrowed
from reporting.counting.values import NOWHERE
from reporting.statistics.figures import Key, Size
from routing.rulebook import AreaRow, Rules

#: A ward through its vintages: authority, kind and code. None: in no ward.
Ward = tuple[int, str, str] | None
_KINDS = frozenset({"ward", "division"})
NOWHERE_KEY = Key(name="In no ward")


def counted_by(rules: Rules, authority: int) -> frozenset[int]:
    """The areas by which an authority's jobs are counted, in every vintage."""
    owners = {authority} if authority in rules.with_wards else set(rules.members.get(authority, ()))
    return frozenset(
        area.id
        for area in rules.areas.values()
        if area.authority_id in owners and area.kind in _KINDS
    )


def in_force(area: AreaRow, day: date) -> bool:
    """Whether it is on that day."""
    said = day.isoformat()
    return (area.valid_from or "") <= said and (area.valid_to is None or said < area.valid_to)


def gathered(rules: Rules, area: int | None) -> Ward:
    """The ward that an area is a version of."""
    if area is None or area == NOWHERE:
        return None
    found = rules.areas[area]
    return found.authority_id, found.kind, found.code


@dataclass(frozen=True, slots=True)
class View:
    """The wards that somebody may see and asked for; each in its version of the day."""

    rules: Rules
    #: Those in force on the day.
    today: Mapping[Ward, AreaRow]
    #: Every version there was, the latest last.
    ever: Mapping[Ward, AreaRow]

    @property
    def areas(self) -> list[int]:
        """Of which sizes are wanted."""
        return sorted({area.id for area in (*self.today.values(), *self.ever.values())})

    def keys(self, found: Iterable[Any]) -> list[tuple[Ward, Key]]:
        """By name; what lies in no ward comes last."""
        wanted = {*self.today, *found}
        named = [(ward, self._key(ward)) for ward in wanted if ward is not None]
        named.sort(key=lambda pair: (pair[1].name.casefold(), pair[1].code))
        return [*named, (None, NOWHERE_KEY)] if None in wanted else list(named)

    def _key(self, ward: Ward) -> Key:
        area = self.today.get(ward) or self.ever.get(ward) or self._elsewhere(ward)
        return Key(area.code, area.name)

    def _elsewhere(self, ward: Ward) -> AreaRow:
        """A district's ward, say, for a county's job in none of its divisions."""
        versions = [
            a for a in self.rules.areas.values() if (a.authority_id, a.kind, a.code) == ward
        ]
        return max(versions, key=lambda area: area.valid_from or "")

    def size(self, ward: Ward, known: Mapping[int, Size]) -> Size | None:
        """Of one; of a ward that is no more, as it was last."""
        area = self.today.get(ward) or self.ever.get(ward)
        return known.get(area.id) if area else None

    def together(self, known: Mapping[int, Size]) -> Size | None:
        """Of all on the day; nothing is said while one of them is not known."""
        found = [known[area.id] for area in self.today.values() if area.id in known]
        if not found:
            return None
        residents = [size.residents for size in found]
        km2 = [size.km2 for size in found]
        return Size(
            None if None in residents else sum(filter(None, residents)),
            None if None in km2 else sum(filter(None, km2)),
        )


def in_view(rules: Rules, within: Narrowed, day: date) -> View:
    """Those of the authority, as far as they are seen and asked for."""
    seen = counted_by(rules, within.authority)
    seen = seen if within.areas is None else seen & within.areas
    today, ever = {}, {}
    for area in sorted((rules.areas[id_] for id_ in seen), key=lambda a: a.valid_from or ""):
        ward = gathered(rules, area.id)
        ever[ward] = area
        if in_force(area, day):
            today[ward] = area
    return View(rules, today, ever)
