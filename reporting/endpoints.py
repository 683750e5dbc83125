"""Addresses that strangers give us and that we then call: the public internet and nothing else.

A browser names the server that its push messages go to, and could name one of ours. What an
address says of itself is looked at when it is given; where a name leads is looked at each time it
is called, by whoever connects, and the connection goes to the very address that was looked at.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from reporting.errors import EndpointRefused

#: Longer ones are no push service's.
LENGTH: Final = 2000
HTTPS: Final = 443
#: IPv4 inside IPv6, for networks that have only the latter.
_NAT64: Final = IPv6Network("64:ff9b::/96")
#: Names that lead nowhere outside a house.
_PRIVATE: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".onion")


def check(url: str, *, trial: bool = False) -> None:
    """Raise EndpointRefused unless it may be an address on the public internet, over https.

    A trial may also call its own machine, over http and at any port.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or HTTPS
    except ValueError as error:
        raise EndpointRefused from error
    number = _number(host.rstrip("."))
    if len(url) > LENGTH or not url.isascii() or not url.isprintable() or " " in url:
        raise EndpointRefused
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise EndpointRefused
    if trial and number is not None and number.is_loopback and parts.scheme in {"http", "https"}:
        return
    if parts.scheme != "https" or port != HTTPS:
        raise EndpointRefused
    if number is None and ("." not in host.strip(".") or host.rstrip(".").endswith(_PRIVATE)):
        raise EndpointRefused
    if number is not None and not is_public(number):
        raise EndpointRefused


def is_public(found: IPv4Address | IPv6Address) -> bool:
    """Whether it is an address of the public internet, whichever way it is written."""
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if found.teredo is not None or found.is_site_local:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _number(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, also in the forms that only computers write: ``127.1``."""
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return ip_address(str(found[0][4][0]).partition("%")[0])
