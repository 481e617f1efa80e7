"""What a calendar's own lines say that its parsed values no longer show.

A reader of calendars drops what contradicts itself: the Z of a time that also names a zone, the
first of two parts of one name in a rule. Both mean other instants than the event's.
"""

from __future__ import annotations

import re

_FOLD = re.compile(rb"\r?\n[ \t]")
_TIME = re.compile(rb"(?i)(DTSTART|DTEND|EXDATE);(?:[^:]*;)?TZID=[^:]*:(?:.*Z)\s*")
_RULE = re.compile(rb"(?i)RRULE(?:;[^:]*)?:(.*)")
BOTH = "a time in UTC (with Z) that also names a TZID: write one of the two"


def contradictions(data: bytes) -> dict[int, list[tuple[str, str]]]:
    """(field, message) by the event's number, from 1 in the order of the file."""
    found: dict[int, list[tuple[str, str]]] = {}
    number = 0
    for line in _FOLD.sub(b"", data).splitlines():
        if line.strip().upper() == b"BEGIN:VEVENT":
            number += 1
        if time := _TIME.fullmatch(line):
            found.setdefault(number, []).append((time[1].decode().upper(), BOTH))
        if rule := _RULE.fullmatch(line):
            names = [part.partition(b"=")[0].strip().upper() for part in rule[1].split(b";")]
            found.setdefault(number, []).extend(
                ("RRULE", f"{name.decode(errors='replace')} is written twice")
                for name in sorted({n for n in names if names.count(n) > 1})
            )
    return found
