"""What people tell us and what becomes of it: reports, jobs, updates, and the API over them.

"Reporting" is a resident reporting a defect, not statistics.
"""
