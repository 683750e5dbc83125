"""Wards and divisions of the made-up county, grown from the cells of its ground."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from geo.demo.ground import Ground
from geo.demo.plan import ISLAND, TOWNS, VILLAGES, Places

#: In each district.
DIVISIONS = 5


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward before it has a code and a shape. ``heart`` is the cell it grew from."""

    heart: int
    x: float
    y: float
    cells: tuple[int, ...]
    name: str
    western: bool


def grow(ground: Ground) -> tuple[list[Ward], dict[int, set[int]]]:
    """The wards, and which share an edge, by their hearts."""
    owner = _grow_wards(ground.centres, sorted(ground.shapes), ground.links)
    return _named_wards(ground.centres, owner), _ward_links(owner, ground.links)


def divisions(
    wards: Sequence[Ward], links: Mapping[int, Collection[int]]
) -> list[tuple[str, list[int]]]:
    """Some in each district: the name and hearts of whole wards that lie together."""
    found: list[tuple[str, list[int]]] = []
    for western in (True, False):
        left = {ward.heart: ward for ward in wards if ward.western == western}
        seats = _far_apart([ward for ward in left.values() if links[ward.heart]], DIVISIONS)
        groups = [[left.pop(seat.heart)] for seat in seats]
        while left:
            # The smallest group that has a free neighbour takes the nearest one.
            groups.sort(key=lambda group: (len(group), group[0].heart))
            for group in groups:
                free = {heart for ward in group for heart in links[ward.heart]} & left.keys()
                if free:
                    seat = group[0]
                    group.append(left.pop(min(free, key=lambda h: _away(seat, wards, h))))
                    break
            else:
                _, ward = left.popitem()  # an island joins the group it is nearest to
                min(groups, key=lambda group: _away(ward, wards, group[0].heart)).append(ward)
        groups.sort(key=lambda group: (-group[0].y, group[0].heart))
        found += [(group[0].name, [ward.heart for ward in group]) for group in groups]
    return found


def _away(one: Ward, wards: Sequence[Ward], heart: int) -> float:
    other = next(ward for ward in wards if ward.heart == heart)
    return math.hypot(one.x - other.x, one.y - other.y)


def _far_apart(wards: Sequence[Ward], count: int) -> list[Ward]:
    chosen = [wards[0]]
    while len(chosen) < count:
        chosen.append(
            max(
                (ward for ward in wards if ward not in chosen),
                key=lambda ward: min(math.hypot(ward.x - c.x, ward.y - c.y) for c in chosen),
            )
        )
    return chosen


def _grow_wards(
    centres: Places, cells: Sequence[int], links: Mapping[int, Sequence[int]]
) -> dict[int, int]:
    """Cell → the cell its ward grew from. Wards are small in towns and wide in the country."""
    hearts = _hearts(centres, cells)
    owner: dict[int, int] = {}
    queue = [(0.0, heart, heart) for heart in hearts]
    while queue:
        away, cell, heart = heappop(queue)
        if cell in owner:
            continue
        owner[cell] = heart
        for near in links[cell]:
            if near not in owner:
                step = float(np.hypot(*(centres[cell] - centres[near])))
                heappush(queue, (away + step, near, heart))
    return owner


def _hearts(centres: Places, cells: Sequence[int]) -> list[int]:
    """The cells that wards grow from."""
    _, island_x, island_y, reach = ISLAND
    hearts: list[int] = []
    spacing = np.full(len(centres), 5.4)
    for _, x, y, town_reach, _ in TOWNS:
        away = np.hypot(centres[:, 0] - x, centres[:, 1] - y)
        spacing = np.minimum(spacing, 1.5 + 3.9 * np.clip((away - town_reach) / 2.5, 0, 1))
    on_island = np.hypot(centres[:, 0] - island_x, centres[:, 1] - island_y) < 2 * reach
    spacing[on_island] = 50.0
    # From the smallest spacing up, so that towns are divided before the country between them.
    for cell in sorted(cells, key=lambda each: (spacing[each], each)):
        if all(
            np.hypot(*(centres[cell] - centres[heart])) > spacing[cell]
            for heart in hearts
            if on_island[cell] == on_island[heart]
        ):
            hearts.append(cell)
    return hearts


def _named_wards(centres: Places, owner: Mapping[int, int]) -> list[Ward]:
    """The wards from north to south: in towns by the town's name, elsewhere by a village's."""
    cells: dict[int, list[int]] = defaultdict(list)
    for cell, heart in owner.items():
        cells[heart].append(cell)
    names = _ward_names(centres, sorted(cells, key=lambda heart: (-centres[heart][1], heart)))
    return [
        Ward(
            heart=heart,
            x=float(centres[heart][0]),
            y=float(centres[heart][1]),
            cells=tuple(sorted(cells[heart])),
            name=name,
            western=bool(centres[heart][0] < 20.5 + 1.5 * math.sin(centres[heart][1] / 5)),
        )
        for heart, name in names.items()
    ]


def _ward_names(centres: Places, hearts: Sequence[int]) -> dict[int, str]:
    _, island_x, island_y, reach = ISLAND
    names: dict[int, str] = {}
    for town, x, y, town_reach, quarters in TOWNS:
        near = [h for h in hearts if np.hypot(*(centres[h] - (x, y))) < town_reach + 0.5]
        for heart, quarter in zip(near, quarters, strict=False):
            names[heart] = f"{town} {quarter}" if len(near) > 1 else town
    villages = iter(VILLAGES)
    for heart in hearts:
        if np.hypot(*(centres[heart] - (island_x, island_y))) < 2 * reach:
            names[heart] = ISLAND[0]
        elif heart not in names:
            names[heart] = next(villages)
    return {heart: names[heart] for heart in hearts}


def _ward_links(
    owner: Mapping[int, int], links: Mapping[int, Sequence[int]]
) -> dict[int, set[int]]:
    """Wards that share an edge, by their hearts."""
    found: dict[int, set[int]] = defaultdict(set)
    for cell, near in links.items():
        found[owner[cell]].update(owner[each] for each in near if owner[each] != owner[cell])
    return found
