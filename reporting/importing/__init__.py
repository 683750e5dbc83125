"""Taking over the past: the reports that a council's system before Kerbline knew.

A map (``mapping``) says what the columns of a dump mean. Rows are read (``clocks``, ``reading``),
placed as they would have been on their own day (``placing``), made into reports, jobs and chained
updates (``building``) and stored by COPY, each batch in one transaction (``storing``,
``running``). Each row comes in once, whatever is run again; nobody is told anything.
"""
