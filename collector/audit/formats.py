"""How each format writes a row. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector.audit import fhir, jsonl, syslog
from collector.audit.media import Format
from collector.journal import Row

LINES: Mapping[Format, Callable[[Row, str], bytes]] = {
    Format.JSONL: jsonl.line,
    Format.SYSLOG: syslog.line,
    Format.FHIR: fhir.line,
}
"""A row of an organization, with its end."""
