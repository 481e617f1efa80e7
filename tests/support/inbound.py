"""Webhooks as receivers send them: bodies of each product, signed as each signs. Simulated.

Signatures are made here by a plain HMAC, apart from the code that verifies them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

SECRET = b"5c1d0c7e-wardwatch"
STANDARD = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TEAMS = base64.b64encode(bytes(range(32)))
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Sent:
    headers: dict[str, str]
    body: bytes


def mac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def pagerduty(body: bytes, at: int, key: bytes = SECRET) -> Sent:
    return Sent({**JSON, "x-pagerduty-signature": "v1=" + mac(key, body).hex()}, body)


def jira(body: bytes, at: int, key: bytes = SECRET) -> Sent:
    return Sent({**JSON, "x-hub-signature": "sha256=" + mac(key, body).hex()}, body)


def zendesk(body: bytes, at: int, key: bytes = SECRET) -> Sent:
    stamp = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = base64.b64encode(mac(key, stamp.encode() + body)).decode()
    names = ("x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp")
    return Sent({**JSON, **dict(zip(names, (made, stamp), strict=True))}, body)


def slack(body: bytes, at: int, key: bytes = SECRET) -> Sent:
    stamp = str(at // 1000)
    made = "v0=" + mac(key, f"v0:{stamp}:".encode() + body).hex()
    return Sent({"x-slack-request-timestamp": stamp, "x-slack-signature": made}, body)


def teams(body: bytes, at: int, key: bytes = TEAMS) -> Sent:
    made = base64.b64encode(mac(base64.b64decode(key), body)).decode()
    return Sent({**JSON, "authorization": f"HMAC {made}"}, body)


def bearer(body: bytes, at: int, key: bytes = SECRET) -> Sent:
    return Sent({**JSON, "authorization": f"Bearer {key.decode()}"}, body)


def standard(body: bytes, at: int, key: bytes = STANDARD, id_: str = "msg_1") -> Sent:
    stamp, raw = str(at // 1000), base64.b64decode(key.removeprefix(b"whsec_"))
    made = base64.b64encode(mac(raw, f"{id_}.{stamp}.".encode() + body)).decode()
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return Sent({**JSON, **dict(zip(names, (id_, stamp, f"v1,{made}"), strict=True))}, body)


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def plain_body(key: str, told: str, text: str = "", id_: str = "7:1") -> bytes:
    return encoded({"key": key, "event": told, "id": id_, "text": text})


def pagerduty_body(key: str, told: str, text: str = "", id_: str = "01ABC") -> bytes:
    """As PagerDuty documents v3 webhooks; a note names no key of ours."""
    data: dict[str, Any] = {"type": "incident", "incident_key": key, "title": "P1 down"}
    if text:
        data["content"] = text
    agent = {"id": "PXPGF42", "type": "user_reference", "summary": "Earline Greenholt"}
    event = {"id": id_, "event_type": f"incident.{told}", "occurred_at": "2026-01-01T00:00:30Z"}
    return encoded({"event": {**event, "agent": agent, "client": None, "data": data}})


def jira_body(key: str, told: str, text: str = "", id_: str = "1") -> bytes:
    category = {"acknowledged": "indeterminate", "resolved": "done"}.get(told, "new")
    fields = {
        "labels": ["wardwatch", key],
        "status": {"name": "In Progress", "statusCategory": {"id": 4, "key": category}},
        "reporter": {"displayName": "Earline Greenholt", "emailAddress": "eg@example.org"},
    }
    moved = {"field": "status", "from": "1", "to": "3", "toString": "In Progress"}
    comment = {"comment": {"body": text}} if text else {}
    return encoded(
        {
            "timestamp": 1767225630000 + int(id_),
            "webhookEvent": "jira:issue_updated",
            "user": {"displayName": "Earline Greenholt"},
            "issue": {"key": "INC-1", "fields": fields},
            "changelog": {"items": [moved]},
            **comment,
        }
    )


def jsm_body(key: str, told: str, text: str = "", id_: str = "1") -> bytes:
    action = {"acknowledged": "Acknowledge", "resolved": "Close"}.get(told, "AddNote")
    alert = {"alertId": "0526-15", "alias": key, "updatedAt": int(id_), "username": "eg"}
    more = {"note": text} if text else {}
    return encoded({"action": action, "alert": {**alert, **more}, "source": {"type": "web"}})


def slack_body(key: str, told: str, text: str = "", id_: str = "1") -> bytes:
    word = {"acknowledged": "acknowledge", "resolved": "resolve"}.get(told, told)
    form = {"command": "/wardwatch", "text": f"{word} {key} {text}", "user_name": "earline"}
    return urlencode({**form, "trigger_id": id_}).encode()


def teams_body(key: str, told: str, text: str = "", id_: str = "1") -> bytes:
    word = {"acknowledged": "acknowledge", "resolved": "resolve"}.get(told, told)
    said = f"<at>Wardwatch</at>&nbsp;{word} {key} {text}\n"
    return encoded({"type": "message", "id": id_, "text": said, "from": {"name": "Earline"}})


@dataclass(frozen=True)
class Product:
    body: Callable[..., bytes]
    sign: Callable[..., Sent]
    secret: bytes = SECRET


PRODUCTS = {
    "freshdesk": Product(plain_body, bearer),
    "freshservice": Product(plain_body, bearer),
    "jira": Product(jira_body, jira),
    "jsm": Product(jsm_body, bearer),
    "pagerduty": Product(pagerduty_body, pagerduty),
    "salesforce": Product(plain_body, bearer),
    "servicenow": Product(plain_body, bearer),
    "servicenow_em": Product(plain_body, bearer),
    "slack": Product(slack_body, slack),
    "teams": Product(teams_body, teams, TEAMS),
    "webhook": Product(plain_body, standard, STANDARD),
    "zendesk": Product(plain_body, zendesk),
}
"""By kind of channel."""
