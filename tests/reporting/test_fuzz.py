"""Whatever a body is made of: never a 5xx, and nothing stored unless it was accepted.

Good bodies with something in them exchanged, added or taken away, and JSON of any sort. The same
examples each time.
"""

import copy
import json
import math
from typing import Any
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporting.runtime import Connection
from reporting.web.examples import REQUESTS
from tests.support.county import County
from tests.support.refusals import PROBLEM

GOOD = [each["value"] for each in REQUESTS["createReport"].values()]
ACCEPTED_OR_REFUSED = {201, 400, 413, 415, 422}

#: Values that have been trouble somewhere.
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**25, -(2**63)),
    *(0.0, -0.0, 1e-320, 1e308, 91.0, 181.0, 52.01, math.nan, math.inf),
    *("", " ", "\x00", "\ud800", "\u202e", "a" * 5000, "52.01", "null", "KB-7F3K9Q", "../..", "%s"),
    *("2026-11-23T14:25:00Z", "0000-00-00T00:00:00Z", "ann@example.org", str(uuid4())),
    *([], {}, [[]], [None], {"": ""}, {"lat": 1}, [1] * 100),
]
json_values = st.recursive(
    st.sampled_from(ODD) | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in it."""
    inside: Any = value.items() if isinstance(value, dict) else ()
    return [path, *(found for key, inner in inside for found in places(inner, (*path, key)))]


@st.composite
def bent(draw: st.DrawFn) -> Any:
    """A good body, bent in one to three places."""
    body = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(body)))
        if not path:
            body[draw(st.text(max_size=8) | st.sampled_from(NAMES))] = draw(json_values)
            continue
        parent = body
        for key in path[:-1]:
            parent = parent[key]
        match draw(st.sampled_from(("exchange", "exchange", "remove", "add"))):
            case "exchange":
                parent[path[-1]] = draw(json_values)
            case "remove":
                del parent[path[-1]]
            case _:
                parent[draw(st.text(max_size=8))] = draw(json_values)
    return body


text = st.text(max_size=60) | st.text(st.characters(), max_size=10)
#: Nearly always good: only what people write, and where they stand, differs.
written = st.fixed_dictionaries(
    {
        "category": st.just("pothole"),
        "location": st.fixed_dictionaries(
            {"lat": st.floats(51.99, 52.03), "lng": st.floats(-1.01, -0.91)},
            optional={"accuracy_m": st.floats(-1, 2000)},
        ),
        "answers": st.just(GOOD[0]["answers"]),
    },
    optional={
        "description": text,
        "contact": st.fixed_dictionaries({}, optional={"name": text, "phone": text}),
    },
)

NAMES = ["photos", "same_as", "observed_at", "place_text", "authority", "contact", "description"]


async def stored(conn: Connection) -> tuple[int, ...]:
    row = await (
        await conn.execute(
            "select (select count(*) from report), (select count(*) from job),"
            " (select count(*) from job_update), (select count(*) from idempotency_key),"
            " (select count(*) from reporter), (select count(*) from report_words),"
            " (select count(*) from outbox)"
        )
    ).fetchone()
    return tuple(row)


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=written | bent() | json_values)
async def test_a_body_is_stored_or_refused(
    client: httpx.AsyncClient, county: County, owner: Connection, body: Any
) -> None:
    before = await stored(owner)
    content = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
    answer = await client.post("/v1/reports", content=content, headers=headers)
    assert answer.status_code in ACCEPTED_OR_REFUSED, answer.text
    after = await stored(owner)
    if answer.status_code != 201:
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["detail"]
        assert after == before
        return
    assert after[0] == before[0] + 1
    made = answer.json()
    again = await client.post("/v1/reports", content=content, headers=headers)
    assert again.json() == made
    assert await stored(owner) == after
    bearer = {"Authorization": f"Bearer {made['tracking_token']}"}
    shown = await client.get(f"/v1/reports/{made['id']}", headers=bearer)
    assert shown.status_code == 200, shown.text
    own = shown.json()
    for name in ("description", "place_text"):
        assert own[name] == body.get(name), name
    assert own["answers"] == body.get("answers", {})


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    path=st.sampled_from(["/v1/where", "/v1/categories", "/v1/reports/nearby"]),
    query=st.dictionaries(
        st.sampled_from(["lat", "lng", "category", "radius_m", "accuracy_m", "x"]),
        st.floats().map(str)
        | st.integers().map(str)
        | st.text(max_size=10)
        | st.sampled_from(["52.01", "-0.99", "pothole", "fly_tipping", "20"]),
        max_size=5,
    ),
)
async def test_a_question_is_answered_or_refused(
    client: httpx.AsyncClient, county: County, path: str, query: dict[str, str]
) -> None:
    given_ = {name: text.encode("utf-8", "replace").decode() for name, text in query.items()}
    answer = await client.get(path, params=given_)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 422:
        assert answer.headers["content-type"] == PROBLEM
