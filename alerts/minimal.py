"""The minimal form of an event, for when a text in it looks like a patient's. Pure.

Same shape, so every receiver files it as before: each name is replaced by its id, what is
neither an id, an enumeration, a number, a time nor our own link is left out, and `minimal` says
which patterns it had. The message itself is never withheld (semantics 7).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from alerts.outbox import Message
from probes.tripwire import Pattern, texts_in, tripped

ENVELOPE = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype")
PLAIN = (
    "key",
    "sequence",
    "step",
    "state",
    "family",
    "causes",
    "category",
    "category_why",
    "priority",
    "started_at",
    "detected_at",
    "recovered_at",
    "deadline",
    "due",
    "rung",
    "attached_count",
    "roles",
    "window",
    "start",
    "end",
    "count",
    "impact",
    "users",
    "attached_to",
    "reopened",
    "flapping",
    "receiver",
    "link",
    "attestation",
    "period",
    "revision",
    "sha256",
    "length",
)
"""Ids, enumerations, numbers, times and the link."""
_WORD = re.compile(r"[A-Za-z0-9_.:/+-]{1,300}")


def minimal(event: Mapping[str, Any], patterns: Sequence[Pattern]) -> dict[str, Any]:
    """Of an event as `alerts/render.py` makes it. Ids stay whatever they look like: without them
    it would tell nothing.
    """
    data = event["data"]
    known = {*data.get("minimal", ()), *patterns}
    made = {name: _plain(v) if name in PLAIN else _known(v) for name, v in data.items()}
    return {
        **{name: _word(event.get(name)) for name in ENVELOPE},
        "data": {
            **{name: value for name, value in made.items() if _plain(name)},
            **{name: _word(data[name]) for name in ("key",) if name in data},
            "minimal": [pattern.value for pattern in Pattern if pattern in known],
        },
    }


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _plain(value: Any) -> Any:
    """Numbers, harmless words without blanks, and what is made of them; the rest is left out. What
    has an id is called by it.
    """
    if isinstance(value, dict):
        made = {name: _plain(one) for name, one in value.items() if _plain(name)}
        word = _word(value.get("id"))
        return made if word is None else made | dict.fromkeys({"id", "name"} & made.keys(), word)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        word = _word(value)
        return None if word is None or tripped(word) else word
    return value


def _known(value: Any) -> Any:
    """What has an id is called by it; nothing remains of the rest but its shape."""
    if isinstance(value, list):
        return [one for one in map(_known, value) if one is not None]
    name = _word(value.get("id")) if isinstance(value, dict) else None
    return None if name is None else {**_plain(value), "id": name, "name": name}


def encoded(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode()


def harmless(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event, or its minimal form when a text in it trips the wire."""
    found = tripped(*texts_in(event))
    return minimal(event, found) if found else event


def checked(message: Message) -> tuple[Message, tuple[Pattern, ...]]:
    """The message as it may leave, and what was found in it; its own ids are all that a body
    which is no event leaves.
    """
    event = _event(message.body)
    found = tripped(*texts_in(event)) if event else tripped(message.body.decode(errors="replace"))
    if not found:
        return message, ()
    return replace(message, body=encoded(minimal(event or _bare(message), found))), found


def shortened(message: Message) -> tuple[Pattern, ...]:
    """The patterns for which a message was written in minimal form."""
    event = _event(message.body)
    return tuple(Pattern(one) for one in event["data"].get("minimal", ())) if event else ()


def _event(body: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(body)
    except ValueError:
        return None
    is_event = isinstance(event, dict) and isinstance(event.get("data"), dict)
    return event if is_event else None


def _bare(message: Message) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": message.id,
        "source": f"urn:wardwatch:{message.org}",
        "type": "org.wardwatch.incident.updated.v1",
        "subject": message.incident_key,
        "datacontenttype": "application/json",
        "data": {
            "key": f"{message.org}.{message.incident_key}.{message.receiver}",
            "sequence": message.seq,
        },
    }
