"""Jobs: the list, one of them, and everything that is done to one."""

from reporting.jobs.change import NOBODY, Wanted
from reporting.jobs.changes import beginning, changes
from reporting.jobs.listing import LONGEST_PAGE, Page, page
from reporting.jobs.reading import assignment, one
from reporting.jobs.updating import reassign, update

__all__ = [
    "LONGEST_PAGE",
    "NOBODY",
    "Page",
    "Wanted",
    "assignment",
    "beginning",
    "changes",
    "one",
    "page",
    "reassign",
    "update",
]
