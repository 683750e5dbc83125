"""Counts that are kept: of cells of the map, and of areas, teams and categories, day by day.

What the words mean, here and in every table and map made from it:

- Everything is counted by the *job's* authority, team, category and area as they are now. The area
  is the ward or division that belongs to the job's own authority: its ward if that is one of the
  authority's own, else its division if that is, else the ward. -1: in none.
- A *day* is a calendar day in the authority's time zone.
- ``reports``: by the day they came, each under the job it is on now; withdrawn ones too.
- ``jobs``: by the day they were made. A job on which no report stands (all were merged into
  another) is not counted at all.
- ``fixed``, ``closed``: jobs that are so now, by the day they were closed. ``on_time``: fixed by
  when they were due. Time to fix: from made to fixed in hours by the clock, waiting included.
- ``reopened``: jobs made in the period that were opened again at least once.
- ``open``, ``overdue``: jobs made in the period that are open now, and late as of the last tick
  (``status.overdue``: referred elsewhere is not ours, a stopped clock stands).
- Heat of ``reports`` is at the report's own place, of ``open`` and ``overdue`` at the job's. What
  stands on a point that very many reports share is not in cells; such points are shown apart with
  their number. What has no place is in figures only.

How they are kept. ``counted`` holds what each report and job is counted as. A fold looks at what
changed since the last one (``job.changed_xid`` and a snapshot, as tablets do; what the clock made
overdue; points newly found to be shared), takes off what it was counted as and adds what it is, in
one transaction: so a fold that is done twice or dies in the middle changes nothing, and intake pays
nothing. Every sum is a sparse vector under a key (``geo.heat.vectors``), for spans of 1, 7, 28 and
364 days and for ever (``geo.heat.spans``), so a range of days is a sum of few of them whatever the
years behind it.
"""
