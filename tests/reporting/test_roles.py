"""Who may do what: every route, every role, on what is theirs, on what is not, on what never was.

The table is DESIGN section 7 in statuses. A route without a row here fails.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from fastapi import FastAPI
from fastapi.routing import APIRoute

from reporting.keys import token_hash
from reporting.passwords import Passwords
from reporting.runtime import Connection
from reporting.web import health, routes
from tests.reporting.test_reports import pothole
from tests.support.county import County, inside
from tests.support.people import Headers, People, job_of

#: Whoever sent the report, by device and by tracking token; staff to whom its job belongs.
CONCERNED = ("device", "tracking", "crew", "supervisor", "ward supervisor", "admin", "auditor")
#: The same kinds of people, to whom it does not.
STRANGERS = (
    "anyone",
    "other device",
    "other tracking",
    "other crew",
    "other ward supervisor",
    "other admin",
    "other auditor",
)
WHO = CONCERNED + STRANGERS
REPORTERS = ("device", "tracking", "other device", "other tracking")
STAFF = tuple(who for who in WHO if who not in {*REPORTERS, "anyone"})

Row = dict[str, int]


def row(default: int, **others: int) -> Row:
    """A status for everybody, and for those for whom it is another (names with _ for spaces)."""
    named = {name.replace("_", " "): status for name, status in others.items()}
    assert named.keys() <= set(WHO)
    return {**dict.fromkeys(WHO, default), **named}


EVERYBODY = row(200)
#: Staff to whom a job belongs; to other staff it is absent; reporters are not staff.
OWN_STAFF = {
    **row(404, anyone=401, crew=200, supervisor=200, ward_supervisor=200, admin=200, auditor=200),
    **dict.fromkeys(REPORTERS, 403),
}
#: Those of them who decide whose a job is.
OVERSEERS = {**OWN_STAFF, "crew": 403, "auditor": 403}
ALL_STAFF = {**row(200, anyone=401), **dict.fromkeys(REPORTERS, 403)}
#: Those who answer for what the public sees; the lists hold what is theirs.
REVIEWERS = {
    **ALL_STAFF,
    **{who: 403 for who in STAFF if who.endswith(("crew", "auditor"))},
}
#: What they ask is refused for what it says, and for nothing else.
SAID_WRONG = {who: 422 if status == 200 else status for who, status in OVERSEERS.items()}
SAID_ABSENT = {who: 404 if status == 200 else status for who, status in OVERSEERS.items()}
NOT_MERGED = {who: 409 if status == 200 else status for who, status in OVERSEERS.items()}
#: Trends are a desk's; the lists hold what is theirs.
TRENDS = {**ALL_STAFF, "crew": 403, "other crew": 403}
EMPTY_MAPS = {who: 204 if status == 200 else status for who, status in TRENDS.items()}
#: Division D1's figures, at a desk; to others' desks the ward is absent.
OWN_WARD = {**OWN_STAFF, "crew": 403, "other crew": 403}
#: Staff of the crew's authority who see its account; those who may change it.
ITS_STAFF = {
    **row(200, anyone=401, crew=403, other_crew=403, other_admin=404, other_auditor=404),
    **dict.fromkeys(REPORTERS, 403),
}
ITS_ADMINS = {**ITS_STAFF, "auditor": 403}
ITS_DEVICE = {**row(403, anyone=401, device=200), "other device": 404}
#: The reporter of the one report; to everybody else who is known it is absent.
ITS_REPORTER = row(404, anyone=401, device=200, tracking=200)
ANY_REPORTER = {**row(403, anyone=401), **dict.fromkeys(REPORTERS, 200)}


@dataclass
class World:
    """A report of a device, its job, and everybody."""

    client: httpx.AsyncClient
    owner: Connection
    people: dict[str, Headers]
    devices: dict[str, UUID]
    report: UUID
    job: UUID
    photo: UUID
    handover: UUID
    #: The crew's account, and where it is signed in.
    account: UUID
    session: UUID

    async def ask(self, method: str, path: str, who: str, **more: Any) -> httpx.Response:
        headers = {**self.people[who], **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)


@pytest.fixture
async def world(
    app: FastAPI, client: httpx.AsyncClient, county: County, owner: Connection
) -> World:
    cheap = PasswordHasher.from_parameters(CHEAPEST)
    app.state.runtime = replace(app.state.runtime, passwords=Passwords(cheap))
    everybody = People(county)
    people: dict[str, Headers] = {"anyone": {}}
    devices, reports = {}, {}
    for prefix, ward in (("", "W1"), ("other ", "E2")):
        made = (await client.post("/v1/devices", json={})).json()
        devices[f"{prefix}device"] = UUID(made["id"])
        people[f"{prefix}device"] = {"Authorization": f"Bearer {made['device_token']}"}
        sent = await client.post(
            "/v1/reports",
            json=pothole(ward, description="by the gate, ring 07700 900123"),
            headers={"Idempotency-Key": str(uuid4()), **people[f"{prefix}device"]},
        )
        reports[prefix] = sent.json()
        token = reports[prefix]["tracking_token"]
        people[f"{prefix}tracking"] = {"Authorization": f"Bearer {token}"}
    people |= {
        "crew": await everybody.crew(),
        "supervisor": await everybody.staff("supervisor", "shire"),
        "ward supervisor": await everybody.staff("supervisor", "shire", wards=("D1",)),
        "admin": await everybody.staff("admin", "shire"),
        "auditor": await everybody.staff("auditor", "shire"),
        "other crew": await everybody.crew("shire", "shire-triage"),
        "other ward supervisor": await everybody.staff("supervisor", "shire", wards=("D2",)),
        "other admin": await everybody.staff("admin", "west"),
        "other auditor": await everybody.staff("auditor", "west"),
    }
    report, photo = UUID(reports[""]["id"]), uuid4()
    # Its copies are being made again since somebody looked at it.
    await owner.execute(
        "insert into photo (id, object_key, sha256, bytes, media_type, width, height, report_id,"
        " reviewed_at) values (%s, 'none', '', 1, 'image/jpeg', 1, 1, %s, now())",
        (photo, report),
    )
    job, handover = job_of(reports[""]), uuid4()
    await owner.execute(
        "insert into handover (id, job_id, token_hash, made_by, expires_at, name)"
        " select %s, %s, 'x', id, now() + interval '1 day', 'Mere Surfacing' from staff"
        " where role = 'admin' and authority_id = %s",
        (handover, job, county.authorities["shire"]),
    )
    cursor = await owner.execute(
        "select staff_id, id from staff_token where token_hash = %s",
        (token_hash(people["crew"]["Authorization"].removeprefix("Bearer ")),),
    )
    account, session = await cursor.fetchone()
    return World(client, owner, people, devices, report, job, photo, handover, account, session)


def path_of(world: World, template: str, *, absent: bool) -> str:
    """The path of the world's own things, or of things that never were."""
    names = {
        "job": world.job,
        "report": world.report,
        "id": world.devices["device"] if "/devices/" in template else world.report,
        "photo": world.photo,
        "handover": world.handover,
        "staff_id": world.account,
        "session_id": world.session,
        "z": "10",
        "x": "509",
        "y": "338",
        "suffix": "csv",
        "size": "small",
        "team": "highways",
        "authority": "shire",
        "code": "D1",
    }
    found = {name: uuid4() if absent and name != "size" else it for name, it in names.items()}
    return template.format(**found)


def update(**more: Any) -> dict[str, Any]:
    made_at = datetime.now(UTC).isoformat()
    return {"id": str(uuid4()), "base_version": 1, "made_at": made_at, "note": "x", **more}


def token_form() -> dict[str, str]:
    return {"grant_type": "password", "username": f"{uuid4()}@x.example", "password": "wrong"}


@dataclass(frozen=True)
class Case:
    """What is sent, and what everybody gets."""

    statuses: Row
    body: Callable[[], dict[str, Any]] = dict
    #: What an allowed request gets, where it is not a 2xx (a picture that is still being made).
    note: str = ""
    #: An object is named in the path: to strangers it must look absent.
    named: bool = False
    #: Successful requests change who is asked next; only refusals are tried, then one success.
    once: bool = False


PLACE = inside("W1")
#: A team is its authority's; a crew sees only its own.
TEAM_PLANNERS = {
    **row(404, anyone=401, crew=200, supervisor=200, ward_supervisor=200, admin=200, auditor=403),
    **dict.fromkeys(REPORTERS, 403),
    "other ward supervisor": 200,
    "other auditor": 403,
}
#: Nothing is sent that could be a password.
PROVING = Case({**ALL_STAFF, **dict.fromkeys(STAFF, 422)}, lambda: {"json": {}})


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


CASES: dict[str, list[Case]] = {
    "listCategories": [Case(EVERYBODY)],
    "getWhere": [Case(EVERYBODY, lambda: {"params": PLACE})],
    "getWardTile": [Case(EVERYBODY)],
    "listWards": [Case(EVERYBODY, lambda: {"params": {"authority": "west"}})],
    # Of a category that nobody has, so that nothing is there whoever asks.
    "getHeatTile": [Case(EMPTY_MAPS, lambda: {"params": {"category": "none"}})],
    "getJobTile": [Case(EMPTY_MAPS, lambda: {"params": {"category": "none"}})],
    "getHeatmap": [Case(TRENDS, lambda: {"params": {"bbox": "-1.0,52.0,-0.96,52.02"}})],
    "listNearby": [Case(EVERYBODY, lambda: {"params": {**PLACE, "category": "pothole"}})],
    "createReport": [
        Case(
            row(201, auditor=403, other_auditor=403),
            lambda: {"json": pothole("E1"), "headers": {"Idempotency-Key": str(uuid4())}},
        )
    ],
    "getReport": [Case(EVERYBODY)],
    "giveFeedback": [
        Case(
            ITS_REPORTER,
            lambda: {"json": {"fixed": False}, "headers": {"Idempotency-Key": str(uuid4())}},
            named=True,
        )
    ],
    "setContact": [Case(ITS_REPORTER, lambda: {"json": {"name": "Ann"}}, named=True)],
    "withdrawReport": [
        Case(
            ITS_REPORTER,
            lambda: {"headers": {"Idempotency-Key": str(uuid4())}},
            named=True,
            once=True,
        )
    ],
    "putPhoto": [Case(row(415), lambda: {"content": b"no picture"})],
    "headPhoto": [Case(EVERYBODY)],
    "getPhoto": [Case(row(404), note="photo-pending", named=True)],
    "createDevice": [Case(row(201), lambda: {"json": {}})],
    "setPush": [
        Case(
            {**ITS_DEVICE, "device": 204},
            lambda: {"json": {"fcm": {"token": "a-token-of-a-phone"}}},
            named=True,
        )
    ],
    "stopPush": [Case({**ITS_DEVICE, "device": 204}, named=True)],
    "getPushKey": [Case(EVERYBODY)],
    "deleteDevice": [Case({**ITS_DEVICE, "device": 204}, named=True, once=True)],
    "listMyReports": [Case(ANY_REPORTER)],
    "exportMe": [Case(ANY_REPORTER)],
    "forgetMe": [Case({**ANY_REPORTER, **dict.fromkeys(REPORTERS, 204)}, once=True)],
    "logIn": [Case(row(401), lambda: {"data": token_form()})],
    "logOut": [Case({**ALL_STAFF, **dict.fromkeys(STAFF, 204)}, once=True)],
    "getMe": [Case(ALL_STAFF)],
    "listMySessions": [Case(ALL_STAFF)],
    "revokeMySession": [
        Case(
            {**row(404, anyone=401, crew=204), **dict.fromkeys(REPORTERS, 403)},
            named=True,
            once=True,
        )
    ],
    # Whoever works here, with their password; what comes of it is told in test_accounts.
    "setMyPassword": [PROVING],
    "beginMySecondFactor": [PROVING],
    "confirmMySecondFactor": [PROVING],
    "removeMySecondFactor": [PROVING],
    "listStaff": [Case({**ALL_STAFF, "crew": 403, "other crew": 403})],
    "createStaff": [
        Case(
            {
                **{who: 201 if status == 200 else status for who, status in REVIEWERS.items()},
                "other admin": 422,
            },
            lambda: {
                "json": {
                    "email": f"{uuid4()}@x.example",
                    "name": "Al",
                    "role": "crew",
                    "teams": ["shire-triage"],
                }
            },
        )
    ],
    "getStaff": [Case(ITS_STAFF, named=True)],
    "changeStaff": [Case(ITS_ADMINS, lambda: {"json": {"name": "Al"}}, named=True)],
    "inviteStaff": [
        Case({who: 201 if it == 200 else it for who, it in ITS_ADMINS.items()}, named=True)
    ],
    "resetSecondFactor": [
        Case({who: 204 if it == 200 else it for who, it in ITS_ADMINS.items()}, named=True)
    ],
    "listStaffSessions": [Case(ITS_STAFF, named=True)],
    "revokeStaffSession": [
        Case(
            {who: 204 if it == 200 else it for who, it in ITS_ADMINS.items()},
            named=True,
            once=True,
        )
    ],
    "listJobs": [Case(ALL_STAFF)],
    "getJob": [Case(OWN_STAFF, named=True)],
    "getAssignment": [Case(OWN_STAFF, named=True)],
    "handOverJob": [
        Case(
            {who: 201 if status == 200 else status for who, status in OVERSEERS.items()},
            lambda: {"json": {"name": "Mere Surfacing", "days": 14}},
            named=True,
        ),
    ],
    "listHandovers": [Case(OVERSEERS, named=True)],
    "revokeHandover": [
        Case(
            {who: 204 if status == 200 else status for who, status in OVERSEERS.items()},
            named=True,
        ),
    ],
    "suggestRound": [Case(TEAM_PLANNERS, lambda: {"json": {"team": "highways", "start": PLACE}})],
    "keepRound": [
        Case(TEAM_PLANNERS, lambda: {"json": {"stops": [], "start": PLACE}}, named=True),
    ],
    "getRound": [Case(TEAM_PLANNERS, named=True)],
    "exportJobs": [Case(TRENDS)],
    "exportReports": [Case(TRENDS)],
    "listEscalations": [Case(REVIEWERS)],
    "getStatistics": [Case(TRENDS)],
    "getWardSummary": [Case(OWN_WARD, named=True)],
    "listGrowing": [Case(TRENDS)],
    "listRepeats": [Case(TRENDS)],
    "listForecasts": [Case(TRENDS)],
    "listPhotos": [Case(REVIEWERS)],
    "reviewPhoto": [
        Case(
            {**OWN_STAFF, "auditor": 403},
            lambda: {"json": {"review": "hidden"}},
            named=True,
        ),
        Case(
            {**OWN_STAFF, "auditor": 403, "crew": 403},
            lambda: {"json": {"review": "hidden", "regions": []}},
            named=True,
        ),
        Case(
            {**OWN_STAFF, "auditor": 403, "crew": 403},
            lambda: {"json": {"review": "human_ok"}},
            named=True,
        ),
    ],
    "listWords": [Case(REVIEWERS)],
    "reviewWords": [
        Case(
            {**OWN_STAFF, "auditor": 403, "crew": 403},
            lambda: {"json": {"public": True}},
            named=True,
        )
    ],
    "sync": [
        Case(
            {**ALL_STAFF, **{who: 403 for who in STAFF if who.endswith("auditor")}},
            lambda: {
                "json": {
                    "tablet": str(uuid4()),
                    "operations": [update(job_id=str(uuid4()), device_seq=1)],
                }
            },
        )
    ],
    "mergeJob": [
        Case(SAID_ABSENT, lambda: {"headers": _key(), "json": {"into": str(uuid4())}}, named=True)
    ],
    "unmergeJob": [Case(NOT_MERGED, lambda: {"headers": _key()})],
    "splitJob": [
        Case(SAID_WRONG, lambda: {"headers": _key(), "json": {"reports": [str(uuid4())]}})
    ],
    "updateJobs": [
        Case(
            REVIEWERS,
            lambda: {
                "json": {
                    "jobs": [{"job": str(uuid4()), "id": str(uuid4()), "base_version": 1}],
                    "made_at": datetime.now(UTC).isoformat(),
                    "priority": "P1",
                }
            },
        )
    ],
    "undoUpdates": [
        Case(
            REVIEWERS,
            lambda: {
                "json": {
                    "jobs": [{"job": str(uuid4()), "id": str(uuid4()), "undoes": str(uuid4())}]
                }
            },
        )
    ],
    "updateJob": [
        Case(  # so far as to be told that there is no such authority
            {who: 422 if status == 200 else status for who, status in OVERSEERS.items()},
            lambda: {"json": update(status="referred", authority="nowhere")},
        ),
        Case({**OWN_STAFF, "auditor": 403}, lambda: {"json": update()}, named=True),
        Case(
            {**OWN_STAFF, "auditor": 403, "crew": 403},
            lambda: {"json": update(priority="P1")},
            named=True,
        ),
    ],
}

#: Asked by machines on the inside; they take no bearer.
OPERATIONS = {"isAlive", "isReady", "metrics"}
#: Does not end; ``test_watching`` asks for it as anyone, its reporter, and with a wrong bearer.
STREAMS = {"watchReport"}


def api_routes() -> dict[str, APIRoute]:
    return {
        route.operation_id or route.name: route
        for router in (*routes.ROUTERS, *routes.OPEN, health.router)
        for route in router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    }


def test_every_route_has_its_row(app: FastAPI) -> None:
    documented = {
        operation["operationId"]
        for path in app.openapi()["paths"].values()
        for operation in path.values()
    }
    assert documented == api_routes().keys() == CASES.keys() | OPERATIONS | STREAMS


def method_of(route: APIRoute) -> str:
    [method] = route.methods
    return method


ONCE = [[name] for name, cases in CASES.items() if cases[0].once]
OFTEN = [name for name in CASES if [name] not in ONCE]


@pytest.mark.parametrize("operations", [OFTEN, *ONCE], ids=lambda names: names[0])
async def test_everybody_gets_what_the_table_says(world: World, operations: list[str]) -> None:
    wrong = []
    for operation in operations:
        route = api_routes()[operation]
        for case in CASES[operation]:
            path = path_of(world, route.path, absent=False)
            allowed = [who for who in WHO if case.statuses[who] < 300]
            refused = [who for who in WHO if who not in allowed]
            for who in refused + (allowed[:1] if case.once else allowed):
                answer = await world.ask(method_of(route), path, who, **case.body())
                if answer.status_code != case.statuses[who]:
                    wrong.append(
                        f"{operation}, {who}: {answer.status_code}, not {case.statuses[who]}"
                    )
    assert not wrong, "\n".join(wrong)


async def test_what_is_not_theirs_looks_as_if_it_never_was(world: World) -> None:
    for operation, route in api_routes().items():
        for case in CASES.get(operation, ()):
            for who in WHO:
                if not case.named or case.statuses[who] < 400:
                    continue
                own, absent = [
                    await world.ask(
                        method_of(route),
                        path_of(world, route.path, absent=absent),
                        who,
                        **case.body(),
                    )
                    for absent in (False, True)
                ]
                if own.json()["code"] == case.note:
                    continue  # they may see the picture, once it is ready
                if (own.status_code, absent.status_code) == (403, 404):
                    assert who in CONCERNED  # they see the job, and may not do this to it
                    continue
                for answer in (own, absent):
                    del answer.headers["x-request-id"]
                assert own.status_code == absent.status_code, (operation, who)
                assert own.content == absent.content, (operation, who)
                assert own.headers == absent.headers, (operation, who)


async def test_only_those_who_may_see_a_photo_hear_that_it_is_pending(world: World) -> None:
    codes = {}
    for who in WHO:
        answer = await world.ask("GET", f"/v1/photos/{world.photo}/small", who)
        codes[who] = answer.json()["code"]
    assert {who for who, code in codes.items() if code == "photo-pending"} == set(CONCERNED)
    assert {codes[who] for who in STRANGERS} == {"not-found"}


async def test_the_list_holds_just_what_one_may_open(world: World) -> None:
    for who in STAFF:
        listed = (await world.ask("GET", "/v1/jobs", who)).json()["items"]
        opens = await world.ask("GET", f"/v1/jobs/{world.job}", who)
        assert (str(world.job) in {item["id"] for item in listed}) == (opens.status_code == 200), (
            who
        )


async def test_held_words_go_to_the_reporter_and_to_staff_of_the_job(world: World) -> None:
    read = set()
    for who in WHO:
        report = await world.ask("GET", f"/v1/reports/{world.report}", who)
        job = await world.ask("GET", f"/v1/jobs/{world.job}", who)
        if "by the gate" in report.text + job.text:
            read.add(who)
    assert read == set(CONCERNED)


async def test_an_invalid_bearer_is_refused_also_where_none_is_needed(world: World) -> None:
    world.people["impostor"] = {"Authorization": "Bearer kbs_" + "A" * 43}
    for operation, cases in CASES.items():
        route = api_routes()[operation]
        path = path_of(world, route.path, absent=False)
        answer = await world.ask(method_of(route), path, "impostor", **cases[0].body())
        assert answer.status_code == 401, operation
        assert method_of(route) == "HEAD" or answer.json()["code"] == "not-signed-in", operation
