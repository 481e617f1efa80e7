"""Leases of what serves one client at a time: the runs of an agent's checks wait for each other."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Leases:
    """Of one agent; handed out in the order in which they are asked for."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: str) -> asyncio.Lock:
        """The same one for the same key, for as long as somebody has it."""
        lease = self._known.get(key)
        if lease is None:
            lease = self._known[key] = asyncio.Lock()
        return lease
