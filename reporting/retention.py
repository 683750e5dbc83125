"""What we do not keep longer than we need it."""

from collections.abc import Mapping
from typing import Final

from reporting import staff
from reporting.queries import retention as queries
from reporting.runtime import Connection

DAY_S: Final = 24 * 3600.0
#: Answers to repeated requests; rows that have been done.
IDEMPOTENCY_KEYS_S: Final = 30 * DAY_S
OUTBOX_S: Final = 7 * DAY_S
WARNING_MAILS_S: Final = 30 * DAY_S
#: To what address a link went, and what was asked there, after it was over.
HANDOVERS_S: Final = 90 * DAY_S
#: Longer than a tablet's cursor lives, and longer than a tablet may be late.
CHANGES_S: Final = 45 * DAY_S
OPERATIONS_S: Final = 60 * DAY_S
#: How long what was done at a desk can be undone.
UNDO_S: Final = 90 * DAY_S
#: Rows of one statement.
BATCH: Final = 5_000

_RULES: Final[Mapping[str, tuple[str, float]]] = {
    "idempotency_keys": (queries.IDEMPOTENCY_KEYS, IDEMPOTENCY_KEYS_S),
    "staff_tokens": (queries.STAFF_TOKENS, 0.0),
    "outbox": (queries.OUTBOX, OUTBOX_S),
    "unconfirmed": (queries.UNCONFIRMED, 0.0),
    "handovers": (queries.HANDOVERS, HANDOVERS_S),
    "warning_mails": (queries.WARNING_MAILS, WARNING_MAILS_S),
    "departures": (queries.DEPARTURES, CHANGES_S),
    "touches": (queries.TOUCHES, CHANGES_S),
    "operations": (queries.OPERATIONS, OPERATIONS_S),
    "jobs_before": (queries.JOBS_BEFORE, UNDO_S),
}


async def forget_the_old(conn: Connection) -> dict[str, int]:
    """Delete one batch of each thing whose time is over; how many of each.

    Whoever gets a full batch calls again.
    """
    found = {}
    for name, (statement, age_s) in _RULES.items():
        cursor = await conn.execute(statement, {"age_s": age_s, "limit": BATCH})
        found[name] = cursor.rowcount
    found["login_tries"] = await staff.forget_tries(conn)
    return found
