"""The HL7 v2 message a check sends: built or read once, checked with hl7apy, then only cut.

hl7apy quotes the values it dislikes. Of what it says only names of fields come out of here.
"""

from __future__ import annotations

import re

from probes.wire.hl7 import Template, cut, field, split

# Older ones hl7apy knows, but not how their MSH-9 names a structure.
VERSIONS = ("2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")

_LINE_END = re.compile(r"\r\n|\n|\r")
_PLACE = re.compile(r"\b([A-Z][A-Z0-9]{2})(?:_([0-9]{1,3}))?\b")
# Replaced at every run; what stands there at the check only has to be well formed.
_CHECK_TIME = "20260101000000+0000"
_CHECK_ID = "WWAAAAAAAAAAAAAAAAAA"


class TemplateError(ValueError):
    """The text is ours: places in the message, never its values."""


def adt_a08(
    *,
    sending_application: str,
    sending_facility: str,
    receiving_application: str,
    receiving_facility: str,
    processing_id: str,
    version: str,
    patient_id: str,
    assigning_authority: str,
    patient_name: str,
) -> str:
    """An update of one patient's name to what it is already, the same at each run.

    Values must hold no delimiters of HL7 but `^` and `&`. Fields left empty mean "no change"
    (HL7 2.5.1, 2.5.3); EVN-2 is constant, so that nothing but MSH-7 and MSH-10 ever differs.
    """
    msh = (
        "MSH",
        "^~\\&",
        sending_application,
        sending_facility,
        receiving_application,
        receiving_facility,
        _CHECK_TIME,
        "",
        "ADT^A08^ADT_A01",
        _CHECK_ID,
        processing_id,
        version,
    )
    pid = ("PID", "1", "", f"{patient_id}^^^{assigning_authority}^MR", "", patient_name)
    segments = (msh, ("EVN", "", _CHECK_TIME), pid, ("PV1", "1", "N"))
    return "".join("|".join(segment) + "\r" for segment in segments)


def from_file(data: bytes) -> str:
    """The message in an operator's file, with CR line ends; raises TemplateError."""
    try:
        text = data.decode("ascii")
    except UnicodeError:
        raise TemplateError("the template is not plain ASCII") from None
    text = "".join(line + "\r" for line in _LINE_END.split(text) if line.strip())
    if not text.replace("\r", "").isprintable():
        raise TemplateError("the template has control characters; line ends are added here")
    if not text.startswith("MSH|^~\\&"):
        raise TemplateError("the template does not begin with MSH and the usual delimiters")
    return text


def build(text: str) -> Template:
    """The message checked against its own version of HL7 and cut; raises TemplateError.

    Takes some 30 ms the first time: hl7apy loads the tables of that version.
    """
    template = cut(text)
    _check(template.fill(1_767_225_600_000, _CHECK_ID).decode("ascii"))
    return template


def _check(text: str) -> None:
    # Heavy, and an extra of the distribution: loaded by those who have a check of this kind.
    from hl7apy import load_library  # noqa: PLC0415
    from hl7apy.consts import VALIDATION_LEVEL  # noqa: PLC0415
    from hl7apy.parser import parse_message, parse_segment  # noqa: PLC0415

    segments = split(text)
    version = field(segments[0], 12).partition(field(segments[0], 2)[:1])[0]
    if version not in VERSIONS:
        raise TemplateError(f"MSH-12 of the template is not one of {', '.join(VERSIONS)}")
    known = frozenset(load_library(version).SEGMENTS)
    problems = [
        f"segment {number} of the template is not one of HL7 {version}"
        for number, (name, *_) in enumerate(segments, 1)
        if name not in known and not name.startswith("Z")
    ]
    if problems:
        raise TemplateError("; ".join(problems))

    def refused(line: str) -> bool:
        try:
            parse_segment(line, version, None, VALIDATION_LEVEL.STRICT)
        except Exception:  # noqa: BLE001 - hl7apy stumbles over what it should refuse
            return True
        return False

    try:
        parse_message(text, validation_level=VALIDATION_LEVEL.STRICT).validate()
    except Exception as error:  # noqa: BLE001 - the same
        places = _named(str(error), known)
    else:
        return
    # A structure has names in hl7apy's text; a value has none, so each is tried by itself.
    places = places or [
        f"{name}-{number}"
        for name, *fields in segments
        if name in known and name != "MSH"
        for number, value in enumerate(fields, 1)
        if value and refused(f"{name}{'|' * number}{value}")
    ]
    where = f"at {', '.join(places)}" if places else "as a whole, MSH-9 perhaps"
    raise TemplateError(f"the template breaks HL7 {version} {where}")


def _named(text: str, segments: frozenset[str]) -> list[str]:
    """Only names of HL7's own segments, with a field's number, pass."""
    found = {(m[1], m[2]) for m in _PLACE.finditer(text) if m[1] in segments}
    return sorted(name + (f"-{number}" if number else "") for name, number in found)
