"""What residents of the made-up county saw in a year: where, when and in which words. Pure.

Potholes open after frost, rubbish is tipped after holidays; both are seen by daylight, on the way
to work or from it, most of all in the towns; and what is bad is seen by several people.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import shapely

from geo.demo import DemoCounty, scatter
from geo.points import METRES_PER_DEGREE, Point
from reporting.reports.values import Contact

LOCAL: Final = ZoneInfo("Europe/London")
DAYS: Final = 365
#: Defects on the street, and the share of them that more than one person reports.
DEFECTS: Final = 330
SEEN_AGAIN: Final = 0.16
BY_PHONE: Final = 0.08
#: Nobody has to say how wide a hole is.
UNMEASURED: Final = 0.3
#: For so many days more people have known of the app, so that there is work on the tablets.
WELL_KNOWN: Final = 28
#: Of them, in places that the towns' crowds do not come by: area set or name, how many.
ON_THE_TRUNK_ROAD, ON_THE_ISLAND, IN_THE_PARK = 14, 8, 6

#: From January: how many, as a share of an ordinary month.
SEASONS: Final = {
    "pothole": (1.7, 1.9, 1.6, 1.1, 0.8, 0.6, 0.5, 0.5, 0.6, 0.8, 1.0, 1.3),
    "fly_tipping": (1.2, 0.8, 1.0, 1.2, 1.2, 1.1, 1.1, 1.2, 1.0, 0.9, 0.8, 0.9),
}
SHARES: Final = {"pothole": 0.6, "fly_tipping": 0.4}
#: From January: the hours of the day when the sun is up at 54 degrees north.
DAYLIGHT: Final = (
    *((9, 16), (8, 17), (7, 18), (6, 20), (6, 21), (6, 21)),
    *((6, 21), (6, 20), (7, 19), (8, 18), (8, 16), (9, 16)),
)
#: How busy the hours from 6 to 20 are.
BUSY: Final = (1, 3, 6, 5, 3, 3, 4, 4, 3, 4, 6, 7, 5, 3, 2)
MONDAY_TO_SUNDAY: Final = (6, 5, 5, 5, 5, 4, 3)

ANSWERS: Final[Mapping[str, Mapping[str, Mapping[str, int]]]] = {
    "pothole": {
        "where": {"carriageway": 9, "edge": 5, "cycle_lane": 2, "crossing": 1, "pavement": 2,
                  "parking": 1},
        "depth": {"under_4cm": 5, "4_to_7cm": 7, "over_7cm": 2, "not_sure": 2},
        "width": {"under_30cm": 5, "30_to_60cm": 6, "over_60cm": 2},
    },
    "fly_tipping": {
        "size": {"single_black_bag": 3, "single_item": 6, "car_boot": 6, "small_van": 6,
                 "transit_van": 3, "tipper_lorry": 1},
        "waste": {"household_black_bags": 5, "household_other": 8, "construction": 3,
                  "white_goods": 4, "tyres": 2, "green": 2, "asbestos": 1, "other": 1},
        "land": {"highway": 9, "footpath": 4, "alleyway": 3, "council_land": 4,
                 "agricultural": 2, "watercourse": 1},
    },
}  # fmt: skip

WORDS: Final[Mapping[str, Sequence[str | None]]] = {
    "pothole": (
        "Just past the bus stop, on the left going down the hill.",
        "My car hit this twice this week. It fills with water and you cannot see it.",
        "Second time I report this one. It was filled in spring and has broken up again.",
        "Cyclists swerve round it into the traffic.",
        "Outside the bakery, about the size of a bin lid.",
        "The edge of the road is crumbling away by the field gate.",
        "Deep, right where you turn in for the school.",
        "Loose stones everywhere round it, they hit the windscreen.",
        "It has got bigger since the frost.",
        None,
        None,
    ),
    "fly_tipping": (
        "Mattress and two bags by the bottle banks.",
        "Someone has emptied a van in the lay-by. There are address labels in it.",
        "Fridge on its side on the verge, door still on.",
        "Rubble and an old bathroom, half across the footpath.",
        "Black bags torn open by foxes, nappies all over the lane.",
        "A heap of tyres down the bank, some are in the stream.",
        "Same corner as last month, it happens after every bank holiday.",
        "Grey corrugated sheets, could be asbestos. Children walk past here.",
        None,
        None,
    ),
}

PEOPLE: Final = (
    "Anne Whitlock", "Bilal Khan", "Carys Owen", "Derek Stubbs", "Ewa Nowak", "Femi Adeyemi",
    "Grace Lund", "Harry Pike", "Ines Duarte", "Jean Tully", "Kofi Mensah", "Lorna Birch",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sighting:
    """One report as somebody sent it."""

    at: datetime
    category: str
    place: Point
    answers: Mapping[str, Any]
    description: str | None
    contact: Contact | None
    #: Told to the council's staff on the telephone.
    by_phone: bool


def sightings(where: DemoCounty, now: datetime, rng: Random) -> list[Sighting]:
    """A year of them up to now, oldest first."""
    places = _places(where, rng)
    rng.shuffle(places)
    first = [_sighting(place, now, rng) for place in places]
    again = [
        _seen_again(one, rng)
        for one in first
        if rng.random() < SEEN_AGAIN
        for _ in range(rng.choice((1, 1, 1, 2, 2, 4)))
    ]
    latest = now - timedelta(minutes=20)
    return sorted((s for s in (*first, *again) if s.at < latest), key=lambda each: each.at)


def _places(where: DemoCounty, rng: Random) -> list[Point]:
    """Most in the towns; some where somebody else than the council's usual team must come."""
    shapes = [(areas, each) for areas in where.sets for each in areas.features]
    road = [each.geom for areas, each in shapes if areas.zone_type == "trunk_road"]
    park = [each.geom for areas, each in shapes if areas.zone_type == "park"]
    island = [each.geom for areas, each in shapes if areas.kind == "ward" and "Island" in each.name]
    apart = [
        *_inside(road, ON_THE_TRUNK_ROAD, rng),
        *_inside(island, ON_THE_ISLAND, rng),
        *_inside(park, IN_THE_PARK, rng),
    ]
    return [*scatter(where, DEFECTS - len(apart), rng.randrange(1000)), *apart]


def _inside(shapes: Sequence[shapely.Geometry], number: int, rng: Random) -> list[Point]:
    """Places in the first of these shapes, which may be too thin to hit with darts: each is the
    middle of the shape along some meridian.
    """
    found: list[Point] = []
    while shapes and len(found) < number:
        west, south, east, north = map(float, shapely.bounds(shapes[0]))
        lng = rng.uniform(west, east)
        cut = shapely.intersection(shapes[0], shapely.LineString([(lng, south), (lng, north)]))
        pieces = [piece for piece in shapely.get_parts(cut) if shapely.length(piece) > 0]
        if pieces:
            middle = shapely.line_interpolate_point(rng.choice(pieces), 0.5, normalized=True)
            found.append(Point(round(middle.y, 6), round(middle.x, 6)))
    return found


def _sighting(place: Point, now: datetime, rng: Random) -> Sighting:
    category = rng.choices([*SHARES], [*SHARES.values()])[0]
    at = _moment(category, now, rng)
    answers = {
        question: rng.choices([*choices], [*choices.values()])[0]
        for question, choices in ANSWERS[category].items()
        if not (question == "width" and rng.random() < UNMEASURED)
    }
    return Sighting(
        at=at,
        category=category,
        place=Point(place.lat, place.lng, float(rng.choice((4, 5, 6, 8, 10, 12, 16, 24, 35)))),
        answers=answers,
        description=rng.choice(WORDS[category]),
        contact=_contact(rng),
        by_phone=rng.random() < BY_PHONE,
    )


def _moment(category: str, now: datetime, rng: Random) -> datetime:
    """A time of the past year, by season, day of the week and daylight."""
    today = now.astimezone(LOCAL).date()
    days = [today - timedelta(days=back) for back in range(DAYS)]
    season = SEASONS[category]
    known = {day: 2 if back < WELL_KNOWN else 1 for back, day in enumerate(days)}
    day = rng.choices(
        days, [known[d] * season[d.month - 1] * MONDAY_TO_SUNDAY[d.weekday()] for d in days]
    )[0]
    sunrise, sunset = DAYLIGHT[day.month - 1]
    hours = range(sunrise, sunset)
    hour = rng.choices(hours, [BUSY[min(hour - 6, len(BUSY) - 1)] for hour in hours])[0]
    clock = time(hour, rng.randrange(60), rng.randrange(60), tzinfo=LOCAL)
    return datetime.combine(day, clock).astimezone(UTC)


def _seen_again(one: Sighting, rng: Random) -> Sighting:
    """Somebody else a little later, standing a few metres off."""
    away, turn = rng.uniform(0.5, 6), rng.uniform(0, math.tau)
    place = Point(
        round(one.place.lat + away * math.cos(turn) / METRES_PER_DEGREE, 6),
        round(
            one.place.lng
            + away * math.sin(turn) / METRES_PER_DEGREE / math.cos(math.radians(one.place.lat)),
            6,
        ),
        one.place.accuracy_m,
    )
    later = timedelta(hours=rng.choice((0.4, 1, 3, 9, 22, 27, 49)), minutes=rng.randrange(40))
    return Sighting(
        at=one.at + later,
        category=one.category,
        place=place,
        answers=one.answers,
        description=rng.choice(WORDS[one.category]),
        contact=_contact(rng),
        by_phone=False,
    )


def _contact(rng: Random) -> Contact | None:
    """Three in eight leave an address; numbers are Ofcom's for drama, addresses RFC 2606's."""
    name = rng.choice(PEOPLE)
    email = f"{name.replace(' ', '.').lower()}@example.org"
    return rng.choice(
        (
            *(None,) * 5,
            Contact(name=name, email=email),
            Contact(email=email),
            Contact(name=name, phone=f"07700 900{rng.randrange(1000):03}"),
        )
    )
