"""Every router of the application, in one list."""

from fastapi import Depends, FastAPI

from reporting.web import health
from reporting.web.api import (
    admin_staff,
    auth,
    categories,
    desk,
    devices,
    escalations,
    events,
    exports,
    following,
    handovers,
    heatmap,
    jobs,
    me,
    photos,
    places,
    reports,
    reviews,
    rounds,
    staff_me,
    statistics,
    sync,
    tiles,
    trends,
    uploads,
    wards,
)
from reporting.web.deps import principal
from reporting.web.pages import (
    acting,
    browser,
    confirm,
    console,
    console_figures,
    console_jobs,
    console_list,
    console_map,
    console_me,
    console_photos,
    console_report,
    console_returns,
    console_staff,
    console_warnings,
    console_words,
    crew,
    crew_map,
    docs,
    follow,
    handover,
    home,
    invitation,
    mine,
    oidc,
    shell,
    static,
    unsubscribe,
)

#: Every route of these asks who is calling.
ROUTERS = (
    uploads.router,
    photos.router,
    reports.router,
    following.router,
    events.router,
    reviews.router,
    me.router,
    desk.router,
    desk.together,
    jobs.router,
    sync.router,
    handovers.router,
    rounds.router,
    heatmap.router,
    escalations.router,
    exports.router,
    staff_me.router,
    admin_staff.router,
    trends.router,
    statistics.router,
)
#: Of these, some do not.
OPEN = (
    categories.router,
    places.router,
    tiles.router,
    wards.router,
    devices.router,
    devices.push_key,
    auth.router,
)

#: Pages know people by cookies, and tell what is wrong on a page.
PAGES = (
    home.router,
    console.router,
    console_list.router,
    console_jobs.router,
    console_map.router,
    console_figures.router,
    console_photos.router,
    console_report.router,
    console_returns.router,
    console_warnings.router,
    console_staff.router,
    console_me.router,
    invitation.router,
    console_words.router,
    crew.router,
    crew_map.router,
    browser.router,
    confirm.router,
    follow.router,
    acting.router,
    handover.router,
    mine.router,
    docs.router,
    oidc.router,
    shell.router,
    unsubscribe.router,
    static.router,
)


def include(app: FastAPI) -> None:
    """Add them to the application."""
    # First, because /v1/reports/nearby is a name that /v1/reports/{id} would take too.
    for router in OPEN:
        # An invalid bearer is refused everywhere, also where none is needed.
        app.include_router(router, dependencies=[Depends(principal)])
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(health.router)
    for router in PAGES:
        app.include_router(router)
