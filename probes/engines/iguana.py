"""Iguana by iNTERFACEWARE."""

from __future__ import annotations

from probes.engines.product import SIMULATED, Product
from probes.wire import engine_iguana

PRODUCT = Product(
    name="iguana",
    title="Iguana 5 and 6",
    basis=SIMULATED,
    paths=lambda _channel, _now_ms: ("status",),
    read=engine_iguana.read,
    states=engine_iguana.STATES,
    tells=frozenset({"state", "errored", "queued"}),
    channel="its name or its GUID",
    accept="application/xml",
    quirks=(
        "What came in and went out stands in no summary: `moving` cannot be judged, `rising` can.",
        "A channel that is on may have stopped reading: let a check that sends stand beside this one.",
    ),
    ask=("A user with permission to view the dashboard and nothing else.",),
)
