"""What kinds of areas and authorities there are, and the lock that their changes take."""

TIERS = ("unitary", "county", "district", "national")
KINDS = ("ward", "division", "authority", "zone")


#: Advisory lock: shared by whoever routes a report, exclusive while a new vintage re-routes jobs.
LOCK_ROUTING = 0x6B62_0001
