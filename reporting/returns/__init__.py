"""What a council owes others of its jobs: the quarterly fly-tipping return (WasteDataFlow).

How answers become the return's bands is data (``fly_tipping.json``). What nobody told us, and what
Kerbline does not keep, is said with its number, and put into no band.
"""

from reporting.returns.making import fly_tipping
from reporting.returns.quarters import Quarter

__all__ = ["Quarter", "fly_tipping"]
