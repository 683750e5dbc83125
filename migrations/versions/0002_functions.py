"""The look-up functions, the wake-up trigger, and the guards of the append-only tables.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# The one way a place is looked up: live, in bulk and in re-routing. A single SELECT, stable and not
# strict, so that the planner inlines it and uses the GiST index. An area cut at a seam through the
# place is returned once for each part; callers take the distinct areas.
AREAS_AT = """
create function areas_at(place geometry, at timestamptz)
  returns table (area_id integer, kind text)
  language sql stable parallel safe rows 4
as $$
  select part.area_id, part.kind
  from area_part part
  where st_covers(part.geom, place) and part.in_force @> at
$$
"""

# Areas within some metres of a place. The box in degrees finds them by the index; the distance on
# the spheroid decides. 110,000 m is less than any degree of latitude (110,574 m at the equator), so
# the box is never too small. What covers the place is at 0 m, told in degrees: most candidates are
# such, and ST_Covers costs a tenth of a distance on the spheroid.
AREAS_NEAR = """
create function areas_near(place geometry, at timestamptz, metres double precision)
  returns table (area_id integer, kind text, distance_m double precision)
  language sql stable parallel safe rows 8
as $$
  select part.area_id, part.kind,
    case when st_covers(part.geom, place) then 0
      else st_distance(part.geom::geography, place::geography) end
  from area_part part
  where part.geom && st_expand(
      place,
      metres / (110000 * greatest(cos(radians(st_y(place))), 0.01)),
      metres / 110000
    )
    and part.in_force @> at
    and case when st_covers(part.geom, place) then 0
      else st_distance(part.geom::geography, place::geography) end <= metres
$$
"""

# Only the owner of a table may analyze it; the processes run as another role, and load areas.
ANALYZE_AREAS = """
create function analyze_areas() returns void language plpgsql
  security definer set search_path = pg_catalog, public, pg_temp
as $$
begin
  analyze public.area;
  analyze public.area_part;
end
$$
"""

# One empty payload for each statement: NOTIFY takes a lock at commit, and equal ones are folded.
OUTBOX_WAKE = """
create function outbox_wake() returns trigger language plpgsql as $$
begin
  perform pg_notify('outbox', '');
  return null;
end
$$;
create trigger outbox_wake after insert on outbox
  for each statement execute function outbox_wake()
"""

REFUSE_CHANGE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$
"""

APPEND_ONLY = ("job_update", "assignment", "checkpoint", "checkpoint_head")


def upgrade() -> None:
    op.execute("create sequence reference_number")
    for statement in (AREAS_AT, AREAS_NEAR, ANALYZE_AREAS, OUTBOX_WAKE, REFUSE_CHANGE):
        op.execute(statement)
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table}"
            " for each statement execute function refuse_change()"
        )
    op.execute("insert into rulebook (id, version) values (1, 1)")


def downgrade() -> None:
    for table in APPEND_ONLY:
        op.execute(f"drop trigger append_only on {table}")
    op.execute("drop trigger outbox_wake on outbox")
    for function in (
        "areas_at(geometry, timestamptz)",
        "areas_near(geometry, timestamptz, double precision)",
        "analyze_areas()",
        "outbox_wake()",
        "refuse_change()",
    ):
        op.execute(f"drop function {function}")
    op.execute("drop sequence reference_number")
    op.execute("delete from rulebook")
