"""The PHI tripwire: what in a text looks like a patient's. Pure.

An alarm at the boundaries, not the reason why nothing leaves: texts are made of configured names,
enumerations, integers and times alone (semantics 7). Names of people look like any other words,
so no pattern finds them. The list is short on purpose: a pattern that fires on ordinary names,
ids, instants or addresses would cost readers the full message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

_NAME = r"[^\W\d_]"  # a letter of any alphabet


class Pattern(StrEnum):
    """The name is all that is told of a hit, never what was hit."""

    SSN = "ssn"
    RECORD_NUMBER = "record_number"
    BIRTH_DATE = "birth_date"
    PHONE = "phone"
    EMAIL = "email"
    HL7_SEGMENT = "hl7_segment"
    HL7_NAME = "hl7_name"
    FHIR_PATIENT = "fhir_patient"


_PATTERNS = {
    Pattern.SSN: re.compile(r"(?<![0-9])[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}(?![0-9])"),
    # A number that is called a record's or a patient's.
    Pattern.RECORD_NUMBER: re.compile(
        r"(?<![a-z])(mrn|ssn)[^a-z0-9]{0,3}(no|nr)?[^a-z0-9]{0,3}[0-9]"
        r"|(?<![a-z])(medical[ _-]?record|patient|chart|encounter)"
        r"([ _-]?(id|no|nr|number))?[^a-z0-9/]{0,3}[0-9]{5}",
        re.IGNORECASE,
    ),
    Pattern.BIRTH_DATE: re.compile(
        r"(?<![a-z])(dob|d\.o\.b\.|birth[ _-]?date|date[ _-]of[ _-]birth)[^a-z0-9]{0,6}[0-9]"
        r"|(?<![a-z])born( on)?[^a-z0-9]{1,3}[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}",
        re.IGNORECASE,
    ),
    # As North America writes them; international with a plus; any that is called one.
    Pattern.PHONE: re.compile(
        r"(?<![0-9A-Za-z.-])(\+?1[-. ])?(\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])"
        r"[2-9][0-9]{2}[-. ][0-9]{4}(?![0-9A-Za-z-])"
        r"|(?<![0-9A-Za-z])\+([0-9][ .()/-]{0,2}){8,15}(?![0-9])"
        r"|(?<![a-z])(tel|phone|fax|mobile)[.:# ]{1,3}(?![0-9]{4}-[0-9]{2}-)[0-9(][0-9 ().-]{5,}[0-9]",
        re.IGNORECASE,
    ),
    # Not inside an address of the web: links to rooms of chat programs have an @, too.
    Pattern.EMAIL: re.compile(
        r"(?:(?<![^\s\"'<>(\[,;])|(?<=mailto:)|(?<=mail:))"
        r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,}"
    ),
    Pattern.HL7_SEGMENT: re.compile(r"(?<![A-Za-z0-9])(MSH|PID|PD1|NK1|PV1|GT1|IN1|OBR|OBX)\|"),
    # FAMILY^GIVEN; a type of message such as ADT^A01 is none.
    Pattern.HL7_NAME: re.compile(
        rf"(?<!\w){_NAME}(?:{_NAME}|['-]){{1,60}}\^(?![A-Z][0-9]{{2}}(?![0-9A-Za-z])){_NAME}"
    ),
    Pattern.FHIR_PATIENT: re.compile(
        r"(?<![A-Za-z])(Patient|RelatedPerson|Person)/(?=[A-Za-z.-]{0,63}[0-9])"
        r"|\"resourceType\" ?: ?\"(Patient|RelatedPerson|Person)\""
        r"|[?&](patient|identifier|birthdate|family|given)(:[a-z]+)?=[^&\s]"
    ),
}
_NEEDS = {
    Pattern.RECORD_NUMBER: ("mrn", "ssn", "record", "patient", "chart", "encounter"),
    Pattern.BIRTH_DATE: ("dob", "d.o.b.", "birth", "born"),
    Pattern.EMAIL: ("@",),
    Pattern.HL7_SEGMENT: ("|",),
    Pattern.HL7_NAME: ("^",),
    Pattern.FHIR_PATIENT: ("person", "patient", "identifier", "birthdate", "family", "given"),
}
"""What a text that has the pattern holds, in lower case: most have none, and are passed over."""
_LAST2, _LAST4 = "[AEIMQUYcgkosw048]", "[AQgw]"
_CHANCE = re.compile(
    rf"(?<![A-Za-z0-9+/=])([A-Za-z0-9+/]{{42}}{_LAST2}=|[A-Za-z0-9+/]{{90}}{_LAST2}="
    rf"|[A-Za-z0-9+/]{{101}}{_LAST4}==)(?![A-Za-z0-9+/=])"
)
"""Base64 of 32, 68 or 76 bytes to the letter: a hash, and the signatures of a log and of a witness
(C2SP signed-note, tlog-cosignature). Chance writes anything into them, one letter in some thousands
would trip the wire; nobody writes words that long without a blank, ended so.
"""
_APART = "\n" * 8
"""Between two texts: more than any pattern spans."""
IDENTIFIERS = frozenset({Pattern.SSN, Pattern.RECORD_NUMBER, Pattern.BIRTH_DATE})
"""What an id or a reference can look like, too: it has no blanks and is no sentence."""


def tripped(*texts: str) -> tuple[Pattern, ...]:
    """The patterns that any of the texts has, in the order of the list."""
    whole = _APART.join(texts)
    if "=" in whole:
        whole = _CHANCE.sub("chance", whole)
    lower = whole.lower()
    return tuple(
        pattern
        for pattern, shape in _PATTERNS.items()
        if any(part in lower for part in _NEEDS.get(pattern, ("",))) and shape.search(whole)
    )


def texts_in(document: Any) -> Iterator[str]:
    """Every text of a JSON document, keys too."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield str(key)
            yield from texts_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts_in(value)
