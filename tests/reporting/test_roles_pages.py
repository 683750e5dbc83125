"""Who may do what, on pages: every page, every role by its cookie, on what is theirs and not.

And what no role may do anywhere: use a method that a route does not have, or read a reporter's
contact details. A page without a row here fails, as a route of the API does in ``test_roles``.
"""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import APIRoute

from reporting.web import routes
from tests.reporting.test_roles import (
    CONCERNED,
    STAFF,
    WHO,
    Row,
    World,
    api_routes,
    path_of,
    row,
    world,
)

#: The fixture.
__all__ = ["world"]

ANYBODY = row(200)
#: A token in the address is what lets one in; what it shows is told where it is made.
NOBODY = row(404)
#: Whoever is not of the staff is sent to sign in.
AWAY = row(303)
DESK = {**AWAY, **dict.fromkeys(STAFF, 200)}
REVIEWING = {**DESK, **{who: 403 for who in STAFF if who.endswith(("crew", "auditor"))}}
NO_CREWS = {**DESK, "crew": 403, "other crew": 403}
#: Staff to whom a job belongs.
JOB = {**AWAY, **{who: 200 if who in CONCERNED else 404 for who in STAFF}}
#: An empty form: it is read first, and says the same of what is not there.
EMPTY = {**AWAY, **dict.fromkeys(STAFF, 422)}
#: A form that asks for nothing that there is.
UNASKED = {**AWAY, **dict.fromkeys(STAFF, 404)}
TAKING = {**EMPTY, "auditor": 403, "other auditor": 403}
TABLET = {**row(401), "device": 403, "other device": 403, **dict.fromkeys(STAFF, 200)}

PAGES: dict[str, Row] = {
    "GET /": ANYBODY,
    "POST /": row(422),
    "GET /plan": ANYBODY,
    "GET /sent/{reference}": ANYBODY,
    "GET /console": DESK,
    "GET /console/sign-in": {**ANYBODY, **dict.fromkeys(STAFF, 303)},
    "GET /console/jobs": DESK,
    "POST /console/jobs": {**REVIEWING, **{who: 422 for who in STAFF if REVIEWING[who] == 200}},
    "GET /console/jobs/{job}": JOB,
    "GET /console/figures": NO_CREWS,
    "GET /console/figures/table.csv": NO_CREWS,
    "GET /console/map": NO_CREWS,
    "GET /console/map/parts": NO_CREWS,
    "POST /console/jobs/{job}": EMPTY,
    "GET /console/photos": REVIEWING,
    "GET /console/photos/{photo}": {**JOB, "crew": 403, "auditor": 403},
    "POST /console/photos/{photo}": EMPTY,
    "GET /console/returns": NO_CREWS,
    "GET /console/returns/fly-tipping.csv": NO_CREWS,
    "GET /console/report": {**DESK, "auditor": 403, "other auditor": 403},
    "POST /console/report": TAKING,
    "GET /console/report/{reference}": DESK,
    "GET /console/warnings": REVIEWING,
    "GET /console/words": REVIEWING,
    "GET /console/staff": NO_CREWS,
    "POST /console/staff": {**NO_CREWS, **{who: 422 for who in STAFF if NO_CREWS[who] == 200}},
    "GET /console/staff/{staff}": {**NO_CREWS, "other admin": 404, "other auditor": 404},
    "POST /console/staff/{staff}": UNASKED,
    "GET /console/me": DESK,
    "POST /console/me": UNASKED,
    "GET /invitation/{token}": NOBODY,
    "POST /invitation/{token}": NOBODY,
    "POST /console/words/{report}": EMPTY,
    "GET /crew": ANYBODY,
    "GET /crew/sw.js": ANYBODY,
    "GET /crew/manifest.webmanifest": ANYBODY,
    "GET /crew/sign-in": ANYBODY,
    "GET /crew/map.pmtiles": {**TABLET, **dict.fromkeys(STAFF, 404)},
    "GET /crew/areas.json": TABLET,
    "POST /browser": row(204),
    "GET /confirm/{token}": NOBODY,
    "POST /confirm/{token}": NOBODY,
    "GET /r/{reference}": ANYBODY,
    "GET /handover/{token}": NOBODY,
    "POST /handover/{token}": NOBODY,
    "GET /me": ANYBODY,
    "GET /docs": ANYBODY,
    # No provider is set.
    "GET /oidc/start": NOBODY,
    "GET /oidc/callback": NOBODY,
    "GET /sw.js": ANYBODY,
    "GET /manifest.webmanifest": ANYBODY,
    "GET /offline": ANYBODY,
    "GET /unsubscribe/{token}": NOBODY,
    "POST /unsubscribe/{token}": NOBODY,
    "GET /static/{name:path}": ANYBODY,
    "GET /static/~{version}/{name:path}": ANYBODY,
}
#: A session or a reporter's own things end by these: told in test_console, test_me and test_auth.
ENDING = {
    "POST /console/sign-in",
    "POST /console/sign-out",
    "POST /crew/sign-in",
    "POST /crew/sign-out",
    "POST /me/forget",
}
#: By the reporter's cookies alone; test_following and test_my_page ask as everybody.
REPORTERS_OWN = {
    "POST /r/{reference}/feedback",
    "GET /r/{reference}/withdraw",
    "POST /r/{reference}/withdraw",
    "POST /r/{reference}/contact",
    "GET /me/data",
    "GET /me/forget",
}


def pages() -> Iterator[tuple[str, str]]:
    for router in routes.PAGES:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(set(route.methods or ()) - {"HEAD"}):
                yield method, route.path


async def references(world: World) -> dict[Any, str]:
    cursor = await world.owner.execute("select id, reference from report")
    return dict(await cursor.fetchall())


async def visit(world: World, method: str, path: str, who: str) -> httpx.Response:
    """Ask as a browser does that knows only this cookie."""
    world.client.cookies.clear()
    bearer = world.people[who].get("Authorization", "").removeprefix("Bearer ")
    name = {"kbs_": "staff", "kbd_": "device", "kbt_": ""}
    if bearer.startswith("kbt_"):
        names = await references(world)
        own = names.pop(world.report)
        name["kbt_"] = f"report-{next(iter(names.values())) if who.startswith('other') else own}"
    cookie = {"Cookie": f"{name[bearer[:4]]}={bearer}"} if bearer else {}
    answer = await world.client.request(method, path, headers=cookie)
    world.client.cookies.clear()
    return answer


async def page_path(world: World, template: str, *, absent: bool) -> str:
    own = (await references(world))[world.report]
    names = {
        "reference": "KB-ZZZZZZ" if absent else own,
        "job": uuid4() if absent else world.job,
        "photo": uuid4() if absent else world.photo,
        "report": uuid4() if absent else world.report,
        "staff": uuid4() if absent else world.account,
        "token": "x" * 43,
        "version": "0",
        "name": "kerbline.css",
    }
    return template.replace(":path", "").format(**names)


def test_every_page_has_its_row() -> None:
    assert {f"{method} {path}" for method, path in pages()} == (
        PAGES.keys() | ENDING | REPORTERS_OWN
    )


async def test_everybody_gets_the_pages_that_the_table_says(world: World) -> None:
    wrong = []
    for name, statuses in PAGES.items():
        method, template = name.split()
        path = await page_path(world, template, absent=False)
        for who in WHO:
            answer = await visit(world, method, path, who)
            if answer.status_code != statuses[who]:
                wrong.append(f"{name}, {who}: {answer.status_code}, not {statuses[who]}")
    assert not wrong, "\n".join(wrong)


async def test_a_page_of_what_is_not_theirs_looks_as_if_it_never_was(world: World) -> None:
    for name, statuses in PAGES.items():
        method, template = name.split()
        if "{" not in template:
            continue
        for who in WHO:
            if statuses[who] < 400 or (who in CONCERNED and statuses[who] == 403):
                continue
            seen = []
            for absent in (False, True):
                path = await page_path(world, template, absent=absent)
                answer = await visit(world, method, path, who)
                seen.append((answer.status_code, answer.text.replace(path, "…")))
            assert seen[0] == seen[1], (name, who)


# --- what no role may do ------------------------------------------------------------------------

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "QUERY")


async def test_no_route_takes_a_method_that_is_not_its_own(world: World) -> None:
    own: dict[str, set[str]] = {}
    for route in api_routes().values():
        own.setdefault(route.path, set()).update(route.methods or ())
    wrong = []
    for template, taken in own.items():
        path = path_of(world, template, absent=False)
        literal = {other for other in own if "{" not in other and other == path}
        for method in set(METHODS) - taken - {m for other in literal for m in own[other]}:
            for who in ("anyone", "crew", "admin"):
                answer = await world.ask(method, path, who)
                if answer.status_code not in {404, 405}:
                    wrong.append(f"{method} {path}, {who}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


async def test_no_other_spelling_of_an_address_leads_past_the_door(world: World) -> None:
    job, wrong = str(world.job), []
    for path in (
        f"/v1/jobs/{job}/",
        f"/v1//jobs/{job}",
        f"//v1/jobs/{job}",
        f"/v1/jobs/%2e/{job}",
        f"/v1/reports/..%2fjobs/{job}",
        f"/V1/jobs/{job}",
        f"/v1/jobs/{job};x",
        f"/v1/jobs/{job}%00",
    ):
        for who in ("anyone", "other crew", "other admin"):
            answer = await world.ask("GET", path, who)
            if answer.status_code < 400 or answer.status_code >= 500:
                wrong.append(f"{path}, {who}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    # A method named in a header is not the method.
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = await world.ask("GET", f"/v1/jobs/{job}", "crew", headers={header: "DELETE"})
        assert answer.status_code == 200


CANARY = {
    "name": "Zebedee Quux",
    "email": "zebedee.quux@canary.example",
    "phone": "07700900987",
    "updates": ["email"],
}

#: Questions without which a route tells nothing.
QUESTIONS: dict[str, Any] = {
    "listJobs": {"updated_since": ""},
    "getWhere": {"lat": 52.01, "lng": -0.99},
    "listNearby": {"lat": 52.01, "lng": -0.99, "category": "pothole"},
}


@pytest.fixture
async def canary(world: World) -> World:
    """The report's reporter has left everything by which to find them."""
    path = f"/v1/reports/{world.report}/contact"
    answer = await world.ask("PUT", path, "device", json=CANARY)
    assert answer.status_code == 200, answer.text
    return world


async def test_a_reporter_s_contact_details_are_in_nobody_else_s_answer(canary: World) -> None:
    told = {str(value).lower() for name, value in CANARY.items() if name != "updates"}
    told |= {"quux", "+447700900987", "7700900987"}
    read: dict[str, set[str]] = {}

    def look(where: str, who: str, answer: httpx.Response) -> None:
        text = (answer.text + str(answer.headers)).lower()
        if any(word in text for word in told):
            read.setdefault(who, set()).add(where)

    for operation, route in api_routes().items():
        if route.methods != {"GET"} or operation == "watchReport":
            continue
        path = path_of(canary, route.path, absent=False)
        for who in WHO:
            params = QUESTIONS.get(operation, {})
            look(operation, who, await canary.ask("GET", path, who, params=params))
    for method, template in pages():
        if method == "GET" and "static" not in template:
            path = await page_path(canary, template, absent=False)
            for who in WHO:
                look(template, who, await visit(canary, "GET", path, who))
    assert read.keys() == {"device", "tracking"}, read
    # So the search finds what there is to find.
    assert "exportMe" in read["device"]
