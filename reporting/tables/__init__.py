"""The rows of reports, jobs, people and messages, declared once."""

from reporting.tables.crews import (
    Escalation,
    Handover,
    JobDeparture,
    JobTouch,
    Operation,
    WorkRound,
)
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
    "Assignment",
    "Checkpoint",
    "CheckpointHead",
    "Delivery",
    "Device",
    "Escalation",
    "Handover",
    "IdempotencyKey",
    "Job",
    "JobDeparture",
    "JobTouch",
    "JobReport",
    "LoginTry",
    "OidcAttempt",
    "Operation",
    "Outbox",
    "Photo",
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
    "Unconfirmed",
    "Update",
    "UpdateWords",
    "Upload",
    "WorkRound",
]
