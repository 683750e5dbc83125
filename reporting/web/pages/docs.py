"""`/docs`: the API to read, made from the OpenAPI document. It loads nothing from anywhere else."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from reporting.web.pages.rendering import page
from reporting.web.pages.route import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)

Schema = Mapping[str, Any]

METHODS: Final = ("get", "put", "post", "delete", "head", "patch")
#: Objects in objects in objects: deeper ones are named, not opened.
DEEPEST: Final = 3


@dataclass(frozen=True, slots=True)
class Field:
    """A value that is sent or comes back."""

    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One call."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    bearer: bool
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]
    #: Of the answer when all went well.
    fields: tuple[Field, ...]


@router.api_route("/docs", methods=["GET", "HEAD"])
async def get_docs(request: Request) -> Response:
    document: dict[str, Any] = request.app.openapi()
    groups: dict[str, list[Operation]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                group = next(iter(operation.get("tags", ())), "other")
                groups[group].append(_operation(document, method, path, operation))
    return page("docs.html", description=document["info"]["description"], groups=groups)


def _operation(document: Schema, method: str, path: str, operation: Schema) -> Operation:
    good: Schema = next((a for code, a in operation["responses"].items() if code[0] == "2"), {})
    return Operation(
        id=operation["operationId"],
        method=method,
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        bearer=bool(operation.get("security")),
        parameters=tuple(_parameter(document, each) for each in operation.get("parameters", ())),
        body=tuple(_content(document, operation.get("requestBody", {}))),
        answers=tuple((code, a["description"]) for code, a in operation["responses"].items()),
        fields=tuple(_content(document, good)),
    )


def _parameter(document: Schema, parameter: Schema) -> Field:
    return Field(
        name=parameter["name"],
        type=f"{_type(document, parameter['schema'])}, in the {parameter['in']}",
        required=parameter.get("required", False),
        description=parameter.get("description", ""),
    )


def _content(document: Schema, holder: Schema) -> Iterator[Field]:
    for media_type, content in holder.get("content", {}).items():
        schema = content.get("schema", {})
        if _resolve(document, schema).get("properties"):
            yield from _fields(document, schema, "", 1)
        else:
            yield Field(media_type, _type(document, schema), required=True, description="")


def _fields(document: Schema, schema: Schema, prefix: str, depth: int) -> Iterator[Field]:
    resolved = _resolve(document, schema)
    for name, part in resolved.get("properties", {}).items():
        yield Field(
            name=prefix + name,
            type=_type(document, part),
            required=name in resolved.get("required", ()),
            description=part.get("description", ""),
        )
        inner = _resolve(document, part)
        many = inner.get("type") == "array"
        if depth < DEEPEST:
            deeper = inner.get("items", {}) if many else part
            brackets = "[]." if many else "."
            yield from _fields(document, deeper, f"{prefix}{name}{brackets}", depth + 1)


def _resolve(document: Schema, schema: Schema) -> Schema:
    """The schema itself: references followed, and of "this or null" this."""
    while True:
        variants = [v for v in schema.get("anyOf", ()) if v.get("type") != "null"]
        if "$ref" in schema:
            found: Any = document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        elif len(variants) == 1:
            schema = variants[0]
        else:
            return schema


def _type(document: Schema, schema: Schema) -> str:
    """The type in a word or two."""
    resolved = _resolve(document, schema)
    if "enum" in resolved or "const" in resolved:
        return " | ".join(str(each) for each in resolved.get("enum", [resolved.get("const")]))
    variants = [_type(document, each) for each in resolved.get("anyOf", ())]
    if variants:
        return " | ".join(dict.fromkeys(variants))
    if resolved.get("type") == "array":
        return f"list of {_type(document, resolved.get('items', {}))}"
    return str(resolved.get("format") or resolved.get("type") or "anything")
