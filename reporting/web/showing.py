"""A report on its way out: with links to the pictures that this reader may see, and no others.

Every page and call that shows a report takes it from here.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from reporting import photos
from reporting.auth import Principal
from reporting.keys import Keys
from reporting.reports import reading
from reporting.reports.reading import Shown
from reporting.runtime import Connection, Runtime
from reporting.web.photo_links import photo_view
from routing.categories import Category


async def report(
    runtime: Runtime,
    conn: Connection,
    name: str,
    principal: Principal,
    *,
    language: str | None = None,
) -> dict[str, Any]:
    """A report by id or reference, as this reader may see it; their own has ``answers``."""
    found = await reading.one(conn, runtime.router, name, principal, language=language)
    rules = await runtime.router.current(conn)
    return with_links(runtime.keys, found, rules.categories[found.category])


def with_links(keys: Keys, found: Shown, category: Category) -> dict[str, Any]:
    """The report with its pictures as views."""
    timeline = []
    for entry in found.report["timeline"]:
        said = {name: value for name, value in entry.items() if name != "photos_public"}
        said["photos"] = _views(keys, entry["photos"], category, public=entry["photos_public"])
        timeline.append(said)
    pictures = _views(keys, found.report["photos"], category, public=not found.is_own)
    return {**found.report, "photos": pictures, "timeline": timeline}


def _views(
    keys: Keys, rows: Iterable[dict[str, Any]], category: Category, *, public: bool
) -> list[dict[str, Any]]:
    return [
        photo_view(
            keys, UUID(str(row["id"])), row["state"], row["review"], public=public
        ).model_dump()
        for row in rows
        if not public or (row["state"] == "ready" and photos.is_public(row["review"], category))
    ]
