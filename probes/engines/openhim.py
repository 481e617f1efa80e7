"""OpenHIM."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from probes import times
from probes.engines.product import Product
from probes.wire import engine_openhim

_DAY_MS = 86_400_000


def _paths(_channel: str, now_ms: int) -> Sequence[str]:
    """What it counts are hours: from the first of this day on they only grow."""
    start_ms = now_ms - now_ms % _DAY_MS
    span = {"startDate": times.rfc3339(start_ms), "endDate": times.rfc3339(start_ms + _DAY_MS)}
    return "channels", f"metrics/channels?{urlencode(span)}"


PRODUCT = Product(
    name="openhim",
    title="OpenHIM 7 and 8",
    basis="From its published source; tried against our own simulator only.",
    paths=_paths,
    read=engine_openhim.read,
    states=engine_openhim.STATES,
    tells=frozenset({"state", "received", "sent", "errored"}),
    channel="its id or its name",
    quirks=(
        "Two requests a run: the channels, and what they handled since midnight UTC.",
        "At midnight UTC its numbers begin anew: a reset like any other.",
        "It has no queue of its own: the sender waits for the answer.",
        "A channel nobody used today has no numbers; they are taken as zero.",
    ),
    ask=(
        "A user with permission to view the channels that are watched, and basic authentication on.",
        "The id of each channel.",
    ),
)
