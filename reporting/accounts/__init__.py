"""The accounts of a council's own people: making, changing and ending them, by whom they may be.

Whatever is done to an account stands in its journal, which nobody can change.
"""
