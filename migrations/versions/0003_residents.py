"""What residents need: pictures to be checked, uploads in parts, words held back, mail and web push.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-23 17:31:16.527333
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shared_point",
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lng", sa.Double(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column(
            "found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("lat", "lng", name=op.f("pk_shared_point")),
    )
    op.create_table(
        "upload",
        sa.Column("photo_id", sa.Uuid(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "parts", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "touched_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("photo_id", name=op.f("pk_upload")),
    )
    op.create_index("ix_upload_touched", "upload", ["touched_at"], unique=False)
    op.create_table(
        "unconfirmed",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["device.id"],
            name=op.f("fk_unconfirmed_device_id_device"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unconfirmed")),
        sa.UniqueConstraint("scope", "key", name=op.f("uq_unconfirmed_scope_key")),
    )
    op.create_index("ix_unconfirmed_device", "unconfirmed", ["device_id"], unique=False)
    op.create_index("ix_unconfirmed_expires", "unconfirmed", ["expires_at"], unique=False)
    op.add_column("job", sa.Column("accuracy_m", sa.Double(), nullable=True))
    op.add_column(
        "job", sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.add_column(
        "photo", sa.Column("review", sa.Text(), server_default="needs_check", nullable=False)
    )
    op.add_column("photo", sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("photo", sa.Column("reviewed_by", sa.Uuid(), nullable=True))
    op.add_column(
        "photo",
        sa.Column(
            "regions",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
    )
    op.add_column("photo", sa.Column("made", sa.Text(), nullable=True))
    op.add_column("photo", sa.Column("phash", sa.BigInteger(), nullable=True))
    op.add_column("photo", sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True))
    op.add_geospatial_column(
        "photo",
        sa.Column(
            "taken_place",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
    )
    op.add_column("photo", sa.Column("original_gone_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_photo_to_check",
        "photo",
        ["uploaded_at"],
        unique=False,
        postgresql_where=sa.text(
            "state = 'ready'"
            " and (review = 'needs_check' or (review = 'auto_ok' and reviewed_at is null))"
        ),
    )
    op.create_index(
        "ix_photo_original",
        "photo",
        ["uploaded_at"],
        unique=False,
        postgresql_where=sa.text("original_gone_at is null"),
    )
    op.create_foreign_key(
        op.f("fk_photo_reviewed_by_staff"), "photo", "staff", ["reviewed_by"], ["id"]
    )
    op.add_column("report", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_report_created", "report", ["created_at"], unique=False, postgresql_using="brin"
    )
    op.add_column(
        "report_words",
        sa.Column(
            "held_for", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
    )
    op.add_column(
        "report_words", sa.Column("released_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("report_words", sa.Column("released_by", sa.Uuid(), nullable=True))
    op.add_column("report_words", sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("report_words", sa.Column("kept_by", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_report_words_held",
        "report_words",
        ["report_id"],
        unique=False,
        postgresql_where=sa.text("held_for <> '{}' and released_at is null and kept_at is null"),
    )
    op.create_foreign_key(
        op.f("fk_report_words_released_by_staff"), "report_words", "staff", ["released_by"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_report_words_kept_by_staff"), "report_words", "staff", ["kept_by"], ["id"]
    )
    op.add_column("subscription", sa.Column("reporter_id", sa.Uuid(), nullable=True))
    op.alter_column("subscription", "device_id", existing_type=sa.UUID(), nullable=True)
    op.create_index("ix_subscription_reporter", "subscription", ["reporter_id"], unique=False)
    op.create_index(
        "uq_subscription_reporter_live",
        "subscription",
        ["reporter_id", "channel"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_foreign_key(
        op.f("fk_subscription_reporter_id_reporter"),
        "subscription",
        "reporter",
        ["reporter_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.drop_constraint(op.f("ck_subscription_channel"), "subscription", type_="check")
    op.create_check_constraint(
        op.f("ck_subscription_channel"), "subscription", "channel in ('fcm', 'webpush', 'email')"
    )
    op.create_check_constraint(
        op.f("ck_subscription_whose"),
        "subscription",
        "(device_id is null) <> (reporter_id is null)",
    )
    op.create_check_constraint(
        op.f("ck_photo_review"),
        "photo",
        "review in ('auto_ok', 'needs_check', 'human_ok', 'hidden')",
    )
    # Copies made before faces were looked for are made again.
    op.execute("update photo set state = 'stored' where state = 'ready'")
    op.execute(
        "insert into outbox (topic, subject) select 'photo', id from photo where state = 'stored'"
    )


def downgrade() -> None:
    op.execute("delete from subscription where channel <> 'fcm'")
    op.drop_constraint(op.f("ck_photo_review"), "photo", type_="check")
    op.drop_constraint(op.f("ck_subscription_whose"), "subscription", type_="check")
    op.drop_constraint(op.f("ck_subscription_channel"), "subscription", type_="check")
    op.create_check_constraint(
        op.f("ck_subscription_channel"), "subscription", "channel in ('fcm')"
    )
    op.drop_constraint(
        op.f("fk_subscription_reporter_id_reporter"), "subscription", type_="foreignkey"
    )
    op.drop_index(
        "uq_subscription_reporter_live",
        table_name="subscription",
        postgresql_where=sa.text("ended_at is null"),
    )
    op.drop_index("ix_subscription_reporter", table_name="subscription")
    op.alter_column("subscription", "device_id", existing_type=sa.UUID(), nullable=False)
    op.drop_column("subscription", "reporter_id")
    op.drop_constraint(
        op.f("fk_report_words_released_by_staff"), "report_words", type_="foreignkey"
    )
    op.drop_index(
        "ix_report_words_held",
        table_name="report_words",
        postgresql_where=sa.text("held_for <> '{}' and released_at is null and kept_at is null"),
    )
    op.drop_constraint(op.f("fk_report_words_kept_by_staff"), "report_words", type_="foreignkey")
    op.drop_column("report_words", "kept_by")
    op.drop_column("report_words", "kept_at")
    op.drop_column("report_words", "released_by")
    op.drop_column("report_words", "released_at")
    op.drop_column("report_words", "held_for")
    op.drop_index("ix_report_created", table_name="report", postgresql_using="brin")
    op.drop_column("report", "withdrawn_at")
    op.drop_constraint(op.f("fk_photo_reviewed_by_staff"), "photo", type_="foreignkey")
    op.drop_index(
        "ix_photo_to_check",
        table_name="photo",
        postgresql_where=sa.text(
            "state = 'ready'"
            " and (review = 'needs_check' or (review = 'auto_ok' and reviewed_at is null))"
        ),
    )
    op.drop_index(
        "ix_photo_original",
        table_name="photo",
        postgresql_where=sa.text("original_gone_at is null"),
    )
    op.drop_column("photo", "original_gone_at")
    op.drop_geospatial_column("photo", "taken_place")
    op.drop_column("photo", "taken_at")
    op.drop_column("photo", "phash")
    op.drop_column("photo", "made")
    op.drop_column("photo", "regions")
    op.drop_column("photo", "reviewed_by")
    op.drop_column("photo", "reviewed_at")
    op.drop_column("photo", "review")
    op.drop_column("job", "answers")
    op.drop_column("job", "accuracy_m")
    op.drop_index("ix_unconfirmed_device", table_name="unconfirmed")
    op.drop_index("ix_unconfirmed_expires", table_name="unconfirmed")
    op.drop_table("unconfirmed")
    op.drop_index("ix_upload_touched", table_name="upload")
    op.drop_table("upload")
    op.drop_table("shared_point")
