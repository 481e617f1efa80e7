"""What a row of the journal is, before it is recorded and after: values, and their bytes. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONFIG = "config.version"
AWAY = "evidence.away"
SYSTEM = "system"
"""The actor of what no person did."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened at `at` (UTC ms); `data` holds text, integers, lists and maps."""

    kind: str
    at: int
    data: bytes
    actor: str = SYSTEM


@dataclass(frozen=True, slots=True)
class Row:
    """A fact as recorded."""

    id: int
    kind: str
    at: int
    recorded_at: int
    actor: str
    data: bytes


def canonical(data: Mapping[str, Any]) -> bytes:
    """The only bytes these values have: RFC 8785 for ASCII keys, text, integers, no floats."""
    return json.dumps(
        data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    ).encode()
