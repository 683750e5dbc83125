"""Who is counted as one where addresses are counted: a household, an office, a carrier."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address


@lru_cache(maxsize=10_000)
def household(address: str) -> str:
    """The address, without the last half of IPv6, which one household may change at will.

    An IPv4 address that comes in the form of the other is itself: all of them share one /64.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped
        return found.exploded[:19] if inner is None else str(inner)
    return str(found)
