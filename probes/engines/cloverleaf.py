"""Cloverleaf, by statistics that a job of the site exports."""

from __future__ import annotations

from probes.engines.product import SIMULATED, Product
from probes.wire import engine_cloverleaf

PRODUCT = Product(
    name="cloverleaf",
    title="Cloverleaf, by an exported table",
    basis=SIMULATED,
    paths=lambda _channel, _now_ms: ("",),
    read=engine_cloverleaf.read,
    states=engine_cloverleaf.STATES,
    tells=frozenset(
        {
            "state",
            "received",
            "sent",
            "errored",
            "queued",
            "oldest_s",
            "idle_s",
            "connected",
            "at_s",
        }
    ),
    channel="the name of a thread",
    accept="text/csv",
    quirks=(
        "It has no interface for this: a job writes its statistics as CSV, a web server serves it.",
        f"Columns: {', '.join(engine_cloverleaf.COLUMNS)}; `at` is seconds since 1970.",
        "`thread` and `at` are needed. A table whose `at` is older than `max_age`, or as far ahead, says nothing of now: `engine.stale`.",
        "A thread that is `opening` is started and not connected.",
    ),
    ask=("A job that writes the table every minute, with `at`, under another name first.",),
)
