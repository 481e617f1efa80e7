"""What the handlers work with, and how they read a request and write an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from collector.access.access import Access
from collector.access.credentials import RandomBytes
from collector.access.door import Door
from collector.attesting.attesting import Attesting
from collector.comparing import Comparing
from collector.evaluate import Evaluator
from collector.feeds import Feeds
from collector.inbound import Hearing
from collector.ingest import Ingest
from collector.keyring import KeyRing
from collector.metrics import CollectorMetrics
from collector.numbers import Numbers
from collector.pings import Taking
from collector.serving import Serving
from collector.store.outbox import Outbox
from collector.store.store import Store
from collector.tlog.beacon import Beacon
from collector.tlog.managing import Signing
from probes.clock import Clock
from probes.config import Config
from probes.times import rfc3339

if TYPE_CHECKING:
    from collector.access.oidc import OpenId


@dataclass(frozen=True, slots=True)
class Parts:
    """One collector's parts."""

    store: Store
    clock: Clock
    org: str
    keys: KeyRing
    ingest: Ingest
    evaluator: Evaluator
    feeds: Feeds
    numbers: Numbers
    outbox: Outbox
    pings: Taking
    hearing: Hearing
    attesting: Attesting
    metrics: CollectorMetrics
    access: Access
    door: Door
    openid: OpenId | None
    """Login with the organization's provider, where the config names one."""
    file: str
    """The operator's file, as the command was given it."""
    random_bytes: RandomBytes
    beacon: Beacon
    """What agents are told of the evidence log."""
    serving: Serving | None = None
    """What agents are served; None where no key signs it."""
    signing: Signing | None = None
    """Who signs the logs; None where this process was not told where it keeps what it signed."""
    comparing: dict[str, Comparing] = field(default_factory=dict)
    """Receivers whose tickets can be compared with ours, by channel; none before they are opened."""
    config_fingerprint: str | None = None
    """Of the key that signs what agents are served: agents hear of it with their token."""

    def now(self) -> int:
        """The instant of what is done now: never before what was evaluated already."""
        return max(self.clock.now_ms(), self.evaluator.now)

    @property
    def config(self) -> Config:
        return self.evaluator.config


PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)


def stamp(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return rfc3339(at_ms)


def instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
