"""The declarative base of every table, and the column types that the packages share.

It lives in the lowest package because the shared columns are geographic. The models declare the
schema (Alembic compares them with the database); statements are plain SQL, run on psycopg.
"""

from datetime import datetime
from typing import Annotated, ClassVar

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import DateTime, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column

#: Longitude and latitude in degrees; every geometry column uses it.
WGS84 = 4326

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every table of Kerbline."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {str: Text, datetime: DateTime(timezone=True)}


PointColumn = Annotated[
    WKBElement, mapped_column(Geometry("POINT", srid=WGS84, spatial_index=False))
]
PolygonColumn = Annotated[
    WKBElement, mapped_column(Geometry("POLYGON", srid=WGS84, spatial_index=False))
]
MultiPolygonColumn = Annotated[
    WKBElement, mapped_column(Geometry("MULTIPOLYGON", srid=WGS84, spatial_index=False))
]
