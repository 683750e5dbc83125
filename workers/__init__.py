"""What happens after a report or an update is stored: pushes, photo derivatives, sweeps.

arq and Firebase messaging are spoken here and nowhere else.
"""
