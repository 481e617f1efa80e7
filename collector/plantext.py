"""What `wardwatch maintenance` prints: windows, occurrences, previews, differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from collector import show
from collector.core.differences import Difference, Differs
from collector.core.preview import MEANINGS, Note
from probes.times import parse_datetime, to_ms

WINDOWS = ("ID", "STATUS", "SYSTEMS", "START", "END", "ZONE", "RULE", "FROM", "DIGEST")
OCCURRENCES = ("START (UTC)", "END (UTC)", "REAL MIN", "ID", "SYSTEM", "EXCLUDES", "WHY NOT")
PREVIEW = ("REAL MIN", "ZONE", "START", "END")
DIGEST_SHOWN = 12


def windows(found: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            w["id"],
            w["status"],
            ",".join(w["systems"]),
            _minute(w["start"]),
            _minute(w["end"]),
            w["timezone"],
            w["rrule"] or "-",
            w["source"],
            w["digest"][:DIGEST_SHOWN],
        )
        for w in found
    ]
    show.write("Windows" if rows else "No windows.", WINDOWS, rows)


def occurrences(found: Sequence[Mapping[str, Any]], start: str, end: str) -> None:
    rows = [
        (
            _minute(one["start"]),
            _minute(one["end"]),
            str(one["real_minutes"]),
            one["id"],
            system,
            _excludes(one, told),
            told["why"] or "-",
        )
        for one in found
        for system, told in one["systems"].items()
    ]
    title = f"Occurrences from {_minute(start)} to {_minute(end)} UTC"
    show.write(title if rows else f"{title}: none.", OCCURRENCES, rows)


def _excludes(one: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """`yes`, `no`, or how many of its real minutes."""
    if told["parts"] in ([], [[one["start"], one["end"]]]):
        return "yes" if told["excludes"] else "no"
    ms = sum(_ms(end) - _ms(start) for start, end in told["parts"])
    return f"{ms // 60_000} min"


def _ms(instant: str) -> int:
    return to_ms(parse_datetime(instant), ZoneInfo("UTC"))


def approved(window: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> None:
    """What an approval is good for: `found` are the occurrences to come, in order."""
    counts_from = window["approved"]["counts_from"]
    covered = (o for o in found if o["start"] > counts_from and Note.EMPTY.value not in o["notes"])
    after = next(covered, None)
    text = "No occurrence starts after this approval: it excludes nothing."
    if after is not None:
        start, end = (_offset(text) for text in after["local"][window["timezone"]])
        text = f"It covers first: {start} to {end}, {after['real_minutes']} real minutes."
    show.write(text, (), ())


def preview(window: Mapping[str, Any]) -> None:
    """A window's next occurrences, in each zone, and what the clocks do to them."""
    found = window["next"]
    rows = [
        (str(one["real_minutes"]) if n == 0 else "", name, *(_offset(text) for text in ends))
        for one in found
        for n, (name, ends) in enumerate(one["local"].items())
    ]
    who = f"; {window['status']}" if "status" in window else ""
    title = f"{window['id']}: {', '.join(window['systems'])}{who}"
    if "digest" in window:
        title += f", digest {window['digest'][:DIGEST_SHOWN]}"
    show.write(title if found else f"{title}; no occurrence is to come.", PREVIEW, rows)
    notes = [
        f"note: {one['local'][window['timezone']][0][:10]}: {MEANINGS[Note(note)]}"
        for one in found
        for note in one["notes"]
    ]
    show.write("\n".join([*notes, f"Time zones of tzdata {window['tzdata']}."]), (), ())


def differences(found: Sequence[Difference]) -> None:
    rows = []
    for one in found:
        if one.how is Differs.CHANGED:
            rows += [
                (one.id, one.how.value, name, _value(old), _value(new))
                for name, old, new in one.fields
            ]
        else:
            rows.append((one.id, one.how.value, "-", "-", "-"))
    counts = {how: sum(one.how is how for one in found) for how in Differs}
    title = ", ".join(f"{count} {how.value}" for how, count in counts.items())
    show.write(title, ("ID", "DIFFERS", "FIELD", "KNOWN", "CALENDAR"), rows)


def as_json(found: Sequence[Difference]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "differs": one.how.value,
            "fields": [
                {"field": name, "known": old, "calendar": new} for name, old, new in one.fields
            ],
        }
        for one in found
    ]


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(str(item) for item in value) or "-"
    return "-" if value is None else str(value)


def _minute(text: str) -> str:
    return text[:16].replace("T", " ")


def _offset(local: str) -> str:
    """`2026-03-08 03:00 -04:00`."""
    return f"{local[:10]} {local[11:16]} {local[16:]}"
