"""Every route asks who is calling, or is open on purpose; each reads its input strictly."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from reporting.web import deps, health, routes
from reporting.web.body import StrictRoute, Wire

#: Open on purpose, and why. Whoever adds a route without a bearer adds it here.
OPEN = {
    "GET /healthz": "a probe has no account",
    "GET /readyz": "the same",
    "GET /metrics": "counts only; the proxy keeps it inside",
    "GET /v1/categories": "what can be reported is public",
    "GET /v1/where": "whose a place is, is public",
    "GET /v1/reports/nearby": "open jobs, public view",
    "GET /v1/tiles/wards/{z}/{x}/{y}.mvt": "the law's own lines",
    "GET /v1/wards": "the same, with counts of at least 5 of fixed periods",
    "POST /v1/devices": "an install has nothing yet; limited by address",
    "GET /v1/push-key": "a public key",
    "POST /v1/auth/token": "the log-in itself",
}
#: Reads a form or raw bytes, and so no JSON.
NO_JSON = {"/v1/auth/token", "/v1/photos/{photo}", "/v1/photos/{photo}/{size}"}
ASK = {deps.principal, deps.reporter, deps.staff}


def every_route() -> Iterator[tuple[str, APIRoute]]:
    for router in (*routes.ROUTERS, *routes.OPEN, health.router):
        for route in router.routes:
            assert isinstance(route, APIRoute), route
            for method in sorted(route.methods or ()):
                yield f"{method} {route.path}", route


def asks(dependant: Any) -> bool:
    return any(each.call in ASK or asks(each) for each in dependant.dependencies)


def test_every_route_asks_who_is_calling_or_is_open_on_purpose() -> None:
    silent = {name for name, route in every_route() if not asks(route.dependant)}
    assert silent - OPEN.keys() == set()
    assert {name for name, _ in every_route()} >= OPEN.keys()


def test_open_routes_of_the_api_refuse_an_invalid_bearer_too() -> None:
    """``routes.include`` adds the question to these; nothing else may be open under /v1."""
    in_open = {
        f"{method} {route.path}"
        for router in routes.OPEN
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    silent = {name for name, route in every_route() if not asks(route.dependant)}
    assert {name for name in silent if " /v1/" in name} <= in_open


@pytest.mark.parametrize(("name", "route"), [*every_route()], ids=lambda it: str(it)[:60])
def test_it_reads_strictly(name: str, route: APIRoute) -> None:
    if route.path.startswith("/v1/") and route.path not in NO_JSON:
        assert isinstance(route, StrictRoute), name
    for body in route.dependant.body_params:
        kind = body.field_info.annotation
        models = [each for each in getattr(kind, "__args__", (kind,)) if isinstance(each, type)]
        named = [each for each in models if each is not type(None)]
        if route.path not in NO_JSON:
            assert all(issubclass(each, Wire) for each in named), (name, named)


def test_no_two_routes_answer_to_one_address() -> None:
    names = [name for name, _ in every_route()]
    assert len(set(names)) == len(names)
