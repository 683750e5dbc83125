"""The web application: routers, errors and middleware put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from reporting.exporting import Room
from reporting.oidc.provider import CALLBACK, Provider
from reporting.runtime import API_PATIENCE_S, API_TIMEOUTS, open_runtime
from reporting.settings import Settings
from reporting.web import openapi_document, problems, routes
from reporting.web.body import BodyLimit
from reporting.web.compress import CompressPages
from reporting.web.door import Doorkeeper
from reporting.web.limits import open_limiter
from reporting.web.news import open_news
from reporting.web.observe import Observe


def create_app(settings: Settings) -> FastAPI:
    """The application. It connects when it is started, not when it is made."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_runtime(
            settings,
            timeouts=API_TIMEOUTS,
            application="kerbline-api",
            patience_s=API_PATIENCE_S,
        ) as runtime:
            app.state.runtime = runtime
            app.state.provider = _provider(settings)
            app.state.exports = Room()
            async with (
                open_limiter(
                    settings.redis_url, runtime.keys, on=settings.limits == "on"
                ) as app.state.limiter,
                open_news(runtime) as app.state.news,
            ):
                yield

    app = FastAPI(
        title="Kerbline",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url="/openapi.json",
        # FastAPI's own pages load their scripts from elsewhere; ours is pages/docs.py.
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    routes.include(app)
    openapi_document.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Doorkeeper)
    app.add_middleware(CompressPages)
    app.add_middleware(Observe, https=settings.environment == "production")
    return app


def _provider(settings: Settings) -> Provider | None:
    """The council's identity provider, if one is set. Nothing is asked of it before a log-in."""
    if not settings.oidc_issuer or not settings.oidc_client_id:
        return None
    secret = settings.oidc_client_secret
    return Provider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        name=settings.oidc_name,
        redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
    )
