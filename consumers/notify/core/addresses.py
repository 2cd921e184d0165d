"""
Which addresses a message may be sent to.

Rules: addresses of the public internet only, unless the operator names a network. An IPv6 address is
judged by every IPv4 address that it carries (mapped, 6to4, Teredo, NAT64, compatible). A host that looks like a
number must be an address as it is usually written: forms as 2130706433, 0x7f.1 or 0177.0.0.1 are read
differently by different resolvers. No name and no number leads around this: what is checked is the address that
is connected to.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64: Final = (
    ipaddress.IPv6Network("64:ff9b::/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("::/96"),
)
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "fec0::/10")
)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that an operator allows. Raises ``ValueError``."""
    return tuple(ipaddress.ip_network(text.strip()) for text in texts)


def refusal(text: str, allowed: Sequence[Network] = ()) -> str | None:
    """Say why an address is not connected to; None: it may be."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return f"{text} is no address"
    if any(address in network for network in allowed):
        return None
    for one in (address, *carried(address)):
        if any(one in network for network in allowed):
            continue
        if not _public(one):
            return f"{text} is not of the public internet"
    return None


def _public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_PUBLIC)
    )


def carried(address: Address) -> tuple[Address, ...]:
    """Return the IPv4 addresses that an IPv6 address carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found: list[Address] = [
        one for one in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())) if one
    ]
    if any(address in network for network in _NAT64):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)


def odd_host(host: str) -> str | None:
    """Say why a host is not looked up; None: it may be."""
    bare = host.strip("[]").rstrip(".")
    if not bare or any(c.isspace() or c in "\\/@#?" for c in bare):
        return "the address names no host"
    last = bare.rpartition(".")[2].lower()
    numeric = last.isdigit() or last.startswith("0x") or ":" in bare
    if numeric:
        try:
            ipaddress.ip_address(bare.partition("%")[0])
        except ValueError:
            return f"{host} is a number, but not an address as it is usually written"
    return None


def bad_url(url: str) -> str | None:
    """Say what is wrong with the URL of a webhook; None: nothing that can be seen before it is looked up."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in {"https", "http"}:
        return "it must begin with https://"
    if parts.username is not None or parts.password is not None:
        return "user and password may not stand in it"
    return odd_host(host)
