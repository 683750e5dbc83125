"""The document: valid, complete, true to the routes, and the same as the one that is kept."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from reporting.openapi_file import document
from reporting.web import examples
from tests.support.county import County
from tests.support.people import People
from tests.support.scratch import ROOT

PROBLEM = "application/problem+json"
#: What answers without a bearer: everything else must name the scheme as needed.
WITHOUT_BEARER = {
    "createDevice",
    "createReport",
    "getPhoto",
    "getPushKey",
    "getReport",
    "watchReport",
    "getWardTile",
    "listWards",
    "getWhere",
    "headPhoto",
    "isAlive",
    "isReady",
    "listCategories",
    "listNearby",
    "logIn",
    "metrics",
    "putPhoto",
}
#: /readyz answers 503 with what is away: its readers are probes, not people.
OPERATIONS = {"isAlive", "isReady", "metrics"}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return json.loads(document())


def operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_the_document_that_is_kept() -> None:
    kept = ROOT / "openapi" / "openapi.json"
    assert kept.read_bytes() == document(), "openapi/openapi.json is old; run ./dev openapi"


def test_it_is_valid(found: dict[str, Any]) -> None:
    assert found["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(found).iter_errors()) == []


def test_every_operation_has_a_name_of_its_own(found: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(found)]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(?:[A-Z][a-z]*)*", name)] == []
    for path, method, operation in operations(found):
        assert operation.get("tags"), (method, path)
        assert operation.get("summary"), (method, path)


def test_errors_are_problems_and_nothing_else(found: dict[str, Any]) -> None:
    wrong = []
    for path, method, operation in operations(found):
        if operation["operationId"] in OPERATIONS:
            continue
        for status, answer in operation["responses"].items():
            kinds = set(answer.get("content", {}))
            if status >= "4" and not kinds <= {PROBLEM}:
                wrong.append((method, path, status, kinds))
            if status >= "4" and not answer["description"]:
                wrong.append((method, path, status, "says nothing"))
        assert "default" in operation["responses"], (method, path)
    assert not wrong
    text = json.dumps(found)
    assert "HTTPValidationError" not in text
    assert not set(found["components"]["schemas"]) & {"ValidationError", "HTTPValidationError"}


def test_every_schema_is_used(found: dict[str, Any]) -> None:
    used = set(re.findall(r"#/components/schemas/([\w-]+)", json.dumps(found)))
    assert used == set(found["components"]["schemas"])


def test_bearers_are_named_where_they_are_needed(found: dict[str, Any]) -> None:
    assert set(found["components"]["securitySchemes"]) == {"bearer"}
    open_to_all = {
        operation["operationId"]
        for _, _, operation in operations(found)
        if {} in operation.get("security", [{}])
    }
    assert open_to_all == WITHOUT_BEARER
    for path, method, operation in operations(found):
        if path.startswith("/v1/"):
            assert {"bearer": []} in operation["security"], (method, path)
            assert "401" in operation["responses"] or method == "head", (method, path)


async def test_a_bearer_is_needed_where_the_document_says_so(
    client: httpx.AsyncClient, county: County, found: dict[str, Any]
) -> None:
    for path, method, operation in operations(found):
        if {} in operation.get("security", [{}]):
            continue
        url = re.sub(r"\{\w+\}", str(uuid4()), path)
        given = examples.REQUESTS.get(operation["operationId"], {"none": {"value": None}})
        body = next(iter(given.values()))["value"]
        answer = await client.request(method, url, json=body)
        assert answer.status_code == 401, (method, path, answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_it_refers_only_to_what_is_in_it(found: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    assert set(re.findall(r'"\$ref": ?"([^"]*)"', json.dumps(found))) <= known


def test_bodies_have_examples_that_fit(found: dict[str, Any]) -> None:
    wrong = []

    def check(name: str, schema: dict[str, Any], value: Any) -> None:
        validator = Draft202012Validator({**schema, "components": found["components"]})
        wrong.extend(f"{name}: {error.message}" for error in validator.iter_errors(value))

    for _, _, operation in operations(found):
        name = operation["operationId"]
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            if media.startswith("image/"):
                assert content["schema"] == {"type": "string", "format": "binary"}
                continue
            assert content.get("examples"), f"{name} has a body without an example"
            for example in content["examples"].values():
                check(name, content["schema"], example["value"])
        for status, answer in operation["responses"].items():
            for content in answer.get("content", {}).values():
                if "example" in content:
                    check(f"{name} {status}", content["schema"], content["example"])
    assert not wrong, "\n".join(wrong)


async def test_the_examples_are_accepted_as_they_stand(
    client: httpx.AsyncClient, county: County
) -> None:
    bodies = {
        name: [example["value"] for example in given.values()]
        for name, given in examples.REQUESTS.items()
    }
    for body in bodies["createReport"]:
        key = {"Idempotency-Key": str(uuid4())}
        made = await client.post("/v1/reports", json=body, headers=key)
        assert made.status_code == 201, made.text
    assert made.json().keys() == examples.ANSWERS["createReport", "201"].keys()
    pothole = {**bodies["createReport"][0]}
    first = await client.post(
        "/v1/reports", json=pothole, headers={"Idempotency-Key": str(uuid4())}
    )
    token = {"Authorization": f"Bearer {first.json()['tracking_token']}"}
    for operation, method, path in (
        ("giveFeedback", "POST", "feedback"),
        ("setContact", "PUT", "contact"),
    ):
        for body in bodies[operation]:
            answer = await client.request(
                method,
                f"/v1/reports/{first.json()['id']}/{path}",
                json=body,
                headers=token | {"Idempotency-Key": str(uuid4())},
            )
            assert answer.status_code == 200, answer.text
    crew = await People(county).crew()
    for body in reversed(bodies["updateJob"]):
        job = first.json()["job"]["id"]
        now = {"made_at": datetime.now(UTC).isoformat()}
        answer = await client.post(f"/v1/jobs/{job}/updates", json=body | now, headers=crew)
        assert answer.status_code in {200, 409}, answer.text
        if answer.status_code == 409:
            assert answer.json()["code"] == "conflict"
    (phone,) = bodies["createDevice"]
    device = (await client.post("/v1/devices", json=phone)).json()
    assert device.keys() == examples.ANSWERS["createDevice", "201"].keys()
    bearer = {"Authorization": f"Bearer {device['device_token']}"}
    for push in bodies["setPush"]:
        put = await client.put(f"/v1/devices/{device['id']}/push", json=push, headers=bearer)
        assert put.status_code == 204


def test_it_names_no_host_and_calls_a_picture_bytes(found: dict[str, Any]) -> None:
    assert found["servers"] == [{"url": "/"}]
    put = found["paths"]["/v1/photos/{photo}"]["put"]
    assert put["requestBody"]["required"] is True
    assert set(put["requestBody"]["content"]) >= {"image/jpeg", "image/png", "image/webp"}
