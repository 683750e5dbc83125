"""Statements on jobs and their updates; nothing executes here."""

#: One row of the log, from ``events.Entry.params()``. Intake puts the same two into its own
#: statement.
INSERT_UPDATE = """
insert into job_update (
  job_id, seq, id, kind, actor, made_at, recorded_at, changes, words_hash, previous_hash, hash
) values (
  %(update_job)s, %(update_seq)s, %(update_id)s, %(update_kind)s, %(update_actor)s,
  %(update_made_at)s, %(update_recorded_at)s, %(update_changes)s::jsonb, %(update_words_hash)s,
  %(update_previous_hash)s, %(update_hash)s
)
"""

#: Its words, if there are any; in one statement with ``INSERT_UPDATE`` or after it.
INSERT_WORDS = """
insert into update_words (update_id, salt, note, public_message, waiting_for)
select
  %(update_id)s, %(update_salt)s, %(update_note)s, %(update_public_message)s, %(update_waiting_for)s
where %(update_salt)s::bytea is not null
"""
