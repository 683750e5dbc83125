"""Counts per cell of the map, kept under an opaque series, so that a tile reads what it shows.

Knows no report: a series is a number that stands for something of the caller's.
"""
