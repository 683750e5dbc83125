"""Measurements: each prints its figures beside floors that run in the same run.

A figure here is a ratio or CPU time, never an assertion: the tests assert, the benches measure.
"""
