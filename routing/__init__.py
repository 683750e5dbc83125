"""Whose job it is: the rules that turn a place and a category into a team.

"Routing" is never the routing of web addresses here. Decides, and stores only its own rules.
"""
