"""The formats of the audit trail by name, and their content types. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Format(StrEnum):
    JSONL = "jsonl"
    SYSLOG = "syslog"
    FHIR = "fhir"


MEDIA: Mapping[Format, str] = {
    Format.JSONL: "application/x-ndjson",
    Format.SYSLOG: "text/plain",
    Format.FHIR: "application/fhir+ndjson",
}
