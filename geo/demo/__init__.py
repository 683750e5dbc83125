"""The shapes of the made-up county that an empty machine starts with. Pure, and always the same.

Merrowshire lies in the North Sea, where nobody can take it for a real place: a county of two
districts, with a market town inland, a port, a coast with bays, an island, a trunk road through
both districts, schools and a park. Its wards are grown from small cells whose edges are drawn once
and shared, so that they meet vertex on vertex, without gap or overlap, as the best real files do.

``county()`` gives authorities and sets of areas, ready to be loaded like any boundary file, and the
towns, around which most of its people live.
"""

from geo.demo.county import AreaSet, DemoAuthority, DemoCounty, Town, county, scatter

__all__ = ["AreaSet", "DemoAuthority", "DemoCounty", "Town", "county", "scatter"]
