"""How a check reaches a DICOM node, and whom its queries ask for: parts of a `spec`."""

from __future__ import annotations

import importlib.util
import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from probes.config_words import Model, PositiveDuration
from probes.tls_spec import Tls

_PATIENT = re.compile(r"ZZ[A-Z0-9_-]*NOMATCH[A-Z0-9_-]*")


def _ae_title(text: str) -> str:
    """VR AE, PS3.5 table 6.2-1; blanks around it do not count, so none are written."""
    if not 1 <= len(text) <= 16:
        raise ValueError("an AE title has 1 to 16 characters")
    if not (text.isascii() and text.isprintable()) or "\\" in text:
        raise ValueError("an AE title is printable ASCII without a backslash")
    if text != text.strip():
        raise ValueError("an AE title is written without blanks around it")
    return text


def _nobody(text: str) -> str:
    if "*" in text or "?" in text:
        raise ValueError("no wildcard (* or ?): it would match patients")
    if not _PATIENT.fullmatch(text) or len(text) > 64:
        raise ValueError(
            "write an id that no patient has: ZZ, then capitals, digits, - or _ with NOMATCH among "
            "them, 64 characters at most, such as ZZUPTIME-NOMATCH"
        )
    return text


AeTitle = Annotated[str, AfterValidator(_ae_title)]
NobodysId = Annotated[str, AfterValidator(_nobody)]
"""A PatientID that cannot match."""
NOBODY = "ZZUPTIME-NOMATCH"


class DicomAccess(Model):
    """Durations in milliseconds once loaded."""

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)]
    tls: Tls | None = None
    called_ae: AeTitle
    calling_ae: AeTitle
    slow_after: PositiveDuration | None = None


def need_library() -> None:
    """ModuleNotFoundError where the extra is not installed; loads nothing: that takes half a second."""
    if importlib.util.find_spec("pynetdicom") is None:
        raise ModuleNotFoundError("pynetdicom", name="pynetdicom")
