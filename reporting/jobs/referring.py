"""Passing a job on: to another authority here, by that authority's own rules, or to a body outside.

Whoever passed it on does not see it any more than any foreign job. It waits there as ``referred``
until it is accepted (``received``, and due anew by that authority's calendar), passed on or passed
back; the assignments show every hand it went through.
"""

from psycopg.rows import scalar_row

from geo.points import Point
from reporting.errors import Invalid
from reporting.jobs.change import Change, Wanted
from reporting.queries import jobs as queries
from reporting.runtime import Connection
from routing.assign import Referral, Router
from routing.rulebook import AuthorityRow, Rules


def check(wanted: Wanted) -> None:
    """Raises Invalid for what does not go together."""
    if not wanted.refers:
        return
    if wanted.status != "referred":
        raise Invalid("authority and referred_to go with the status referred.")
    if wanted.referred_to and not wanted.referred_to.strip():
        raise Invalid("Say by its name to whom it is referred.")
    if wanted.authority and wanted.referred_to:
        raise Invalid("Refer it to one: an authority here, or a body outside by its name.")
    if wanted.team:
        raise Invalid("Whoever it is referred to chooses their own team.")


async def refer(
    conn: Connection, router: Router, rules: Rules, change: Change, wanted: Wanted, actor: str
) -> None:
    """Make it the other's. Raises Invalid, NotTheirGround, OutsideCoverage or NoFallbackTeam."""
    if wanted.referred_to:
        change.refer_outside(wanted.referred_to)
    if not wanted.authority:
        return
    sender = rules.authorities[change.columns["authority"]]
    to = _authority(rules, wanted.authority, sender)
    rules.category(change.columns["category"])
    referral = Referral(sender, to, actor, await _times(conn, change) + 1)
    lat, lng = change.columns["lat"], change.columns["lng"]
    place = None if lat is None or lng is None else Point(lat, lng)
    found = await router.refer(conn, referral, place, change.columns["category"], change.row.now)
    change.refer(found)


def _authority(rules: Rules, slug: str, sender: AuthorityRow) -> AuthorityRow:
    to = rules.by_slug.get(slug)
    if to is None:
        raise Invalid("There is no such authority in Kerbline; name it in referred_to instead.")
    if to == sender:
        raise Invalid("It is this authority's already; give it to another team instead.")
    return to


async def _times(conn: Connection, change: Change) -> int:
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.REFERRED_TIMES, {"job": change.row.id})
        return await cursor.fetchone() or 0
