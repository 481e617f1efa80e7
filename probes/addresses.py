"""Web addresses and networks as the operator's file and a provider's document write them."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PRINTABLE = re.compile(r"[!-~]+")


def web_address(text: str) -> SplitResult:
    """The parts of an address that is https, or http where the host is this one; ValueError else.

    Plain http to another host shows tokens to everybody on the way.
    """
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("write an address without blanks, such as https://host.example.org")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("not an address; write https://host.example.org") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise ValueError("write an address that starts with https:// and names a host")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("write https; http is for this host alone (127.0.0.1, ::1, localhost)")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address holds no user and no password")
    return parts


def is_loopback(host: str) -> bool:
    """Is it this host: by the one name that always means it, or by its address, in brackets and as
    IPv4 written in IPv6 too?
    """
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address.is_loopback if mapped is None else mapped.is_loopback


def origin(text: str) -> str:
    """An address of scheme, host and port alone; the slash a browser would add goes."""
    parts = web_address(text)
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError("write scheme, host and port only, without a path")
    return text.removesuffix("/")


def issuer(text: str) -> str:
    """An issuer as the provider writes it, to the letter: a slash at its end is part of it."""
    web_address(text)
    if "?" in text or "#" in text:
        raise ValueError("an issuer has no ? and no #")
    return text


def network(text: str) -> str:
    """One address, or a network by its first address and length."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("write an address or a network, such as 10.0.0.0/24") from None
    return text


def place(text: str) -> tuple[Address, int]:
    """ADDRESS:PORT apart; an IPv6 address stands in brackets."""
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    address: Address | None
    try:
        address = ipaddress.ip_address(bare)
        number = int(port) if re.fullmatch(r"[0-9]{1,5}", port) else 0
    except ValueError:
        address, number = None, 0
    if address is None or not 0 < number <= 65_535 or (address.version == 6) != (bare != host):
        raise ValueError("write ADDRESS:PORT, such as 10.20.0.5:6661, 0.0.0.0:6661 or [::]:6661")
    return address, number
