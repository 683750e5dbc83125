"""The OpenAPI document: FastAPI's, made true.

FastAPI promises its own 422 as application/json; ours are problems. What holds for every call (a
bearer is taken, an invalid one is 401, whatever else goes wrong is a problem) is said for each.
Schemas that nothing refers to are left out, and servers are relative.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from reporting.errors import NotSignedIn
from reporting.web import problems
from reporting.web.deps import BEARER
from reporting.web.examples import ANSWERS, REQUESTS

DESCRIPTION = """\
Report a defect on the street, follow what becomes of it, and work the jobs.

Times are UTC, ISO 8601 with `Z`. Places are WGS84 degrees. Lengths end in `_m`. Errors are
`application/problem+json` (RFC 9457) with a stable `code`. Clients must accept new values of
statuses, categories and flags.
"""


def install(app: FastAPI) -> None:
    """Make ``app.openapi()`` give the corrected document, made once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = corrected(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def corrected(app: FastAPI) -> dict[str, Any]:
    """The document of the app's routes."""
    found = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for name, path in found["paths"].items():
        for operation in path.values():
            _own_problems(operation)
            if name.startswith("/v1/"):
                _say_what_all_do(operation)
            _give_examples(operation)
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["FieldError"] = problems.FieldError.model_json_schema()
    problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    problem.pop("$defs", None)
    schemas["Problem"] = problem
    found["servers"] = [{"url": "/"}]
    return found


def _own_problems(operation: dict[str, Any]) -> None:
    answer = operation.get("responses", {}).get("422")
    if answer and "application/json" in answer.get("content", {}):
        del answer["content"]["application/json"]
        answer["description"] = answer["description"].replace("Validation Error", "").strip()
        answer["content"].setdefault(
            problems.MEDIA_TYPE, {"schema": {"$ref": "#/components/schemas/Problem"}}
        )
        answer["description"] = answer["description"] or "A value was refused."


def _say_what_all_do(operation: dict[str, Any]) -> None:
    # Routes that need a bearer say so themselves; the others take one, or none.
    operation.setdefault("security", [{}, {BEARER.scheme_name: []}])
    answers = operation["responses"]
    answers |= {code: told for code, told in _INVALID_BEARER.items() if code not in answers}
    answers["default"] = {
        "description": "Whatever else is refused or goes wrong.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


_INVALID_BEARER = {
    str(status): answer
    for status, answer in problems.responses(NotSignedIn).items()
    if status == HTTPStatus.UNAUTHORIZED
}


def _give_examples(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if name in REQUESTS:
            content["examples"] = REQUESTS[name]
    for status, answer in operation["responses"].items():
        if (name, status) in ANSWERS:
            answer["content"]["application/json"]["example"] = ANSWERS[name, status]
