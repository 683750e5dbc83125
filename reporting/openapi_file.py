"""The OpenAPI document as the bytes that are kept in ``openapi/openapi.json``."""

import orjson
from pydantic import SecretStr

from reporting.app import create_app
from reporting.settings import Settings


def document() -> bytes:
    """The document of an application that connects to nothing."""
    settings = Settings(
        database_url="postgresql://",
        redis_url="redis://",
        environment="development",
        secret_key=SecretStr("the document needs no secret, yet one must be given"),
    )
    found = create_app(settings).openapi()
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
