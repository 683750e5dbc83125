"""What supervisors need: counts that are kept, sizes of wards, digests, imports, trends.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-23 23:59:00.000000
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


# --- Trends -------------------------------------------------------------------------------------


def trends() -> None:
    op.create_table(
        "trend_run",
        sa.Column("authority_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "kind in ('growing', 'repeats', 'forecasts')", name=op.f("ck_trend_run_kind")
        ),
        sa.PrimaryKeyConstraint("authority_id", "kind", name=op.f("pk_trend_run")),
    )
    op.create_table(
        "growing_place",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("authority_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("area_id", sa.Integer(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lng", sa.Float(), nullable=False),
        sa.Column("radius_m", sa.Float(), nullable=False),
        sa.Column("recent", sa.Integer(), nullable=False),
        sa.Column("usual", sa.Float(), nullable=False),
        sa.Column("year_before", sa.Integer(), nullable=True),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("q", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_growing_place")),
    )
    op.create_index("ix_growing_place_authority", "growing_place", ["authority_id"])
    op.create_table(
        "repeat_spot",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("authority_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lng", sa.Float(), nullable=False),
        sa.Column("radius_m", sa.Float(), nullable=False),
        sa.Column("fixed", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("jobs", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeat_spot")),
    )
    op.create_index("ix_repeat_spot_authority", "repeat_spot", ["authority_id"])
    op.create_table(
        "forecast",
        sa.Column("authority_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("months", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("backtest", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(refused is null) = (method is not null)", name=op.f("ck_forecast_said_or_refused")
        ),
        sa.PrimaryKeyConstraint("authority_id", "category", "area_id", name=op.f("pk_forecast")),
    )


def no_trends() -> None:
    op.drop_table("forecast")
    op.drop_table("repeat_spot")
    op.drop_table("growing_place")
    op.drop_table("trend_run")


# --- Sizes of wards -----------------------------------------------------------------------------


def sizes() -> None:
    op.create_table(
        "area_size",
        sa.Column("area_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("residents", sa.Integer(), nullable=True),
        sa.Column("km2", sa.Float(), nullable=True),
        sa.Column(
            "loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("residents > 0", name=op.f("ck_area_size_residents")),
        sa.CheckConstraint("km2 > 0", name=op.f("ck_area_size_km2")),
        sa.CheckConstraint(
            "residents is not null or km2 is not null", name=op.f("ck_area_size_says_something")
        ),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_area_size")),
    )
    op.add_column(
        "area",
        sa.Column(
            "km2",
            sa.Float(),
            sa.Computed("st_area(geom::geography) / 1e6", persisted=True),
            nullable=False,
        ),
    )


def no_sizes() -> None:
    op.drop_column("area", "km2")
    op.drop_table("area_size")


# --- Counts that are kept -----------------------------------------------------------------------


def counts() -> None:
    op.create_table(
        "heat_series",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heat_series")),
        sa.UniqueConstraint("name", name=op.f("uq_heat_series_name")),
    )
    op.create_table(
        "heat",
        sa.Column("series_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("z", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("span", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("x", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("y", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "z", "span", "start", "x", "y", name=op.f("pk_heat")),
    )
    op.create_table(
        "counts_kept",
        sa.Column("authority_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("history", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("authority_id", name=op.f("pk_counts_kept")),
    )
    op.create_table(
        "counted",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("authority_id", sa.Integer(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("px", sa.Integer(), nullable=False),
        sa.Column("py", sa.Integer(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("reopened", sa.Boolean(), nullable=False),
        sa.Column("on_time", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=False),
        sa.Column("closed_day", sa.Integer(), nullable=False),
        sa.Column("took", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "kind", name=op.f("pk_counted")),
    )
    for name, condition in (
        ("reports", "kind = 0 and not shared"),
        ("open_jobs", "kind = 1 and is_open and not shared"),
    ):
        op.create_index(
            f"ix_counted_{name}",
            "counted",
            ["authority_id", sa.text("(px >> 12)"), sa.text("(py >> 12)"), "day"],
            postgresql_include=["px", "py", "category", "overdue"],
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "figure_kept",
        sa.Column("authority_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("span", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("area_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("team_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "authority_id",
            "level",
            "span",
            "start",
            "category",
            "area_id",
            "team_id",
            name=op.f("pk_figure_kept"),
        ),
    )
    op.add_column(
        "shared_point",
        sa.Column("counted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def no_counts() -> None:
    op.drop_column("shared_point", "counted")
    for table in ("figure_kept", "counted", "counts_kept", "heat", "heat_series"):
        op.drop_table(table)


# --- What was taken over ------------------------------------------------------------------------


def imports() -> None:
    op.create_table(
        "import_source",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("authority_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["authority_id"],
            ["authority.id"],
            name=op.f("fk_import_source_authority_id_authority"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_source")),
        sa.UniqueConstraint(
            "authority_id", "name", name=op.f("uq_import_source_authority_id_name")
        ),
    )
    op.create_table(
        "imported",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("row_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "key", name=op.f("pk_imported")),
    )


def no_imports() -> None:
    op.drop_table("imported")
    op.drop_table("import_source")


# --- Work at the desk ---------------------------------------------------------------------------

# Whom a job left is told so: also when its reports went to another job, and it with them.
JOB_DEPARTED = """
drop trigger job_departed on job;
create trigger job_departed after update on job
  for each row when (
    (old.authority_id, old.team_id, old.ward_area_id, old.division_area_id{merged})
    is distinct from
    (new.authority_id, new.team_id, new.ward_area_id, new.division_area_id{merged_new})
  ) execute function job_departed()
"""


def desk() -> None:
    op.add_column("job", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.create_check_constraint(
        op.f("ck_job_merged_into"),
        "job",
        "(closed_reason is not distinct from 'merged') = (merged_into is not null)",
    )
    op.create_index(
        "ix_job_merged",
        "job",
        ["merged_into"],
        postgresql_where=sa.text("merged_into is not null"),
    )
    op.create_table(
        "job_before",
        sa.Column("update_id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("update_id", name=op.f("pk_job_before")),
    )
    op.create_index("ix_job_before_at", "job_before", ["at"], unique=False)
    op.execute(JOB_DEPARTED.format(merged=", old.merged_into", merged_new=", new.merged_into"))


def no_desk() -> None:
    op.execute(JOB_DEPARTED.format(merged="", merged_new=""))
    op.drop_table("job_before")
    op.drop_index("ix_job_merged", table_name="job")
    op.drop_constraint(op.f("ck_job_merged_into"), "job")
    op.drop_column("job", "merged_into")


# --- All of it ----------------------------------------------------------------------------------


def upgrade() -> None:
    desk()
    imports()
    counts()
    trends()
    sizes()


def downgrade() -> None:
    no_desk()
    no_sizes()
    no_trends()
    no_counts()
    no_imports()
