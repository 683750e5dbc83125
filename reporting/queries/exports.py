"""Statements that write rows as lines of a file; nothing executes here.

``DATASETS`` is what may leave, column by column, and the whole of it: a column of the database that
is not named here is in no export. The database writes the text itself: it has the values, a core of
its own, and is quick at it.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from geo.spatial import in_bbox
from reporting.queries.jobs import OVERDUE
from reporting.status import OPEN_CONDITION

#: ``text`` was typed or loaded by somebody; ``code`` is a word of our own; ``data`` is JSON.
Kind = Literal["text", "code", "instant", "integer", "number", "flag", "data"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file."""

    name: str
    kind: Kind
    sql: str
    says: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a file is of: its columns, the tables they are read from, and the order."""

    name: str
    columns: tuple[Column, ...]
    tables: str
    #: The table whose place and day are filtered by.
    own: str
    order: str


#: Answers to questions that take words are words; all others are kept.
_ANSWERS: Final = """(
  select jsonb_object_agg(answer.key, answer.value) from jsonb_each({}.answers) answer
  where {}.category || '/' || answer.key = any(%(asked)s::text[])
)"""
_CATEGORY: Final = "category.definition ->> 'name'"
#: What a resident wrote, as far as the screen or a reader of the staff let it through.
_LET_THROUGH: Final = (
    "case when report.withdrawn_at is null"
    " and (words.held_for = '{{}}' or words.released_at is not null) then words.{} end"
)

_PLACE: Final = "Degrees (WGS84); of the place that was reported, or put right since"


def _place(table: str) -> tuple[Column, ...]:
    return (
        Column("lng", "number", f"st_x({table}.place)", f"{_PLACE}; empty where it is in words"),
        Column("lat", "number", f"st_y({table}.place)", "The same"),
    )


JOBS: Final = Dataset(
    "jobs",
    (
        Column("reference", "code", "job.reference", "KB-7F3K9Q"),
        Column("category", "text", "job.category", "Its code"),
        Column("category_name", "text", _CATEGORY, "In words"),
        Column("status", "code", "job.status", "received, scheduled, in_progress, waiting, …"),
        Column("closed_reason", "code", "job.closed_reason", "Where it was closed without work"),
        Column("priority", "code", "'P' || job.priority", "P1 to P4"),
        Column("overdue", "flag", OVERDUE, "Ours, open and late, when the file was made"),
        Column("team", "text", "team.slug", "Its code"),
        Column("team_name", "text", "team.name", "In words"),
        Column("ward", "text", "ward.code", "The lowest tier's ward of the place"),
        Column("ward_name", "text", "ward.name", "In words"),
        Column("division", "text", "division.code", "A county's division of the place"),
        Column("division_name", "text", "division.name", "In words"),
        Column("referred_to", "text", "job.referred_to", "Whom outside it was passed on to"),
        Column("reports", "integer", "job.reports", "How many reports stand on it"),
        Column("reopened", "integer", "job.reopened", "How often it was opened again"),
        Column("created_at", "instant", "job.created_at", "When it was made, UTC"),
        Column("due_at", "instant", "job.due_at", "UTC"),
        Column("scheduled_for", "instant", "job.scheduled_for", "UTC"),
        Column("updated_at", "instant", "job.updated_at", "UTC"),
        Column("closed_at", "instant", "job.closed_at", "UTC"),
        Column("answers", "data", _ANSWERS.format("job", "job"), "By question; not those in words"),
        Column("flags", "text", "array_to_string(job.flags, ' ')", "With spaces between"),
        *_place("job"),
    ),
    """job
left join team on team.id = job.team_id
left join category on category.code = job.category
left join area ward on ward.id = job.ward_area_id
left join area division on division.id = job.division_area_id""",
    "job",
    "job.due_at, job.id",
)

REPORTS: Final = Dataset(
    "reports",
    (
        Column("reference", "code", "report.reference", "KB-7F3K9Q"),
        Column("category", "text", "report.category", "As it was reported: its code"),
        Column("category_name", "text", _CATEGORY, "In words"),
        Column("created_at", "instant", "report.created_at", "When it came, UTC"),
        Column("observed_at", "instant", "report.observed_at", "When it was seen, if told, UTC"),
        Column("withdrawn_at", "instant", "report.withdrawn_at", "Taken back by its reporter, UTC"),
        Column("by_phone", "flag", "report.taken_by is not null", "Taken down for a caller"),
        Column("ward", "text", "ward.code", "The ward it was given when it came"),
        Column("ward_name", "text", "ward.name", "In words"),
        Column("description", "text", _LET_THROUGH.format("description"), "If it may be public"),
        Column("place_text", "text", _LET_THROUGH.format("place_text"), "If it may be public"),
        Column(
            "answers",
            "data",
            _ANSWERS.format("report", "report"),
            "By question; not those in words",
        ),
        Column(
            "photos",
            "integer",
            "(select count(*) from photo where photo.report_id = report.id)",
            "How many came with it",
        ),
        Column("flags", "text", "array_to_string(report.flags, ' ')", "With spaces between"),
        Column("accuracy_m", "number", "report.accuracy_m", "Of the phone's position, metres"),
        Column("job", "code", "job.reference", "The job it stands on"),
        Column("job_category", "text", "job.category", "Its code"),
        Column("job_status", "code", "job.status", "received, scheduled, in_progress, waiting, …"),
        Column("job_priority", "code", "'P' || job.priority", "P1 to P4"),
        Column("job_team", "text", "team.slug", "Its code"),
        Column("job_team_name", "text", "team.name", "In words"),
        Column("job_due_at", "instant", "job.due_at", "UTC"),
        Column("job_closed_at", "instant", "job.closed_at", "UTC"),
        *_place("report"),
    ),
    """report
join job_report link on link.report_id = report.id and link.until is null
join job on job.id = link.job_id
left join report_words words on words.report_id = report.id
left join team on team.id = job.team_id
left join category on category.code = report.category
left join area ward on ward.id = report.ward_area_id""",
    "report",
    "",
)

DATASETS: Final = {dataset.name: dataset for dataset in (JOBS, REPORTS)}

#: What narrows a file, in the words of ``asked``; each is used only when it was asked for.
_CONDITIONS: Final = {
    "areas": "(job.ward_area_id = any(%(areas)s::integer[])"
    " or job.division_area_id = any(%(areas)s::integer[]))",
    "asked_areas": "(job.ward_area_id = any(%(asked_areas)s::integer[])"
    " or job.division_area_id = any(%(asked_areas)s::integer[]))",
    "teams": "job.team_id = any(%(teams)s::integer[])",
    "categories": "job.category = any(%(categories)s::text[])",
    "statuses": "job.status = any(%(statuses)s::text[])",
    "open": f"job.{OPEN_CONDITION}",
    "priorities": "job.priority = any(%(priorities)s::smallint[])",
    "overdue": OVERDUE,
    "not_overdue": f"not {OVERDUE}",
    "bbox": in_bbox("{own}.place"),
    "since": "{own}.created_at >= %(since)s::timestamptz",
    "until": "{own}.created_at < %(until)s::timestamptz",
}

#: What begins a formula in some program that opens the file (OWASP, CSV injection), the wide forms
#: too. Where cells are kept apart by another sign, one may begin in the middle of ours.
_SIGNS: Final = r"=+\-@＝＋－＠"  # noqa: RUF001 - the wide forms
_BEGINS: Final = rf"^(\s*[{_SIGNS}]|[\t\r\n])"
_GOES_ON: Final = rf"""([,;|\t\r\n"'']\s*)([{_SIGNS}])"""


def harmless(text: str) -> str:
    """A text that no program takes for a formula: an apostrophe before what would begin one."""
    begun = rf"regexp_replace({text}, '{_BEGINS}', '''\1')"
    return rf"regexp_replace({begun}, '{_GOES_ON}', '\1''\2', 'g')"


def quoted(text: str) -> str:
    """A cell in quotes (RFC 4180); nothing where there is no value."""
    return f"""coalesce('"' || replace({text}, '"', '""') || '"', '')"""


def _instant(value: str) -> str:
    return f"""to_char({value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


def _cell(column: Column, *, guarded: bool) -> str:
    match column.kind:
        case "text":
            return quoted(harmless(column.sql) if guarded else column.sql)
        case "data":
            return quoted(f"({column.sql})::text")
        case "instant":
            return f"coalesce({_instant(column.sql)}, '')"
        case _:
            return f"coalesce(({column.sql})::text, '')"


def _csv(dataset: Dataset, *, guarded: bool) -> str:
    cells = ",\n  ".join(_cell(column, guarded=guarded) for column in dataset.columns)
    return rf"concat_ws(',', {cells}) || e'\r\n'"


def _geojson(dataset: Dataset) -> str:
    where = {column.name: column.sql for column in dataset.columns if column.name in AXES}
    members = ",\n    ".join(
        f"'{column.name}', {_instant(column.sql) if column.kind == 'instant' else column.sql}"
        for column in dataset.columns
        if column.name not in AXES
    )
    return f"""json_build_object(
  'type', 'Feature',
  'geometry', case when {where["lng"]} is not null then json_build_object(
    'type', 'Point', 'coordinates', json_build_array({where["lng"]}, {where["lat"]})
  ) end,
  'properties', json_build_object(
    {members}
  )
)::text"""


#: In what knows geometries, they are one.
AXES: Final = ("lng", "lat")

#: How a row is written: ``csv`` for people's programs; ``geojson``, a feature without what stands
#: between two; ``exact``, as CSV with every text as it is, for a program that knows no formulas.
Writing = Literal["csv", "geojson", "exact"]


@cache
def lines(name: str, writing: Writing, conditions: frozenset[str]) -> str:
    """The statement: one text for each row, in the order of the file.

    A job that was merged away is counted nowhere, and is in no file.
    """
    dataset = DATASETS[name]
    line = _geojson(dataset) if writing == "geojson" else _csv(dataset, guarded=writing == "csv")
    narrowed = [_CONDITIONS[each].format(own=dataset.own) for each in sorted(conditions)]
    where = " and ".join(["job.authority_id = %(authority)s", "job.merged_into is null", *narrowed])
    order = f"\norder by {dataset.order}" if dataset.order else ""
    return f"select {line} as line\nfrom {dataset.tables}\nwhere {where}{order}"
