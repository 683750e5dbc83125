"""Every router of the application, in one list."""

from fastapi import FastAPI

from reporting.web import health
from reporting.web.api import auth, categories, jobs, photos, places, reports, staff_me

ROUTERS = (
    categories.router,
    photos.router,
    places.router,
    reports.router,
    jobs.router,
    auth.router,
    staff_me.router,
    health.router,
)


def include(app: FastAPI) -> None:
    """Add them to the application."""
    for router in ROUTERS:
        app.include_router(router)
