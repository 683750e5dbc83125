"""Pages from templates, under a policy that runs no script and no style but our own files."""

from pathlib import Path
from typing import Any, Final

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reporting.web.pages.static import address

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # Forms must say where they come from; other sites learn nothing.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["static"] = address


def page(
    name: str, status: int = 200, *, headers: dict[str, str] | None = None, **values: Any
) -> Response:
    """The template with these values."""
    body = _templates.get_template(name).render(values)
    return Response(body, status, {**HEADERS, **(headers or {})}, media_type="text/html")
