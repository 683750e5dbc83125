"""The roles of staff accounts. What each may do is the table in ``auth``."""

ROLES = ("crew", "supervisor", "admin", "auditor")
