"""Every router of the application, in one list."""

from fastapi import Depends, FastAPI

from reporting.web import health
from reporting.web.api import auth, categories, jobs, photos, places, reports, staff_me
from reporting.web.deps import principal

ROUTERS = (
    categories.router,
    photos.router,
    places.router,
    reports.router,
    jobs.router,
    auth.router,
    staff_me.router,
)


def include(app: FastAPI) -> None:
    """Add them to the application."""
    for router in ROUTERS:
        # An invalid bearer is refused everywhere, also where none is needed.
        app.include_router(router, dependencies=[Depends(principal)])
    app.include_router(health.router)
