"""The rows of reports, jobs, people and messages, declared once."""

from reporting.tables.counts import Counted, CountsKept, FigureKept
from reporting.tables.crews import (
    Escalation,
    Handover,
    JobDeparture,
    JobTouch,
    Operation,
    WarningMail,
    WorkRound,
)
from reporting.tables.imports import Imported, ImportSource
from reporting.tables.messages import (
    Delivery,
    IdempotencyKey,
    Outbox,
    Unconfirmed,
)
from reporting.tables.people import (
    Device,
    LoginTry,
    OidcAttempt,
    Reporter,
    Staff,
    StaffEntry,
    StaffInvitation,
    StaffTeam,
    StaffToken,
    Subscription,
)
from reporting.tables.pictures import (
    Photo,
    Upload,
)
from reporting.tables.sizes import AreaSize
from reporting.tables.trends import Forecast, GrowingPlace, RepeatSpot, TrendRun
from reporting.tables.undoing import JobBefore
from reporting.tables.work import (
    Assignment,
    Checkpoint,
    CheckpointHead,
    Job,
    JobReport,
    Report,
    ReportWords,
    SharedPoint,
    Update,
    UpdateWords,
)

__all__ = [
    "AreaSize",
    "Assignment",
    "Checkpoint",
    "CheckpointHead",
    "Counted",
    "CountsKept",
    "Delivery",
    "Device",
    "Escalation",
    "FigureKept",
    "Forecast",
    "GrowingPlace",
    "Handover",
    "IdempotencyKey",
    "ImportSource",
    "Imported",
    "Job",
    "JobBefore",
    "JobDeparture",
    "JobReport",
    "JobTouch",
    "LoginTry",
    "OidcAttempt",
    "Operation",
    "Outbox",
    "Photo",
    "RepeatSpot",
    "Report",
    "ReportWords",
    "Reporter",
    "SharedPoint",
    "Staff",
    "StaffEntry",
    "StaffInvitation",
    "StaffTeam",
    "StaffToken",
    "Subscription",
    "TrendRun",
    "Unconfirmed",
    "Update",
    "UpdateWords",
    "Upload",
    "WarningMail",
    "WorkRound",
]
