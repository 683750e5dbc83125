"""In which order a team goes to its jobs of the day: suggested by a solver, changed by the crew.

``model`` is pure, ``solving`` is a process of its own and alone knows OR-Tools, ``asking`` starts
it and waits, ``today`` are the verbs.
"""
