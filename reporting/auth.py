"""Who is calling, and what they may do. Every decision about rights is made here.

``RIGHTS`` is the table of DESIGN section 7. ``authorize`` reads it for one object, ``scope`` turns
the same rights into the conditions of a list. What you may not see is refused in the same words as
what is not there; what you may see but not do is ``NotAllowed``. Rights are read from the database
at every request, so that taking them away works at once.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any, Final, Protocol
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from reporting import keys
from reporting.errors import NotAllowed, NotFound, NotSignedIn, SessionRevoked
from reporting.queries import staff as queries

Connection = AsyncConnection[Any]

#: When a session was last used is noted no more often than this.
SEEN_EVERY_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Anyone:
    """Somebody without a bearer."""

    role = "anyone"


@dataclass(frozen=True, slots=True)
class Device:
    """An app install: the reporter of the reports it sent."""

    role = "reporter"

    id: UUID


@dataclass(frozen=True, slots=True)
class Tracking:
    """Whoever holds the token of one report: its reporter."""

    role = "reporter"

    report: UUID


@dataclass(frozen=True, slots=True)
class Staff:
    """A signed-in member of a council's staff, with the rights of this moment."""

    id: UUID
    email: str
    name: str
    role: str
    authority_id: int
    authority_slug: str
    authority_name: str
    #: Ward or division codes a supervisor answers for; empty: the whole authority.
    wards: tuple[str, ...]
    #: A crew's teams.
    teams: frozenset[int]
    #: The areas of those wards, in every vintage.
    areas: frozenset[int]
    #: The session they are known by, where there is one.
    session: UUID | None = None

    @property
    def actor(self) -> str:
        """As the update log names them."""
        return f"staff:{self.id}"


Principal = Anyone | Device | Tracking | Staff


class Action(StrEnum):
    """What somebody may want to do."""

    CREATE_REPORT = auto()
    SEE_PUBLIC = auto()
    SEE_JOB = auto()
    SEE_ORIGINAL = auto()
    UPDATE_JOB = auto()
    REASSIGN_JOB = auto()
    SEE_FIGURES = auto()
    SEE_RULES = auto()
    CHANGE_RULES = auto()
    SEE_LOG = auto()
    SEE_STAFF = auto()
    CHANGE_STAFF = auto()
    HIDE_PHOTO = auto()
    REVIEW_PHOTO = auto()
    REVIEW_WORDS = auto()
    SEE_WARNINGS = auto()


class Reach(Enum):
    """On which objects."""

    ALL = auto()
    #: The reporter's own reports and the jobs they stand on; a supervisor's wards or authority.
    OWN = auto()
    TEAMS = auto()
    AUTHORITY = auto()


_ALL, _OWN, _TEAMS, _AUTHORITY = Reach.ALL, Reach.OWN, Reach.TEAMS, Reach.AUTHORITY

#: DESIGN section 7. A role that is not named may not. Contact details have no line yet: nothing
#: shows them. An update by a reporter (withdraw, feedback) has its own call, not UPDATE_JOB.
RIGHTS: Final[dict[Action, dict[str, Reach]]] = {
    Action.CREATE_REPORT: {
        "anyone": _ALL,
        "reporter": _ALL,
        "crew": _ALL,
        "supervisor": _ALL,
        "admin": _ALL,
    },
    Action.SEE_PUBLIC: dict.fromkeys(
        ("anyone", "reporter", "crew", "supervisor", "admin", "auditor"), _ALL
    ),
    Action.SEE_JOB: {
        "reporter": _OWN,
        "crew": _TEAMS,
        "supervisor": _OWN,
        "admin": _AUTHORITY,
        "auditor": _AUTHORITY,
    },
    Action.SEE_ORIGINAL: {"reporter": _OWN, "supervisor": _OWN, "admin": _AUTHORITY},
    Action.UPDATE_JOB: {"crew": _TEAMS, "supervisor": _OWN, "admin": _AUTHORITY},
    Action.REASSIGN_JOB: {"supervisor": _OWN, "admin": _AUTHORITY},
    # Maps, figures and exports. A crew has its teams' list.
    Action.SEE_FIGURES: {"supervisor": _OWN, "admin": _AUTHORITY, "auditor": _AUTHORITY},
    Action.SEE_RULES: {"supervisor": _AUTHORITY, "admin": _AUTHORITY, "auditor": _AUTHORITY},
    Action.CHANGE_RULES: {"admin": _AUTHORITY},
    Action.SEE_LOG: {
        "reporter": _OWN,
        "supervisor": _OWN,
        "admin": _AUTHORITY,
        "auditor": _AUTHORITY,
    },
    # A supervisor's own are the crews; nobody changes their own account so.
    Action.SEE_STAFF: {"supervisor": _OWN, "admin": _AUTHORITY, "auditor": _AUTHORITY},
    Action.CHANGE_STAFF: {"supervisor": _OWN, "admin": _AUTHORITY},
    # Whoever is at the place may take a picture from the public at once; to let one be seen is for
    # those who answer for it.
    Action.HIDE_PHOTO: {"crew": _TEAMS, "supervisor": _OWN, "admin": _AUTHORITY},
    Action.REVIEW_PHOTO: {"supervisor": _OWN, "admin": _AUTHORITY},
    Action.REVIEW_WORDS: {"supervisor": _OWN, "admin": _AUTHORITY},
    # To the supervisor; DESIGN has no line for them.
    Action.SEE_WARNINGS: {"supervisor": _OWN, "admin": _AUTHORITY},
}


class JobFacts(Protocol):
    """What decides about a job."""

    @property
    def authority_id(self) -> int: ...
    @property
    def team_id(self) -> int: ...
    @property
    def ward_area_id(self) -> int | None: ...
    @property
    def division_area_id(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What decides about a report: whose it is, and the job it stands on."""

    id: UUID
    device_id: UUID | None
    job: JobFacts


@dataclass(frozen=True, slots=True)
class Scope:
    """The jobs a list may show: all conditions together; None means no condition."""

    authority: int
    teams: frozenset[int] | None = None
    areas: frozenset[int] | None = None

    def holds(self, job: JobFacts) -> bool:
        """Whether a job is within it."""
        return (
            job.authority_id == self.authority
            and (self.teams is None or job.team_id in self.teams)
            and (
                self.areas is None
                or job.ward_area_id in self.areas
                or job.division_area_id in self.areas
            )
        )


def scope(principal: Principal, action: Action) -> Scope:
    """The jobs on which a member of staff may act so. Raises NotSignedIn or NotAllowed."""
    if isinstance(principal, Anyone):
        raise NotSignedIn
    reach = RIGHTS[action].get(principal.role)
    if not isinstance(principal, Staff) or reach is None:
        raise NotAllowed
    if reach is Reach.TEAMS:
        return Scope(principal.authority_id, teams=principal.teams)
    if reach is Reach.OWN and principal.wards:
        return Scope(principal.authority_id, areas=principal.areas)
    return Scope(principal.authority_id)


def may(principal: Principal, action: Action, on: JobFacts | ReportFacts | None = None) -> bool:
    """Whether the table lets them: on this object, or (with none) on any at all."""
    reach = RIGHTS[action].get(principal.role)
    if reach is None:
        return False
    if reach is Reach.ALL or on is None:
        return True
    if isinstance(principal, Device):
        return isinstance(on, ReportFacts) and on.device_id == principal.id
    if isinstance(principal, Tracking):
        return isinstance(on, ReportFacts) and on.id == principal.report
    job = on.job if isinstance(on, ReportFacts) else on
    return scope(principal, action).holds(job)


def authorize(
    principal: Principal, action: Action, on: JobFacts | ReportFacts | None = None
) -> None:
    """Refuse unless they may. An object that they may not see is NotFound, as if it were absent."""
    if may(principal, action, on):
        return
    if isinstance(principal, Anyone):
        raise NotSignedIn
    if on is not None and not may(principal, Action.SEE_JOB, on):
        raise NotFound
    raise NotAllowed


class AccountFacts(Protocol):
    """What decides about an account of the staff."""

    @property
    def id(self) -> UUID: ...
    @property
    def authority_id(self) -> int: ...
    @property
    def role(self) -> str: ...


def may_account(who: Staff, action: Action, account: AccountFacts | None) -> bool:
    """Whether the table lets them do this to that account."""
    reach = RIGHTS[action].get(who.role)
    return (
        reach is not None
        and account is not None
        and account.authority_id == who.authority_id
        and (reach is Reach.AUTHORITY or account.role == "crew")
        and (action is Action.SEE_STAFF or account.id != who.id)
    )


def authorize_account(who: Staff, action: Action, account: AccountFacts | None) -> None:
    """Refuse unless they may. One that they may not see is NotFound, as if it were absent."""
    if who.role not in RIGHTS[Action.SEE_STAFF]:
        raise NotAllowed
    if not may_account(who, Action.SEE_STAFF, account):
        raise NotFound
    if not may_account(who, action, account):
        raise NotAllowed


async def identify(conn: Connection, bearer: str | None) -> Principal:
    """Who holds this bearer, in one statement. Raises NotSignedIn for one that is not valid.

    Raises SessionRevoked where staff had it taken away.
    """
    if bearer is None:
        return Anyone()
    match bearer[:4]:
        case keys.STAFF:
            return await _staff(conn, bearer)
        case keys.DEVICE:
            return Device(await _holder(conn, queries.DEVICE_BY_BEARER, bearer))
        case keys.TRACKING:
            return Tracking(await _holder(conn, queries.REPORT_BY_BEARER, bearer))
        case _:
            raise NotSignedIn


async def _holder(conn: Connection, query: str, bearer: str) -> UUID:
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(query, {"token_hash": keys.token_hash(bearer)})
        row = await cursor.fetchone()
    if row is None:
        raise NotSignedIn
    found: UUID = row[0]
    return found


async def _staff(conn: Connection, bearer: str) -> Staff:
    async with conn.cursor(row_factory=tuple_row) as cursor:
        of = {"token_hash": keys.token_hash(bearer), "unseen": SEEN_EVERY_S}
        await cursor.execute(queries.BY_BEARER, of)
        row = await cursor.fetchone()
        if row is None:
            raise NotSignedIn
        session, revoked, expired, unseen, *facts = row
        if revoked:
            raise SessionRevoked
        if expired:
            raise NotSignedIn
        if unseen:
            await cursor.execute(queries.SEEN, {"session": session})
    account, email, name, role, authority, slug, authority_name, wards, teams, areas = facts
    return Staff(
        id=account,
        email=email,
        name=name,
        role=role,
        authority_id=authority,
        authority_slug=slug,
        authority_name=authority_name,
        wards=tuple(wards),
        teams=frozenset(teams),
        areas=frozenset(areas),
        session=session,
    )
