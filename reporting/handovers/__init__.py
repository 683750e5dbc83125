"""Handing a job over: a link by which somebody without an account sees it and says it is done.

A link is for one job and is used once. Its token is derived from its id, so that it can be shown
again to whoever made it, and only its hash is stored. What was revoked, is over, or went to another
authority with its job looks like what never was. Programs open links in mails, so opening one
changes nothing but when it was first opened.

What cannot be done comes back to those who gave it: it is ``received`` again, with a flag for
whoever decides how it goes on. A contractor closes nothing unseen.
"""

from reporting.handovers.links import MOST, find, make, of_job, opened, revoke, to_send
from reporting.handovers.rows import CANNOT, Handover, NewHandover, Said, Shown, Told
from reporting.handovers.showing import said, shown
from reporting.handovers.telling import tell

__all__ = [
    "CANNOT",
    "MOST",
    "Handover",
    "NewHandover",
    "Said",
    "Shown",
    "Told",
    "find",
    "make",
    "of_job",
    "opened",
    "revoke",
    "said",
    "shown",
    "tell",
    "to_send",
]
