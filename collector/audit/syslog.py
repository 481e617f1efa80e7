"""The audit trail as lines of syslog, RFC 5424. Pure.

Everything stands in structured data; the message is a sentence of ours in ASCII, so that no byte
order mark is called for (RFC 5424 6.4), and a value may be any text in UTF-8 (6.3.3).
"""

from __future__ import annotations

import hashlib
import re

from collector.audit.flat import pairs, text
from collector.audit.kinds import KINDS
from collector.journal import Row
from probes.times import rfc3339

FACILITY = 13
"""`log audit` (RFC 5424 table 1): what a SIEM files as an audit trail."""
NOTICE, WARNING = 5, 4
"""Severities (table 2): what was done is normal and significant; what failed is a warning."""
ENTERPRISE = 32473
"""The number for examples (RFC 5612): the project has none of its own, and a name needs one."""
LONGEST = 1_024
"""Characters of a value. A longer one is left out, and named."""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_MSGID = re.compile(r"[!-~]{1,32}")
_ESCAPED = re.compile(r'(["\\\]])')


def line(row: Row, org: str) -> bytes:
    """One line with its end. No host is named: the rows are an organization's, of whichever replica."""
    kind = KINDS.get(row.kind)
    severity = WARNING if kind is not None and kind.failed else NOTICE
    journal = [
        ("org", org),
        ("id", str(row.id)),
        ("kind", text(row.kind)),
        ("actor", text(row.actor)),
        ("at", rfc3339(row.at)),
        ("sha256", hashlib.sha256(row.data).hexdigest()),
        ("length", str(len(row.data))),
    ]
    found = pairs(row)
    short = [pair for pair in found if _NAME.fullmatch(pair[0]) and len(pair[1]) <= LONGEST]
    left_out = [name for name, _ in found if name not in dict(short)]
    if left_out:
        journal.append(("left_out", " ".join(left_out)))
    head = (
        f"<{FACILITY * 8 + severity}>1 {rfc3339(row.recorded_at)} - wardwatch - {msgid(row.kind)}"
    )
    structured = element("journal", journal) + (element("data", short) if short else "")
    about = "" if kind is None else f" {kind.meaning}."
    return f"{head} {structured}{about}\n".encode()


def msgid(kind: str) -> str:
    """At most 32 of printable ASCII (6.2.7), which every kind of the table is; else nothing."""
    return kind if _MSGID.fullmatch(kind) else "-"


def element(name: str, params: list[tuple[str, str]]) -> str:
    said = "".join(f' {key}="{escaped(value)}"' for key, value in params)
    return f"[{name}@{ENTERPRISE}{said}]"


def escaped(value: str) -> str:
    r"""`"`, `\` and `]` with a backslash before them (6.3.3); what is printable makes no second line."""
    return _ESCAPED.sub(r"\\\1", value)
