"""PostgreSQL's transaction ids as a column: 64 bits, so they never come round again."""

from typing import Any

from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType


class Xid8(UserDefinedType[int]):
    """``xid8``, compared with snapshots to tell what somebody has not seen yet."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


# SQLAlchemy does not know it; a look at the database (Alembic compares) must.
ischema_names["xid8"] = Xid8
