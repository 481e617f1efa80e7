"""The audit trail as JSON lines, in our own shape. Pure."""

from __future__ import annotations

import hashlib
import json

from collector.audit.flat import told
from collector.journal import Row
from probes.times import rfc3339


def line(row: Row, _org: str) -> bytes:
    """Canonical JSON (RFC 8785) with its end. `data` are the row's bytes as they stand, so that
    SHA-256 of it in canonical form is `sha256`; of a config it is null.
    """
    before: dict[str, object] = {"actor": row.actor, "at": rfc3339(row.at)}
    after: dict[str, object] = {
        "id": row.id,
        "kind": row.kind,
        "length": len(row.data),
        "recorded_at": rfc3339(row.recorded_at),
        "sha256": hashlib.sha256(row.data).hexdigest(),
    }
    data = told(row)
    return b"%s,%s,%s\n" % (
        _json(before)[:-1],
        b'"data":' + (b"null" if data is None else data),
        _json(after)[1:],
    )


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
