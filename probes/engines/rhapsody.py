"""Rhapsody."""

from __future__ import annotations

from urllib.parse import quote

from probes.engines.product import SIMULATED, Product
from probes.wire import engine_rhapsody

PRODUCT = Product(
    name="rhapsody",
    title="Rhapsody 6 and 7",
    basis=SIMULATED,
    paths=lambda channel, _now_ms: (f"api/commpoint/{quote(channel, safe='')}",),
    read=engine_rhapsody.read,
    states=engine_rhapsody.STATES,
    tells=frozenset({"state", "received", "sent", "errored", "queued", "idle_s", "connected"}),
    channel="the id or UUID of a communication point",
    whole=False,
    quirks=(
        "One request tells of one communication point: many checks are many requests.",
        "RETRYING is started and not connected.",
        "It refuses callers that ask too often: an interval of a minute is plenty.",
    ),
    ask=(
        "A user with the right to view communication points by the REST API.",
        "The UUID of each communication point: it stays.",
        "The port of the REST API, 8444 by habit, and its certificate.",
    ),
)
