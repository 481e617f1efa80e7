"""The HL7 v2 message a check sends: built or read once, checked with hl7apy, then only cut.

hl7apy quotes the values it dislikes. What it says is never read: whether it refuses is enough.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from probes.wire.hl7 import Template, cut, field, split

# Older ones hl7apy knows, but not how their MSH-9 names a structure.
VERSIONS = ("2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")

_SHIPPED = Path(__file__).parent / "hl7_messages"
_WORD = re.compile(r"\{([a-z_]+)\}")
_LINE_END = re.compile(r"\r\n|\n|\r")
# Replaced at every run; what stands there at the check only has to be well formed.
_CHECK_ID = "WWAAAAAAAAAAAAAAAAAA"


class TemplateError(ValueError):
    """The text is ours: places in the message, never its values."""


def shipped(name: str, values: Mapping[str, str]) -> str:
    """The text of `hl7_messages/NAME.hl7` with CR line ends, its `{words}` filled in.

    Values must hold no delimiters of HL7 but `^` and `&`. The places of `wire.hl7` stay.
    """
    text = (_SHIPPED / f"{name}.hl7").read_text(encoding="ascii")
    filled = _WORD.sub(lambda word: values.get(word[1], word[0]), text)
    return "".join(line.rstrip("|") + "\r" for line in filled.splitlines())


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


def build(text: str, *, is_standard: bool = True) -> Template:
    """The message checked against its own version of HL7 and cut; raises TemplateError.

    Takes some 30 ms the first time: hl7apy loads the tables of that version. `is_standard` False: of
    a type that no version has, so that only its form can be checked.
    """
    template = cut(text)
    filled = template.fill(1_767_225_600_000, _CHECK_ID).decode("ascii")
    version_of(filled)
    if is_standard:
        _check(_checkable(filled))
    return template


def version_of(text: str) -> str:
    """MSH-12; raises TemplateError where hl7apy does not know it."""
    head = split(text)[0]
    version = field(head, 12).partition(field(head, 2)[:1])[0]
    if version not in VERSIONS:
        raise TemplateError(f"MSH-12 of the template is not one of {', '.join(VERSIONS)}")
    return version


def _checkable(text: str) -> str:
    """What hl7apy wrongly refuses, said as it understands it: it allows no second QPD-3, and wants
    of the segments ORM^O01 can choose from all at once.
    """
    lines = text.split("\r")
    for at, line in enumerate(lines):
        fields = line.split("|")
        if fields[0] == "QPD" and len(fields) > 3:
            fields[3] = fields[3].partition("~")[0]
        elif fields[0] == "MSH" and len(fields) > 8 and fields[8] == "ORM^O01^ORM_O01":
            fields[8] = "OMG^O19^OMG_O19"
        lines[at] = "|".join(fields)
    return "\r".join(lines)


def _check(text: str) -> None:
    # Heavy, and an extra of the distribution: loaded by those who have a check of this kind.
    from hl7apy import load_library  # noqa: PLC0415
    from hl7apy.consts import VALIDATION_LEVEL  # noqa: PLC0415
    from hl7apy.parser import parse_message  # noqa: PLC0415

    segments = split(text)
    version = version_of(text)
    known = frozenset(load_library(version).SEGMENTS)
    problems = [
        f"segment {number} of the template is not one of HL7 {version}"
        for number, (name, *_) in enumerate(segments, 1)
        if name not in known and not name.startswith("Z")
    ]
    if problems:
        raise TemplateError("; ".join(problems))
    segments = [segment for segment in segments if segment[0] in known]
    refused, kept = False, Counter[str]()
    try:
        message = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT)
        kept.update(line[:3] for line in message.to_er7().split("\r"))
        message.validate()
    except Exception:  # noqa: BLE001 - hl7apy stumbles over what it should refuse
        refused = True
    # hl7apy says nothing of a segment that has no place in the structure: it leaves it out.
    dropped = Counter(name for name, *_ in segments) - kept
    if not refused and not dropped:
        return
    places = _places(segments, version) if refused else list(dropped)
    where = f"at {', '.join(dict.fromkeys(places))}" if places else "as a whole, MSH-9 perhaps"
    raise TemplateError(f"the template breaks HL7 {version} {where}")


def _places(segments: list[list[str]], version: str) -> list[str]:
    """Where a refused message breaks, from HL7's tables and one trial a field.

    What hl7apy says is not read: values stand in it.
    """
    from hl7apy import load_reference  # noqa: PLC0415
    from hl7apy.exceptions import ChildNotFound  # noqa: PLC0415

    count = Counter(name for name, *_ in segments)
    places: list[str] = []
    try:
        structure = load_reference(field(segments[0], 9).rpartition("^")[2], "Message", version)[1]
    except ChildNotFound:
        places.append("MSH-9")
    else:
        for part in structure:
            names = list(_names([part]))
            if part[2][0] and not any(count[name] for name in names):
                places.append(names[0])  # a group is missing by its first segment
        once = Counter(_names(structure))
        places += [
            name
            for name, _, (_, most), _ in structure
            if once[name] == most == 1 and count[name] > 1
        ]
    for at, segment in enumerate(segments):
        if at and segment[0] == "MSH":
            continue  # one message a template; this one's fields are counted otherwise
        children = load_reference(segment[0], "Segment", version)[1]
        needed = {int(name[4:]) for name, _, (least, _), _ in children if least}
        places += [
            f"{segment[0]}-{number}"
            for number in range(1, max(len(segment), *needed, 1) + 1)
            if (
                number in needed
                if not field(segment, number)
                else _refused(segment, number, version)
            )
        ]
    return places


def _names(structure: Sequence[Any]) -> Iterator[str]:
    """Every segment a structure names, those of its groups too."""
    for name, reference, _, kind in structure:
        if kind == "SEG":
            yield name
        else:
            yield from _names(reference[1])


def _refused(segment: list[str], number: int, version: str) -> bool:
    """Whether hl7apy refuses this one field, all others empty."""
    from hl7apy.consts import VALIDATION_LEVEL  # noqa: PLC0415
    from hl7apy.parser import parse_segment  # noqa: PLC0415

    name, value = segment[0], segment[number]
    if name == "MSH" and number <= 2:
        return False  # the delimiters, which `from_file` has seen to
    head = "MSH|^~\\&" + "|" * (number - 2) if name == "MSH" else name + "|" * number
    try:
        parsed = parse_segment(head + value, version, None, VALIDATION_LEVEL.STRICT)
        for one in parsed.children:
            if one.name == f"{name}_{number}":  # of MSH, the delimiters are there too
                one.validate()
    except Exception:  # noqa: BLE001 - as above
        return True
    return False
