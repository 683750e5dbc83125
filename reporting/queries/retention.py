"""What is deleted when its time is over; a batch at a time, so that no lock is held for long."""

IDEMPOTENCY_KEYS = """
delete from idempotency_key
where (scope, key) in (
  select scope, key from idempotency_key
  where created_at < now() - make_interval(secs => %(age_s)s)
  order by created_at
  limit %(limit)s
)
"""

STAFF_TOKENS = """
delete from staff_token
where token_hash in (select token_hash from staff_token where expires_at < now() limit %(limit)s)
"""

#: A dead letter stays until somebody has seen to it.
OUTBOX = """
delete from outbox
where id in (
  select id from outbox
  where done_at < now() - make_interval(secs => %(age_s)s)
  limit %(limit)s
)
"""

#: What stands in them is known from the jobs.
WARNING_MAILS = """
delete from warning_mail
where id in (
  select id from warning_mail
  where created_at < now() - make_interval(secs => %(age_s)s)
  order by created_at
  limit %(limit)s
)
"""

#: With all that stands in them.
UNCONFIRMED = """
delete from unconfirmed
where id in (select id from unconfirmed where expires_at < now() limit %(limit)s)
"""

#: No tablet's cursor is as old as these; see ``jobs.changes``.
DEPARTURES = """
delete from job_departure
where id in (
  select id from job_departure
  where at < now() - make_interval(secs => %(age_s)s)
  order by at
  limit %(limit)s
)
"""

TOUCHES = """
delete from job_touch
where id in (
  select id from job_touch
  where at < now() - make_interval(secs => %(age_s)s)
  order by at
  limit %(limit)s
)
"""

#: What they were about is refused by then, being too old.
OPERATIONS = """
delete from operation
where id in (
  select id from operation
  where recorded_at < now() - make_interval(secs => %(age_s)s)
  order by recorded_at
  limit %(limit)s
)
"""

#: Who did a job stays with the job; how to reach them does not.
HANDOVERS = """
update handover set email = null, message = null
where id in (
  select id from handover
  where expires_at < now() - make_interval(secs => %(age_s)s)
    and (email is not null or message is not null)
  limit %(limit)s
)
"""

#: What was done so long ago is not undone any more.
JOBS_BEFORE = """
delete from job_before
where update_id in (
  select update_id from job_before
  where at < now() - make_interval(secs => %(age_s)s)
  order by at
  limit %(limit)s
)
"""
