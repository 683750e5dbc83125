"""Statements on pictures that have arrived in part."""

_COLUMNS = "photo_id, length, received, parts, holder"
#: One that nobody's device began is anyone's who knows its id; a device's is that device's.
_MINE = "(device_id is null or device_id = %(device)s::uuid)"

FIND = f"select {_COLUMNS} from upload where photo_id = %(photo)s and {_MINE}"

#: Go on from where it stands, under a new holder; or begin. No row: it stands elsewhere.
TAKE = f"""
with taken as (
  update upload set holder = %(holder)s, touched_at = now()
  where photo_id = %(photo)s and {_MINE} and received = %(offset)s and length = %(length)s
  returning {_COLUMNS}
), begun as (
  insert into upload (photo_id, length, holder, device_id)
  select %(photo)s, %(length)s, %(holder)s, %(device)s::uuid
  where %(offset)s = 0 and not exists (select from taken)
    and not exists (select from photo where id = %(photo)s)
  on conflict (photo_id) do nothing
  returning {_COLUMNS}
)
select {_COLUMNS} from taken union all select {_COLUMNS} from begun
"""

#: One part more, if the same request still holds it and nothing came in between.
APPEND = """
update upload
set received = received + %(size)s, parts = parts || %(part)s::text, touched_at = now()
where photo_id = %(photo)s and holder = %(holder)s and received = %(offset)s
"""

DROP = "delete from upload where photo_id = %(photo)s returning parts"

#: What may be dropped because of what one request found in it, unless another goes on with it.
DROP_HELD = "delete from upload where photo_id = %(photo)s and holder = %(holder)s returning parts"

#: Nothing has come for too long. One that is being written to right now is passed over.
EXPIRED = """
select photo_id, parts from upload
where touched_at < now() - make_interval(secs => %(older_than_s)s)
order by touched_at
limit %(limit)s
for update skip locked
"""

FORGET = "delete from upload where photo_id = any(%(ids)s)"
