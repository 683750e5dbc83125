"""Who answers for a place, and which ward it lies in: from areas to authorities. Pure.

Two-tier England is normal: a place lies in a district *and* its county, and a trunk road's zone
adds a national body. So at most one authority of the lower tier (unitary or district) is found,
the county above it, and every national body or zone owner that has an area there. Where a border
leaves a choice, what holds most of the accuracy circle is taken, then the lower code.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from geo.lookup import NEAREST_WARD_M
from routing.rulebook import AreaRow, AuthorityRow, Rules
from routing.rules import Ground

Row = TypeVar("Row", AreaRow, AuthorityRow)

LOWER_TIERS = ("unitary", "district")

#: Area id → its share of the accuracy circle; area id → its distance in metres.
Shares = Mapping[int, float]
Distances = Mapping[int, float]
#: How an authority comes to be found: by a ward or division of its own, by its own area, as the
#: upper tier of one that is found, or only by a zone it owns (none of its ground then).
Because = Literal["ward", "division", "authority", "member", "zone"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a place stands: everything the rules ask, and how it was found."""

    #: Lowest tier first.
    authorities: tuple[tuple[AuthorityRow, Because], ...]
    ward: AreaRow | None
    division: AreaRow | None
    #: Every area taken into account; those a tie dropped are not among them.
    areas: tuple[AreaRow, ...]
    ground: Ground
    #: Areas or authorities between which a border left the choice: the codes, the chosen first.
    ties: tuple[tuple[str, ...], ...]
    #: Metres to the ward, when the place lies in none.
    ward_distance_m: float | None
    #: Another ward within the accuracy.
    near: tuple[AreaRow, ...]
    flags: tuple[str, ...]
    #: In the own area of an authority that has wards, but far from each of them.
    far_from_wards: bool
    #: The look-up found no ward where there might be a nearest one: look within NEAREST_WARD_M.
    wants_nearest: bool


def stand(
    rules: Rules,
    areas: Collection[int],
    near: Collection[int] = (),
    *,
    shares: Shares | None = None,
    distances: Distances | None = None,
) -> Standing | None:
    """The standing of a place, or None if it lies outside every authority.

    ``areas`` are those that hold the place, ``near`` those within the accuracy, ``shares`` what
    each holds of the circle (when known), ``distances`` the areas within NEAREST_WARD_M (looked up
    only when the standing without them asks).
    """
    return _Search(rules, areas, near, shares or {}, distances).standing()


class _Search:
    """The steps to a standing, each leaving what the next one needs."""

    def __init__(
        self,
        rules: Rules,
        areas: Collection[int],
        near: Collection[int],
        shares: Shares,
        distances: Distances | None,
    ) -> None:
        self.rules = rules
        self.found = sorted((rules.areas[area] for area in areas), key=_by_code)
        self.near = sorted((rules.areas[area] for area in near if area not in areas), key=_by_code)
        self.shares = shares
        self.distances = distances
        self.ties: list[tuple[str, ...]] = []
        self.ward_distance_m: float | None = None
        self.wants_nearest = False

    def standing(self) -> Standing | None:
        lower = self._authority(LOWER_TIERS)
        uppers = self._uppers(lower)
        holders = [lower] if lower else uppers
        ward = self._area("ward", holders)
        if ward is None and lower is not None:  # some unitary councils call theirs divisions
            ward = self._area("division", [lower])
        if ward is None:
            ward = self._nearest(lower, uppers)
            if ward is not None and (lower is None or lower.id != ward.authority_id):
                lower = self.rules.authorities[ward.authority_id]
                uppers = self._uppers(lower)
        division = self._area("division", uppers)
        because = self._because(lower, uppers)
        if not because:
            return None
        far_from_wards = ward is None and lower is not None and lower.id in self.rules.with_wards
        if ward is None and lower is None:
            ward = division
        taken = self._taken(because, ward, division)
        near = tuple(row for row in self.near if ward and row.kind == ward.kind and row != ward)
        flags = (
            *(["nearest_ward"] if self.ward_distance_m is not None else []),
            *(["no_ward"] if ward is None else []),
            *(["near_boundary"] if near or self.ties else []),
        )
        whole = {
            authority.id
            for authority, why in because
            if (why != "zone" or authority.id not in self.rules.with_ground)
            # A place in the authority's own area but far from every ward: a person must look.
            and not (far_from_wards and authority == lower)
        }
        return Standing(
            authorities=tuple(because),
            ward=ward,
            division=division,
            areas=taken,
            ground=Ground(frozenset(whole), frozenset(row.key for row in taken)),
            ties=tuple(self.ties),
            ward_distance_m=self.ward_distance_m,
            near=near,
            flags=flags,
            far_from_wards=far_from_wards,
            wants_nearest=self.wants_nearest,
        )

    def _authority(self, tiers: Collection[str]) -> AuthorityRow | None:
        """The one authority of these tiers, by the tie rule of borders.

        A ward is a finer word than an own area, which may be coarse and lap over its neighbours.
        """
        finer: dict[int, AuthorityRow] = {}
        coarser: dict[int, AuthorityRow] = {}
        for row in self.found:
            authority = self.rules.authorities[row.authority_id]
            if authority.tier in tiers and row.kind != "zone":
                (coarser if row.kind == "authority" else finer)[authority.id] = authority
        candidates = (finer or coarser).values()
        return self._choose(candidates, self._authority_share, lambda a: (a.code or a.slug, a.slug))

    def _uppers(self, lower: AuthorityRow | None) -> list[AuthorityRow]:
        """The upper tier above the lower one: those it is a member of, else the county found."""
        if lower is not None:
            above = self.rules.uppers.get(lower.id, ())
            declared = [self.rules.authorities[upper] for upper in above]
            if declared or lower.tier == "unitary":
                return declared
        county = self._authority(("county",))
        return [county] if county and county != lower else []

    def _area(self, kind: str, authorities: Collection[AuthorityRow]) -> AreaRow | None:
        """The area of a kind among those of these authorities, by the tie rule of borders."""
        owners = {authority.id for authority in authorities}
        candidates = [row for row in self.found if row.kind == kind and row.authority_id in owners]
        return self._choose(candidates, lambda row: self.shares.get(row.id, 0.0), _by_code)

    def _nearest(
        self, lower: AuthorityRow | None, uppers: Collection[AuthorityRow]
    ) -> AreaRow | None:
        """The nearest ward within reach; of the authorities that hold the place, if any does.

        Of wards equally near to a centimetre the lower code. A division counts only where its
        authority has nothing lower.
        """
        allowed: set[int] = {lower.id} if lower else set()
        for upper in () if lower else uppers:
            allowed.update(self.rules.members.get(upper.id) or (upper.id,))
        if allowed and allowed.isdisjoint(self.rules.with_wards):
            return None
        if self.distances is None:
            self.wants_nearest = True
            return None
        candidates = [
            (row.kind == "division", round(metres, 2), _by_code(row), row)
            for area, metres in self.distances.items()
            if metres <= NEAREST_WARD_M
            and (row := self.rules.areas[area]).kind in {"ward", "division"}
            and (not allowed or row.authority_id in allowed)
        ]
        if not candidates:
            return None
        _, self.ward_distance_m, _, ward = min(candidates, key=lambda each: each[:3])
        return ward

    def _because(
        self, lower: AuthorityRow | None, uppers: Collection[AuthorityRow]
    ) -> list[tuple[AuthorityRow, Because]]:
        """The authorities found, lowest tier first, each with the reason."""
        kinds: dict[int, set[str]] = {}
        for row in self.found:
            kinds.setdefault(row.authority_id, set()).add(row.kind)
        because: list[tuple[AuthorityRow, Because]] = []
        if lower is not None:
            held = kinds.get(lower.id, set())
            own_area = "authority" in held and "ward" not in held
            because.append((lower, "authority" if own_area else "ward"))
        for upper in uppers:
            held = kinds.get(upper.id, set())
            if "division" in held:
                because.append((upper, "division"))
            else:
                because.append((upper, "authority" if "authority" in held else "member"))
        chosen = {authority.id for authority, _ in because}
        for owner in sorted(kinds.keys() - chosen):
            authority, held = self.rules.authorities[owner], kinds[owner]
            if authority.tier == "national":
                because.append((authority, "authority" if held - {"zone"} else "zone"))
            elif held == {"zone"}:  # others lost the choice on a border, or lap over it
                because.append((authority, "zone"))
        return because

    def _taken(
        self,
        because: Iterable[tuple[AuthorityRow, Because]],
        ward: AreaRow | None,
        division: AreaRow | None,
    ) -> tuple[AreaRow, ...]:
        """The areas that count: one ward, one division, and the rest of the authorities found."""
        owners = {authority.id for authority, _ in because}
        chosen = [row for row in (ward, division) if row is not None]
        others = [
            row
            for row in self.found
            if row.authority_id in owners
            # A national body's wards or divisions are no one's ward: nothing was chosen there.
            and row.kind in {"authority", "zone"}
        ]
        return tuple(dict.fromkeys([*chosen, *others]))

    def _authority_share(self, authority: AuthorityRow) -> float:
        """What the authority holds of the circle, by its finest areas known there."""
        rows = [row for row in (*self.found, *self.near) if row.authority_id == authority.id]
        for kind in ("ward", "division", "authority"):
            shares = [self.shares.get(row.id, 0.0) for row in rows if row.kind == kind]
            if shares:
                return sum(shares)
        return 0.0

    def _choose(
        self,
        candidates: Iterable[Row],
        share: Callable[[Row], float],
        order: Callable[[Row], tuple[str, ...]],
    ) -> Row | None:
        """The one with the largest share, then the first in order; a choice is noted as a tie."""
        ranked = sorted(candidates, key=lambda row: (-share(row), order(row)))
        if len(ranked) > 1:
            self.ties.append(tuple(order(row)[0] for row in ranked))
        return ranked[0] if ranked else None


def _by_code(row: AreaRow) -> tuple[str, str]:
    # Two areas of one code that hold one place: an authority's in two kinds, told apart by age.
    return (row.code, f"{row.id:010}")
