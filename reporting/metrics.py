"""What Prometheus reads: how requests fare in all processes, and what PostgreSQL says is waiting.

Processes share their counts through files in one folder (``share``); a process that dies leaves
its counts in the sum. What is waiting is read from PostgreSQL when somebody looks, so it is true
however many processes there are, and after any of them died.
"""

import os
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram
from prometheus_client import values as backing
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from reporting.queries.operations import WAITING

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

#: name, label, state, value
Gauge = tuple[str, str, str, float]

_ours = CollectorRegistry()
#: By route template, never by path. Its count is the number of requests.
REQUESTS: Final = Histogram(
    "kerbline_request_seconds",
    "Seconds from the first byte of a request to the end of its answer.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=_ours,
)
_REPORTS: Final = Counter(
    "kerbline_reports_accepted",
    "Reports that were answered with 201 (repeats of one request count once).",
    ["category"],
    registry=_ours,
)


def report_accepted(category: str) -> None:
    """Count a report; call it after the commit."""
    _REPORTS.labels(category).inc()


def share(folder: Path) -> None:
    """Make processes started from here on count together, in this folder, from nothing.

    A process takes part only if the variable is set before it imports this module: so ``serve``
    calls this, and the processes that it spawns take part.
    """
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    os.environ[_FOLDER] = str(folder)


async def waiting(conn: AsyncConnection[Any]) -> list[Gauge]:
    """What waits, and who is connected."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(WAITING)
        return await cursor.fetchall()


def page(found: list[Gauge]) -> bytes:
    """The whole page: requests of all processes, and what ``waiting`` found."""
    registry = CollectorRegistry()
    registry.register(_Waiting(found))
    return _requests() + generate_latest(registry)


def _requests() -> bytes:
    if not backing.ValueClass._multiprocess:  # noqa: SLF001  the one place that says which it is
        return generate_latest(_ours)
    merged = CollectorRegistry()
    MultiProcessCollector(merged)  # type: ignore[no-untyped-call]
    return generate_latest(merged)


class _Waiting:
    """The rows of WAITING as gauges."""

    HELP: Final = {
        "kerbline_outbox": "Outbox rows by topic: due (and not yet done), or dead.",
        "kerbline_outbox_oldest_seconds": "Age of the oldest outbox row not yet done.",
        "kerbline_deliveries": "Messages by channel (fcm, webpush, email): pending, or dead.",
        "kerbline_warnings": "Warnings to supervisors in the past day, by kind.",
        "kerbline_counts_waiting": "Changed jobs that the counts on maps and in tables lack.",
        "kerbline_counts_age_seconds": "Since the counts asked the clock what is overdue.",
        "kerbline_database_connections": "Our connections to PostgreSQL, by process and state.",
    }
    LABELS: Final = {
        "kerbline_outbox": ["topic", "state"],
        "kerbline_outbox_oldest_seconds": ["topic", "state"],
        "kerbline_deliveries": ["channel", "state"],
        "kerbline_warnings": ["kind", "state"],
        "kerbline_counts_waiting": ["counts", "state"],
        "kerbline_counts_age_seconds": ["counts", "state"],
        "kerbline_database_connections": ["application", "state"],
    }

    def __init__(self, rows: list[Gauge]) -> None:
        self.rows = rows

    def collect(self) -> list[Metric]:
        """The gauges that have rows."""
        gauges = {
            name: GaugeMetricFamily(name, self.HELP[name], labels=self.LABELS[name])
            for name in dict.fromkeys(row[0] for row in self.rows)
        }
        for name, label, state, value in self.rows:
            gauges[name].add_metric([label, state], float(value))
        return list(gauges.values())
