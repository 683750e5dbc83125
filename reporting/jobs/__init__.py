"""Jobs: the list, one of them, and everything that is done to one."""

from reporting.jobs.change import NOBODY, Wanted
from reporting.jobs.changes import beginning, changes
from reporting.jobs.listing import LONGEST_PAGE, Page, page
from reporting.jobs.moving import merge, split, unmerge
from reporting.jobs.reading import assignment, one
from reporting.jobs.updating import apply, reassign, undo, update, version

__all__ = [
    "LONGEST_PAGE",
    "NOBODY",
    "Page",
    "Wanted",
    "apply",
    "assignment",
    "beginning",
    "changes",
    "merge",
    "one",
    "page",
    "reassign",
    "split",
    "undo",
    "unmerge",
    "update",
    "version",
]
