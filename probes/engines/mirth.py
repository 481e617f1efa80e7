"""Mirth Connect and its descendants."""

from __future__ import annotations

from probes.engines.product import Product
from probes.wire import engine_mirth

PRODUCT = Product(
    name="mirth",
    title="Mirth Connect 3 and 4, NextGen Connect, Open Integration Engine, BridgeLink",
    basis="From its published source; tried by hand against Open Integration Engine 4.5.2.",
    paths=lambda _channel, _now_ms: ("api/channels/statuses?includeUndeployed=true",),
    read=engine_mirth.read,
    states=engine_mirth.STATES,
    tells=frozenset({"state", "received", "sent", "errored", "filtered", "queued"}),
    channel="its id or its name",
    headers={"X-Requested-With": "wardwatch"},
    login="api/users/_login",
    destinations=True,
    quirks=(
        "Every request needs the header X-Requested-With, else 400.",
        "An acknowledgement of a channel that queues says nothing of its delivery: watch the queue.",
        "A channel that is STARTED may have a destination that is stopped: name the destination.",
        "Counters are reset by hand, and with some settings at each deployment.",
        "It does not tell how old a message in the queue is: what the counters prove is used.",
        "What its dashboard says of connections changes with each attempt: the queue tells more.",
        "The certificate it makes for itself names no host: no client can verify it (tls.hostname).",
        "Basic authentication is a sign-in, and an audit row, for each request: use a session.",
    ),
    ask=(
        "A certificate that names the host; its CA is `ca`.",
        "A user of its own with the permission to view the dashboard and nothing else.",
        "Whether that user is locked after refused sign-ins, and who unlocks it.",
        "The id of each channel: it stays when the channel is renamed.",
        "How deep a queue may be and how old a message, before people feel it.",
    ),
)
