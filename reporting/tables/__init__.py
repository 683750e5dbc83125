"""The rows of reports, jobs, people and messages, declared once."""

from reporting.tables.messages import (
    Delivery,
    IdempotencyKey,
    Outbox,
    Unconfirmed,
)
from reporting.tables.people import (
    Device,
    LoginTry,
    Reporter,
    Staff,
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
    "IdempotencyKey",
    "Job",
    "JobReport",
    "LoginTry",
    "Outbox",
    "Photo",
    "Report",
    "ReportWords",
    "Reporter",
    "SharedPoint",
    "Staff",
    "StaffTeam",
    "StaffToken",
    "Subscription",
    "Unconfirmed",
    "Update",
    "UpdateWords",
    "Upload",
]
