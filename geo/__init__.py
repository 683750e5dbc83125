"""Where things are: places, areas with dates, boundary files, PostGIS.

Knows no report, team or web page. Nothing here may import the other three packages.
"""
