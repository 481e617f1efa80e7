"""InterSystems IRIS, Health Connect, HealthShare."""

from __future__ import annotations

from probes.engines.product import SIMULATED, Product
from probes.wire import engine_iris

PRODUCT = Product(
    name="iris",
    title="InterSystems IRIS for Health, Health Connect, HealthShare 2020 and later",
    basis=SIMULATED,
    paths=lambda _channel, _now_ms: ("api/monitor/metrics",),
    read=engine_iris.read,
    states=engine_iris.STATES,
    tells=frozenset({"state", "queued", "idle_s", "connected"}),
    channel="the name of a business host, or of a production for its whole queue",
    accept="text/plain",
    quirks=(
        "Metrics of productions are off until EnableSAMForNamespace is called in their namespace.",
        "Its queue is told for a host in some releases and for the production alone in others.",
        "A host that is disabled may still be told as OK: judge `moving` too.",
        "Inactive is a host without messages for longer than its own setting: started, and quiet.",
        "A production that is stopped is told of in no line: `engine.no_channel`.",
    ),
    ask=(
        "Metrics of the production switched on, with host labels.",
        "The address of /api/monitor, and whether it wants a user.",
    ),
)
