"""Where it is getting worse: places where more comes in than is usual, spots fixed again and again.

``finding`` is the statistic and runs in a process of its own, because what it imports is heavy;
``gathering`` asks the database what it needs, ``reading`` is what the API and the pages show.
"""
