"""Statements that prove the update log, and take its checkpoints; nothing executes here.

Times leave the database as the text that was hashed; parsing a million of them would take longer
than hashing.
"""

_UTC = """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""

#: Every update, job by job. Text and bytes only: this is read by the million.
LOG = f"""
select
  job_id::text, seq, id::text, kind, actor, {_UTC.format("made_at")},
  {_UTC.format("recorded_at")}, changes::text, words_hash, previous_hash, hash
from job_update
order by job_id, seq
"""

COUNT = "select count(*) from job_update"

#: Words beside what was promised of them. Words that were erased have no row.
WORDS = """
select
  entry.job_id, entry.seq, entry.words_hash, words.salt, words.note, words.public_message,
  words.waiting_for
from update_words words
left join job_update entry on entry.id = words.update_id
"""

#: Jobs whose own head is not the end of their chain.
HEADS_ASTRAY = """
select job.id, job.version
from job
left join lateral (
  select seq, hash from job_update where job_id = job.id order by seq desc limit 1
) last on true
where last.seq is distinct from job.version or last.hash is distinct from job.chain_head
order by job.id
limit %(limit)s
"""

#: Chains whose job is gone.
ORPHANS = """
select job_id, min(seq) from job_update
where not exists (select from job where job.id = job_update.job_id)
group by job_id
order by job_id
limit %(limit)s
"""

#: Jobs whose status is not the last one that their log gives them.
STATUS_ASTRAY = """
select job.id, last.seq
from job
cross join lateral (
  select seq, changes ->> 'status' as status from job_update
  where job_id = job.id and changes ? 'status' order by seq desc limit 1
) last
where job.merged_into is null and last.status <> job.status
union all
-- One that was merged away is closed by that, and its log names the job that its reports went to.
select job.id, job.version
from job
join job_update gone on gone.job_id = job.id and gone.seq = job.version
left join job stays on stays.id = job.merged_into
where job.merged_into is not null and (
  job.status = 'closed' and gone.kind = 'moved_out' and gone.changes ->> 'because' = 'merge'
  and gone.changes ->> 'to' = stays.reference
) is not true
order by 1
limit %(limit)s
"""

#: Pictures that are not those that came with an update. One that was erased has no row.
PHOTOS_ASTRAY = """
select entry.job_id, entry.seq
from job_update entry
cross join lateral jsonb_each_text(entry.changes -> 'photos') promised (id, sha256)
join photo on photo.id = promised.id::uuid
where entry.changes ? 'photos' and encode(photo.sha256, 'hex') <> promised.sha256
order by entry.job_id, entry.seq
limit %(limit)s
"""

#: What a checkpoint saw and the log does not have, or has otherwise.
UNSEEN = """
select head.job_id, head.seq, head.checkpoint_id
from checkpoint_head head
left join job_update entry on entry.job_id = head.job_id and entry.seq = head.seq
where entry.hash is distinct from head.hash
order by head.checkpoint_id, head.job_id
limit %(limit)s
"""

#: Jobs that were in a checkpoint which is not there any more.
UNCHECKED = """
select job.id, job.checkpointed_version
from job
where job.checkpointed_version > 0 and not exists (
  select from checkpoint_head head
  where head.job_id = job.id and head.seq = job.checkpointed_version
)
order by job.id
limit %(limit)s
"""

CHECKPOINTS = """
select id, at, heads, digest, previous_hash, hash, signature from checkpoint order by id
"""

CHECKPOINT_HEADS = """
select checkpoint_id, job_id, seq, hash from checkpoint_head order by checkpoint_id, job_id
"""

#: One checkpoint at a time; a second taker waits here and then finds nothing new.
LOCK_CHECKPOINTS = "select pg_advisory_xact_lock(1802658116)"

LAST_CHECKPOINT = "select hash from checkpoint order by id desc limit 1"

NOW = "select now()"

#: Jobs that changed since a checkpoint saw them. One that somebody is changing comes next time.
NEW_HEADS = """
select id, version, chain_head from job
where version > checkpointed_version
order by id
limit %(limit)s
for no key update skip locked
"""

ADD_CHECKPOINT = """
with added as (
  insert into checkpoint (at, heads, digest, previous_hash, hash, signature)
  values (%(at)s, %(heads)s, %(digest)s, %(previous_hash)s, %(hash)s, %(signature)s)
  returning id
),
seen as (
  select * from unnest(%(jobs)s::uuid[], %(seqs)s::integer[], %(hashes)s::bytea[])
    as head (job_id, seq, hash)
),
heads as (
  insert into checkpoint_head (checkpoint_id, job_id, seq, hash)
  select added.id, seen.job_id, seen.seq, seen.hash from added, seen
),
jobs as (
  update job set checkpointed_version = seen.seq from seen where job.id = seen.job_id
)
select id from added
"""

#: Its heads follow, of jobs that were stored in this transaction as seen already.
ADD_CHECKPOINT_OF_NEW = """
insert into checkpoint (at, heads, digest, previous_hash, hash, signature)
values (%(at)s, %(heads)s, %(digest)s, %(previous_hash)s, %(hash)s, %(signature)s)
returning id
"""
