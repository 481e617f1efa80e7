"""Which files may open connections: what `collector/SECURITY.md` says the collector talks to."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONNECT = {
    "ClientSession",
    "AsyncClient",
    "Client",
    "SMTP",
    "open_connection",
    "create_connection",
    "create_datagram_endpoint",
    "open_unix_connection",
    "urlopen",
}
ALLOWED = {
    "agent/carriers.py": "webhook and mail server of the host's file, while the line is lost",
    "agent/enrolling.py": "enrolment and rotation, at the collector that is named",
    "agent/notify.py": "the service manager of this host, by its own socket",
    "agent/uplink.py": "the collector: batches, and its configs",
    "alerts/calls.py": "receivers of the operator's file that keep tickets or show messages",
    "alerts/channels/email.py": "a mail server of the operator's file",
    "alerts/channels/webhook.py": "a receiver of the operator's file",
    "collector/access/oidc_http.py": "the OpenID provider of the operator's file",
    "collector/exchange.py": "commands, to the collector at --url",
    "collector/heartbeat_http.py": "the receiver of heartbeats in the operator's file",
    "collector/witness/client.py": "witnesses of the log in the operator's file",
    "collector/reports/tsa.py": "the time stamping authority of the operator's file",
    "probes/listening.py": "none: it takes connections, where the host's file lets it",
    "probes/sockets.py": "targets of checks",
}


def connecting(source: str) -> bool:
    """Does anything in it open a connection, or make a socket that could?"""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        plain = isinstance(owner, ast.Name) and owner.id == "socket" and name == "socket"
        if plain or name in CONNECT:
            return True
    return False


def test_only_these_files_open_connections() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in ("agent", "alerts", "collector", "probes")
        for path in (ROOT / folder).rglob("*.py")
        if "testing" not in path.parts and connecting(path.read_text("utf-8"))
    }
    assert found == set(ALLOWED)


def test_a_connection_would_be_seen() -> None:
    assert connecting("import httpx\nhttpx.AsyncClient()")
    assert connecting("import socket\nsocket.socket()")
    assert not connecting("import asyncio\nasyncio.start_server()")
