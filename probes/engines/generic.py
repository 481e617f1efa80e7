"""Any engine that shows its numbers over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from probes.engines.product import SIMULATED, Product
from probes.wire.engine import SIGNS, Channels, EngineError


def _read(_bodies: Sequence[bytes]) -> Channels:
    """What it answers has the form the check says: `engine_generic` reads it."""
    raise EngineError


PRODUCT = Product(
    name="generic",
    title="Any engine that shows numbers as JSON, XML or text",
    basis=SIMULATED,
    paths=lambda _channel, _now_ms: ("",),
    read=_read,
    states={},
    tells=frozenset(SIGNS),
    channel="nothing: `read` says where its numbers stand",
    accept="*/*",
    whole=False,
    quirks=(
        "JSON by pointer, XML by path, text by the words before a number; whole numbers from 0 on.",
        "No regular expressions: one of a file could hold up the agent.",
    ),
    ask=("An address that shows numbers and words of state, and no message.",),
)
