"""Pages from templates, under a policy that runs no script and no style but our own files."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reporting.language import LANGUAGES, Language, accepted, language
from reporting.web import cookies
from reporting.web.pages.static import ASSETS, address

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " connect-src 'self'; worker-src 'self'; manifest-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def policy(map_hosts: Sequence[str]) -> str:
    """The same, for a page whose map draws streets that these hosts send."""
    found = CONTENT_SECURITY_POLICY
    for directive in ("img-src 'self'", "connect-src 'self'"):
        found = found.replace(directive, " ".join([directive, *map_hosts]))
    return found


HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # Forms must say where they come from; other sites learn nothing.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@cache
def _templates(spoken: Language) -> Environment:
    """The templates in one language: ``_("…")``, ``ngettext`` and ``{% trans %}`` speak it."""
    found = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    found.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]
    found.globals |= {
        "static": address,
        "assets": ASSETS,
        "language": spoken,
        "languages": [language(code) for code in LANGUAGES],
    }
    return found


def page(
    name: str,
    status: int = 200,
    *,
    spoken: Language | None = None,
    headers: dict[str, str] | None = None,
    map_hosts: Sequence[str] = (),
    **values: Any,
) -> Response:
    """The template with these values, in this language (English unless given)."""
    spoken = spoken or language(None)
    body = _templates(spoken).get_template(name).render(values)
    headers = {"Content-Security-Policy": policy(map_hosts), **(headers or {})}
    language_headers = {"Content-Language": spoken.tag, "Vary": "Accept-Language, Cookie"}
    return Response(
        body, status, {**HEADERS, **language_headers, **headers}, media_type="text/html"
    )


def spoken_to(request: Request) -> Language:
    """What this visitor reads: as the address says, else the cookie, else the browser."""
    asked = request.query_params.get("lang") or request.cookies.get(cookies.LANGUAGE)
    code = asked if asked in LANGUAGES else accepted(request.headers.get("accept-language"))
    return language(code)


def remember_language(request: Request, answer: Response) -> None:
    """Keep the language that the address asked for."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        answer.set_cookie(
            cookies.LANGUAGE, asked, max_age=cookies.REPORTER_S, path="/", samesite="lax"
        )
