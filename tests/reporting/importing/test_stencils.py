"""What a stencil fills in is what the chain's own words would have said, whatever stands in it."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from reporting.chain import canonical
from reporting.importing.stencils import cut, inner, mark

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["100 %", "%(lat)s", '"', "\\", "\\N", "é\n"]
)
PLACES = st.floats(-180, 180)


def said(changes: dict[str, Any]) -> bytes:
    return canonical(
        b"\7" * 32,
        job_id="a-job",
        seq=3,
        id="an-update",
        kind="reported",
        actor="report:1",
        made_at="then",
        recorded_at="later",
        changes=changes,
        words_hash=None,
    )


@given(TEXTS, TEXTS, PLACES, PLACES)
def test_filled_in_it_says_the_same(team: str, key: str, lat: float, lng: float) -> None:
    def changes(place: Any, row: str, report: str, due: str) -> dict[str, Any]:
        found = {"report": report, "team": team, "location": place, "flags": [team], "due_at": due}
        return {**found, "imported": {"source": team, "id": row}}

    meant = changes({"lat": lat, "lng": lng}, key, "1", "soon")
    marked = changes(
        {"lat": mark("lat"), "lng": mark("lng")}, mark("key"), mark("report"), mark("due")
    )
    stencil = cut("reported", f"report:{mark('report')}", marked)
    values = {
        "report": "1",
        "lat": orjson.dumps(lat).decode(),
        "lng": orjson.dumps(lng).decode(),
        "due": "soon",
        "key": inner(key),
    }
    more = {
        "id": "an-update", "job": "a-job", "made": "then", "recorded": "later",
        "previous": (b"\7" * 32).hex(), "seq": 3,
    }  # fmt: skip
    assert (stencil.hashed % {**values, **more}).encode() == said(meant)
    values["key"] = values["key"].replace("\\", "\\\\")  # as COPY wants it
    stored = orjson.dumps(meant).decode().replace("\\", "\\\\")
    assert stencil.stored % values == stored
