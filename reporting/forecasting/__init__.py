"""What is expected to come next month, by category and ward, and how such forecasts turned out.

``models`` forecasts and back-tests, in a process of its own; ``gathering`` asks the database for
the months, ``reading`` is what the API and the pages show. Where history is too short or too
sparse there is no number but a reason: ``REFUSALS``.
"""

from typing import Final

#: Why a month is not forecast, in the words of its readers.
REFUSALS: Final = {
    "too_short": "less than six whole months of history",
    "too_few": "too few reports to tell a trend from chance",
    "stopped": "nothing came in during the last three months",
}
