"""May a check reach this address from this host? Pure: the host's own list decides, nobody else.

Some ranges are denied however wide an entry is, unless an entry lies inside the range: loopback,
link-local, cloud metadata and the like. IPv6 can carry an IPv4 address inside (NAT64, 6to4 and
others); such an address is judged by what it carries, too. Python's `is_global` is not used: it is
true for 64:ff9b::a9fe:a9fe, which is the metadata service behind a NAT64.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from probes.contract import Scheme

Address = IPv4Address | IPv6Address
Net = IPv4Network | IPv6Network


class Refusal(StrEnum):
    """Why not."""

    NOT_LISTED = "not_listed"
    UNSPECIFIED = "unspecified"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    METADATA = "metadata"
    MULTICAST = "multicast"
    RESERVED = "reserved"
    LOCAL_NAT64 = "local_nat64"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the host's list; None: every port, every scheme."""

    network: Net
    ports: frozenset[int] | None = None
    schemes: frozenset[Scheme] | None = None

    def covers(self, address: Address, port: int, scheme: Scheme) -> bool:
        return (
            address in self.network
            and (self.ports is None or port in self.ports)
            and (self.schemes is None or scheme in self.schemes)
        )


_DENIED: tuple[tuple[Refusal, tuple[str, ...]], ...] = (
    (
        Refusal.METADATA,
        (
            "169.254.169.254/32",
            "169.254.170.2/32",
            "169.254.170.23/32",
            "100.100.100.200/32",
            "168.63.129.16/32",
            "192.0.0.192/32",
            "fd00:ec2::254/128",
            "fd00:ec2::23/128",
            "fd20:ce::254/128",
            "fd00:c1::a9fe:a9fe/128",
            "fd00:42::42/128",
        ),
    ),
    (Refusal.UNSPECIFIED, ("0.0.0.0/8", "::/128")),
    (Refusal.LOOPBACK, ("127.0.0.0/8", "::1/128")),
    (Refusal.LINK_LOCAL, ("169.254.0.0/16", "fe80::/10")),
    (Refusal.MULTICAST, ("224.0.0.0/4", "ff00::/8")),
    (Refusal.RESERVED, ("240.0.0.0/4",)),
    (Refusal.LOCAL_NAT64, ("64:ff9b:1::/48",)),
)
DENIED: tuple[tuple[Refusal, Net], ...] = tuple(
    (why, ipaddress.ip_network(text)) for why, texts in _DENIED for text in texts
)
"""The narrow ones first, so that the metadata service is called by its name."""

_MAPPED = IPv6Network("::ffff:0:0/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_TEREDO = IPv6Network("2001::/32")


def _low(address: IPv6Address) -> int:
    return int(address) & 0xFFFF_FFFF


def _rfc6052(length: int) -> Callable[[IPv6Address], int]:
    """IPv4 behind a prefix of `length` bits; bits 64 to 71 are left out (RFC 6052 2.2)."""

    def carried(address: IPv6Address) -> int:
        number = int(address)
        bits = (number >> 64) << 56 | number & ((1 << 56) - 1)
        return bits >> (120 - length - 32) & 0xFFFF_FFFF

    return carried


_CARRIED: tuple[tuple[IPv6Network, Callable[[IPv6Address], int]], ...] = (
    (IPv6Network("::/96"), _low),  # IPv4-compatible
    (IPv6Network("::ffff:0:0:0/96"), _low),  # IPv4-translated, RFC 2765
    (IPv6Network("64:ff9b::/96"), _low),  # NAT64, RFC 6052
    (_LOCAL_NAT64, _low),  # NAT64 of the local network, RFC 8215: at any of these places
    (_LOCAL_NAT64, _rfc6052(48)),
    (_LOCAL_NAT64, _rfc6052(56)),
    (_LOCAL_NAT64, _rfc6052(64)),
    (IPv6Network("2002::/16"), lambda address: int(address) >> 80 & 0xFFFF_FFFF),  # 6to4
    (_TEREDO, lambda address: int(address) >> 64 & 0xFFFF_FFFF),  # its server
    (_TEREDO, lambda address: _low(address) ^ 0xFFFF_FFFF),  # its client
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
_NOTHING = IPv4Network("0.0.0.0/8")
"""Read at the wrong place, zeros come out; nobody is there."""


def entry(
    network: str, ports: Iterable[int] | None = None, schemes: Iterable[Scheme] | None = None
) -> Entry:
    """ValueError when it is no network. IPv4 written in IPv6 is the IPv4 network itself."""
    found = ipaddress.ip_network(network)
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        found = IPv4Network((_low(found.network_address), found.prefixlen - 96))
    return Entry(
        found,
        None if ports is None else frozenset(ports),
        None if schemes is None else frozenset(schemes),
    )


def refusal(
    entries: Iterable[Entry] | None, address: Address, port: int, scheme: Scheme
) -> Refusal | None:
    """Why the host forbids it; None: it may. `entries` None: everything but what is denied."""
    address = _plain(address)
    listed = () if entries is None else tuple(entries)
    covering = [one for one in listed if one.covers(address, port, scheme)]
    for read in _readings(address):
        place = read(address)
        if place is None:
            continue
        for why, denied in DENIED:
            if place in denied and not any(_inside(one, read, denied) for one in covering):
                return why
    return Refusal.NOT_LISTED if entries is not None and not covering else None


def _plain(address: Address) -> Address:
    """Without a zone; IPv4 written in IPv6 is IPv4, as it is to the kernel."""
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Address(int(address))


Reading = Callable[[Address], Address | None]


def _readings(address: Address) -> list[Reading]:
    """What an address may mean: itself, and what it carries in each form it has."""
    found: list[Reading] = [lambda it: it]
    if isinstance(address, IPv6Address):
        found += [_carrying(carried) for within, carried in _CARRIED if address in within]
        if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
            found.append(_carrying(_low))
    return found


def _carrying(carried: Callable[[IPv6Address], int]) -> Reading:
    def read(address: Address) -> Address | None:
        if not isinstance(address, IPv6Address):
            return None
        inside = IPv4Address(carried(address))
        return None if inside in _NOTHING else inside

    return read


def _inside(one: Entry, read: Reading, denied: Net) -> bool:
    """Does all of the entry lie in the range, read as the address was? Its ends do, then."""
    ends = read(one.network[0]), read(one.network[-1])
    return all(end is not None and end in denied for end in ends)


def allow(entries: Iterable[Entry] | None) -> Callable[[Address, int, Scheme], bool]:
    """The question `probes.net` asks before each connection."""
    listed = None if entries is None else tuple(entries)

    @lru_cache(maxsize=16_384)
    def allowed(address: Address, port: int, scheme: Scheme) -> bool:
        return refusal(listed, address, port, scheme) is None

    return allowed


def may_listen(places: Iterable[tuple[Address, int]]) -> Callable[[Address, int], bool]:
    """The question asked before a check listens. A place of every address covers each of them."""
    listed = frozenset(places)

    def allowed(address: Address, port: int) -> bool:
        every = IPv4Address(0) if address.version == 4 else IPv6Address(0)
        return (address, port) in listed or (every, port) in listed

    return allowed


def parse_entry(text: str) -> Entry:
    """`NETWORK[:PORT[:SCHEME]]`, IPv6 in brackets when a port follows; ValueError says what to write."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", text)
    if bracketed is not None:
        network, rest = bracketed[1], bracketed[2]
    elif "::" in text or text.count(":") > 2:
        network, rest = text, None
    else:
        network, colon, after = text.partition(":")
        rest = after if colon else None
    try:
        return entry(network, *_port_and_scheme(rest))
    except ValueError:
        raise ValueError(
            "write NETWORK[:PORT[:SCHEME]], such as 10.0.0.0/8, 10.1.2.3:443:https or "
            f"[fd00::/8]:443; schemes are {', '.join(Scheme)}"
        ) from None


def _port_and_scheme(rest: str | None) -> tuple[list[int] | None, list[Scheme] | None]:
    if rest is None:
        return None, None
    port, colon, scheme = rest.partition(":")
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65_535:
        raise ValueError("no port")
    return [int(port)], [Scheme(scheme)] if colon else None
