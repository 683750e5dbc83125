"""Boundary files: read one, say what is wrong with it, store it as a vintage, compare two.

``reading`` turns a file into features in WGS84, ``checking`` finds and repairs what is wrong with
them, ``storing`` writes a vintage and moves its dates, ``comparing`` says what a new vintage would
change. Nothing is written before it was checked, and nothing is ever deleted.
"""
