"""How the collector is reached: its address, its cookie, whom its proxies ask for."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from probes.addresses import is_loopback

SECURE_COOKIE, PLAIN_COOKIE = "__Host-wardwatch", "wardwatch"
"""The first is refused by browsers unless it came over TLS and for this host alone."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Door:
    """How this collector is reached. `public` is the address people use, if it is not the one the
    collector listens on; `proxies` are believed about whom they ask for.
    """

    public: URL | None = None
    proxies: Sequence[Network] = ()
    tls: bool = False

    @staticmethod
    def networks(*written: str) -> tuple[Network, ...]:
        """ValueError for what is no network."""
        return tuple(map(ipaddress.ip_network, written))

    @property
    def secure(self) -> bool:
        """Do browsers reach it over TLS?"""
        return self.tls if self.public is None else self.public.scheme == "https"

    @property
    def cookie(self) -> str:
        return SECURE_COOKIE if self.secure else PLAIN_COOKIE

    def origin(self, request: web.Request) -> str:
        """`https://wardwatch.example.org`, as a browser writes it in Origin."""
        if self.public is not None:
            return str(self.public.origin())
        return f"{'https' if self.tls else 'http'}://{request.host}"

    def peer(self, request: web.Request) -> str:
        """The address that asks: the nearest one that is no proxy of ours."""
        seen = request.remote or ""
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
        for hop in reversed([hop.strip() for hop in forwarded.split(",") if hop.strip()]):
            if not self._believed(seen):
                break
            seen = hop
        return _address(seen)

    def neighbourhood(self, request: web.Request) -> str:
        """Whom limits count as one: an address, of IPv6 the /64 that one subscriber has whole."""
        peer = self.peer(request)
        if ":" not in peer:
            return peer
        return str(ipaddress.IPv6Network(f"{peer}/64", strict=False))

    def link_origin(self, request: web.Request) -> str | None:
        """Where a link leads that is handed on. None where only a Host header says so, which
        whoever asks chooses.
        """
        name = request.url.host or ""
        return self.origin(request) if self.public is not None or is_loopback(name) else None

    def _believed(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)


def _address(text: str) -> str:
    """As it may stand in a log: an address, or that it was none. A scope may be any text."""
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return "unknown"
