"""What crews need: changes for tablets, operations, rounds, hand-overs, warnings, accounts.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-23 20:57:39.377566
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from reporting.tables.xid import Xid8

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Whatever changes a job raises its version, and with it what tablets have not seen yet. A trigger,
# so that no statement forgets.
JOB_CHANGED = """
create function job_changed() returns trigger language plpgsql as $$
begin
  new.changed_xid := pg_current_xact_id();
  return new;
end
$$;
create trigger job_changed before update on job
  for each row when (old.version is distinct from new.version) execute function job_changed()
"""

# Whom it left is told so.
JOB_DEPARTED = """
create function job_departed() returns trigger language plpgsql as $$
begin
  insert into job_departure (job_id, authority_id, team_id, ward_area_id, division_area_id)
  values (old.id, old.authority_id, old.team_id, old.ward_area_id, old.division_area_id);
  return null;
end
$$;
create trigger job_departed after update on job
  for each row when (
    (old.authority_id, old.team_id, old.ward_area_id, old.division_area_id)
    is distinct from (new.authority_id, new.team_id, new.ward_area_id, new.division_area_id)
  ) execute function job_departed()
"""

# What tablets show of a job may change without an update of it. Each is a row of its own: the job's
# own row is locked before its pictures, and a trigger that locked it after them would make a circle.
JOB_TOUCHED = """
create function job_touched_by_photo() returns trigger language plpgsql as $$
begin
  insert into job_touch (job_id)
  select link.job_id from job_report link
  where link.report_id = new.report_id and link.until is null
  union
  select entry.job_id from job_update entry where entry.id = new.update_id;
  return null;
end
$$;
create trigger job_touched after update on photo
  for each row when (
    (new.report_id is not null or new.update_id is not null)
    and (old.state, old.review, old.made is null)
      is distinct from (new.state, new.review, new.made is null)
  ) execute function job_touched_by_photo();

create function job_touched_by_report() returns trigger language plpgsql as $$
declare
  touched uuid;
begin
  if tg_table_name = 'report' then touched := old.id; else touched := old.report_id; end if;
  insert into job_touch (job_id)
  select job_id from job_report where report_id = touched and until is null;
  return null;
end
$$;
create trigger job_touched after update or delete on report_words
  for each row execute function job_touched_by_report();
create trigger job_touched after update of answers on report
  for each row when (old.answers is distinct from new.answers)
  execute function job_touched_by_report();

create function job_touched_by_update() returns trigger language plpgsql as $$
begin
  insert into job_touch (job_id)
  select entry.job_id from job_update entry where entry.id = old.update_id;
  return null;
end
$$;
create trigger job_touched after delete on update_words
  for each row execute function job_touched_by_update()
"""


def upgrade() -> None:
    op.create_table(
        "escalation",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "kind in ('not_started', 'due_soon', 'overdue')", name=op.f("ck_escalation_kind")
        ),
        sa.PrimaryKeyConstraint("job_id", "kind", "reopened", name=op.f("pk_escalation")),
    )
    op.create_index("ix_escalation_at", "escalation", ["at"], unique=False)
    op.create_table(
        "warning_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("more", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_warning_mail_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning_mail")),
    )
    op.create_index("ix_warning_mail_created", "warning_mail", ["created_at"], unique=False)
    op.create_table(
        "job_departure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("authority_id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("ward_area_id", sa.Integer(), nullable=True),
        sa.Column("division_area_id", sa.Integer(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "changed_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_departure")),
    )
    op.create_index("ix_job_departure_at", "job_departure", ["at"], unique=False)
    op.create_index(
        "ix_job_departure_authority_changed",
        "job_departure",
        ["authority_id", "changed_xid"],
        unique=False,
    )
    op.create_index(
        "ix_job_departure_team_changed", "job_departure", ["team_id", "changed_xid"], unique=False
    )
    op.create_table(
        "job_touch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column(
            "changed_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_touch")),
    )
    op.create_index("ix_job_touch_at", "job_touch", ["at"], unique=False)
    op.create_index("ix_job_touch_changed", "job_touch", ["changed_xid"], unique=False)
    op.create_table(
        "oidc_attempt",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("code_verifier", sa.Text(), nullable=False),
        sa.Column("next", sa.Text(), nullable=False),
        sa.Column("tablet", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_oidc_attempt")),
    )
    op.create_index("ix_oidc_attempt_expires", "oidc_attempt", ["expires_at"], unique=False)
    op.create_table(
        "handover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_handover_made_by_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_handover_token_hash")),
    )
    op.create_index("ix_handover_job", "handover", ["job_id"], unique=False)
    op.create_table(
        "operation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("tablet", sa.Uuid(), nullable=False),
        sa.Column("device_seq", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "outcome in ('applied', 'conflict', 'refused')", name=op.f("ck_operation_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_operation_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
    )
    op.create_index("ix_operation_job_tablet", "operation", ["job_id", "tablet"], unique=False)
    op.create_index("ix_operation_recorded", "operation", ["recorded_at"], unique=False)
    op.create_table(
        "staff_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_entry_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_entry")),
    )
    op.create_index("ix_staff_entry_staff", "staff_entry", ["staff_id", "id"], unique=False)
    op.create_table(
        "staff_invitation",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff.id"], name=op.f("fk_staff_invitation_made_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_invitation_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_staff_invitation")),
    )
    op.create_index(
        op.f("ix_staff_invitation_staff_id"), "staff_invitation", ["staff_id"], unique=False
    )
    op.create_table(
        "work_round",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stops", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("start", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_work_round_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", "team_id", "day", name=op.f("pk_work_round")),
    )
    op.add_column("authority", sa.Column("calendar", sa.Text(), nullable=True))
    op.add_column(
        "job",
        sa.Column(
            "priority_by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.add_column(
        "job",
        sa.Column("warned_late", sa.Integer(), server_default=sa.text("-1"), nullable=False),
    )
    op.create_index(
        "ix_job_watched",
        "job",
        ["authority_id", "category", "priority", "due_at"],
        unique=False,
        postgresql_where=sa.text(
            "status in ('received', 'scheduled', 'in_progress') and warned_late < reopened"
        ),
    )
    op.add_column("job", sa.Column("worker_id", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("referred_to", sa.Text(), nullable=True))
    op.add_column(
        "job",
        sa.Column(
            "changed_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False
        ),
    )
    op.create_index(
        "ix_job_authority_changed", "job", ["authority_id", "changed_xid"], unique=False
    )
    op.create_index("ix_job_team_changed", "job", ["team_id", "changed_xid"], unique=False)
    op.add_column("staff", sa.Column("totp_secret", sa.LargeBinary(), nullable=True))
    op.add_column("staff", sa.Column("totp_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("staff", sa.Column("totp_step", sa.BigInteger(), nullable=True))
    op.add_column("staff", sa.Column("oidc_subject", sa.Text(), nullable=True))
    op.create_unique_constraint(op.f("uq_staff_oidc_subject"), "staff", ["oidc_subject"])
    op.add_column(
        "staff_token",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
    )
    op.add_column("staff_token", sa.Column("tablet", sa.Uuid(), nullable=True))
    op.add_column("staff_token", sa.Column("name", sa.Text(), nullable=True))
    op.add_column(
        "staff_token", sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("staff_token", sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("staff_token", sa.Column("revoked_by", sa.Uuid(), nullable=True))
    op.create_unique_constraint(op.f("uq_staff_token_id"), "staff_token", ["id"])
    op.create_foreign_key(
        op.f("fk_staff_token_revoked_by_staff"), "staff_token", "staff", ["revoked_by"], ["id"]
    )
    op.execute(JOB_CHANGED)
    op.execute(JOB_DEPARTED)
    op.execute(JOB_TOUCHED)
    op.execute(
        "create trigger append_only before update or delete or truncate on staff_entry"
        " for each statement execute function refuse_change()"
    )


def downgrade() -> None:
    for table in ("photo", "report_words", "report", "update_words"):
        op.execute(f"drop trigger job_touched on {table}")
    for what in ("photo", "report", "update"):
        op.execute(f"drop function job_touched_by_{what}()")
    for name in ("job_departed", "job_changed"):
        op.execute(f"drop trigger {name} on job")
        op.execute(f"drop function {name}()")
    op.drop_constraint(op.f("fk_staff_token_revoked_by_staff"), "staff_token", type_="foreignkey")
    op.drop_constraint(op.f("uq_staff_token_id"), "staff_token", type_="unique")
    op.drop_column("staff_token", "revoked_by")
    op.drop_column("staff_token", "revoked_at")
    op.drop_column("staff_token", "last_seen_at")
    op.drop_column("staff_token", "name")
    op.drop_column("staff_token", "tablet")
    op.drop_column("staff_token", "id")
    op.drop_constraint(op.f("uq_staff_oidc_subject"), "staff", type_="unique")
    op.drop_column("staff", "oidc_subject")
    op.drop_column("staff", "totp_step")
    op.drop_column("staff", "totp_since")
    op.drop_column("staff", "totp_secret")
    op.drop_index("ix_job_team_changed", table_name="job")
    op.drop_index("ix_job_authority_changed", table_name="job")
    op.drop_column("job", "changed_xid")
    op.drop_column("job", "referred_to")
    op.drop_column("job", "worker_id")
    op.drop_index("ix_job_watched", table_name="job")
    op.drop_column("job", "warned_late")
    op.drop_column("job", "priority_by_hand")
    op.drop_column("authority", "calendar")
    op.drop_table("work_round")
    op.drop_index(op.f("ix_staff_invitation_staff_id"), table_name="staff_invitation")
    op.drop_table("staff_invitation")
    op.drop_index("ix_staff_entry_staff", table_name="staff_entry")
    op.drop_table("staff_entry")
    op.drop_index("ix_operation_recorded", table_name="operation")
    op.drop_index("ix_operation_job_tablet", table_name="operation")
    op.drop_table("operation")
    op.drop_index("ix_handover_job", table_name="handover")
    op.drop_table("handover")
    op.drop_index("ix_oidc_attempt_expires", table_name="oidc_attempt")
    op.drop_table("oidc_attempt")
    op.drop_index("ix_job_touch_changed", table_name="job_touch")
    op.drop_index("ix_job_touch_at", table_name="job_touch")
    op.drop_table("job_touch")
    op.drop_index("ix_job_departure_team_changed", table_name="job_departure")
    op.drop_index("ix_job_departure_authority_changed", table_name="job_departure")
    op.drop_index("ix_job_departure_at", table_name="job_departure")
    op.drop_table("job_departure")
    op.drop_index("ix_warning_mail_created", table_name="warning_mail")
    op.drop_table("warning_mail")
    op.drop_index("ix_escalation_at", table_name="escalation")
    op.drop_table("escalation")
