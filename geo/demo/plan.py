"""The plan of the made-up county, in kilometres: its towns, island, road, names and grid."""

import math

import numpy as np
from numpy.typing import NDArray

from geo.points import METRES_PER_DEGREE, Point

#: Kilometres count east and north from here.
SOUTH, WEST = 54.05, 1.35
WIDTH_KM, HEIGHT_KM = 46.0, 34.0

Places = NDArray[np.float64]

#: Name, kilometres east and north, reach in kilometres, and the wards of the town.
TOWNS = (
    ("Thornminster", 12.6, 17.8, 2.9, ("Abbey", "Castle", "Northgate", "Riverside", "St Anne's",
                                        "Southfields", "Weavers", "Hospital Hill")),
    ("Marlhaven", 31.2, 14.5, 2.7, ("Harbour", "Old Town", "Promenade", "St Peter's", "Dockside",
                                     "Lighthouse", "Links", "Upper Town")),
    ("Wexley", 22.9, 26.0, 1.6, ("East", "West", "Market", "Green")),
    ("Hollin Bridge", 6.6, 8.0, 1.3, ("North", "South", "Mill")),
    ("Sandle", 31.5, 26.9, 1.3, ("Bay", "Village", "Dunes")),
)  # fmt: skip

VILLAGES = (
    "Alderbrook", "Ashby Fen", "Barrowmead", "Beacon Down", "Brackenthorpe", "Burrow Cross",
    "Coldharbour", "Cottesby", "Crowle Heath", "Deepmarsh", "Dunwold", "Eastrey", "Elmstow",
    "Fallowfield Green", "Fenny Aston", "Garside", "Gorsley", "Hallowby", "Harrow Wold",
    "Ingleby Moor", "Kestrel Vale", "Kirkby Merrow", "Langmere", "Long Stretton", "Merrow Head",
    "Netherby", "Nine Elms", "Oxcombe", "Pilgrim's Way", "Priors Wood", "Ravensholt", "Rushmere",
    "Saxby", "Sedgewick", "Stonely", "Tattersby", "Thistledown", "Upper Merrow", "Wainfold",
    "Westrigg", "Whinmoor", "Yarrowby",
)  # fmt: skip
ISLAND = ("Skerrow Island", 42.0, 21.5, 2.3)

#: The A1900, in kilometres: in from the west, round Thornminster, to the port.
TRUNK_ROAD = ((-3, 12.5), (3, 13.6), (8.5, 14.6), (12.5, 14.2), (16.5, 15.8), (21, 17.6),
               (25.0, 16.4), (28.4, 13.4), (31.4, 13.0), (34.5, 13.6))  # fmt: skip
TRUNK_ROAD_HALF_WIDTH_KM = 0.022
SCHOOLS = (
    ("Thornminster Abbey School", 12.1, 18.3),
    ("Marlhaven Harbour Primary", 30.6, 15.3),
    ("Wexley Church School", 22.7, 26.2),
)
PARK = ("Castle Meadows", 13.9, 17.2, 0.42)


def degrees(places: Places) -> Places:
    """Longitude and latitude of places on the plan, to 11 centimetres as files have them."""
    lat = SOUTH + places[:, 1] * 1000 / METRES_PER_DEGREE
    # One stretch for the whole county: equal kilometres must become equal degrees.
    middle = math.radians(SOUTH + HEIGHT_KM * 500 / METRES_PER_DEGREE)
    lng = WEST + places[:, 0] * 1000 / METRES_PER_DEGREE / math.cos(middle)
    return np.column_stack([lng, lat]).round(6)


def point(x: float, y: float) -> Point:
    ((lng, lat),) = degrees(np.array([[x, y]]))
    return Point(float(lat), float(lng))
