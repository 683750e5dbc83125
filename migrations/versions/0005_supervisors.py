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
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("expected", sa.Float(), nullable=True),
        sa.Column("low", sa.Integer(), nullable=True),
        sa.Column("high", sa.Integer(), nullable=True),
        sa.Column("year_before", sa.Integer(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("backtest", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "(refused is null) = (expected is not null)", name=op.f("ck_forecast_said_or_refused")
        ),
        sa.PrimaryKeyConstraint(
            "authority_id", "category", "area_id", "month", name=op.f("pk_forecast")
        ),
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


# --- All of it ----------------------------------------------------------------------------------


def upgrade() -> None:
    trends()
    sizes()


def downgrade() -> None:
    no_sizes()
    no_trends()
