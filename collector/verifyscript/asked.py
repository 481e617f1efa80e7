"""What is asked of the evidence: which period, by which versions, after which acts of people.

The edge of knowledge is 72 hours after the period's end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from collector.verifyscript.failing import Failure
from collector.verifyscript.maintenance import Act, digest_of
from collector.verifyscript.recurring import datetime_in
from collector.verifyscript.rows import Shown
from collector.verifyscript.spans import DAY_MS
from collector.verifyscript.terms import Terms

CLOSED_MS = 72 * 3_600_000
_LONGEST_MS = 800 * 86_400_000
_LAST_MS = 7_258_118_400_000
"""The year 2200."""


class Asked(NamedTuple):
    """[start, end) in UTC ms; evidence counts from `since` on."""

    start: int
    end: int
    since: int

    @property
    def now(self) -> int:
        return self.end + CLOSED_MS


class Correction(NamedTuple):
    """Two people agreed to count [start, end) as `counts`: up, down or excluded."""

    id: str
    system: str
    start: int
    end: int
    counts: str
    at: int


def asked_in(predicate: dict[str, Any]) -> Asked:
    """Failure for a statement that does not say which period, and for one that nobody attests."""
    try:
        period = predicate["period"]
        values = [period[name] for name in ("start", "end", "evidenceFrom", "now")]
        computed = predicate["computedAt"]
    except (KeyError, TypeError):
        raise Failure("statement.malformed", "period") from None
    if not all(type(value) is int and 0 <= value < 1 << 53 for value in (*values, computed)):
        raise Failure("statement.malformed", "period")
    asked = Asked(values[0], values[1], values[2])
    if not asked.since + DAY_MS <= asked.start < asked.end or asked.since % DAY_MS:
        raise Failure("statement.malformed", "period")
    if values[3] != asked.now:
        raise Failure("statement.malformed", "period")
    if asked.end - asked.since > _LONGEST_MS or asked.end > _LAST_MS:
        raise Failure("figures.asked", "period")
    return asked


def recorded_of(rows: Sequence[Shown], system: str) -> list[Terms]:
    """Every version as it is for a system; one that does not show the system has it not."""
    versions = [row for row in rows if row.kind == "config.version"]
    known = next((row.parts[system] for row in versions if system in row.parts), None)
    if known is None:
        raise Failure("rows.config", system)
    try:
        absent = {**known, "systems": {}, "checks": {}, "maintenance": []}
        found = [Terms(system, row.recorded_at, row.parts.get(system, absent)) for row in versions]
    except (KeyError, TypeError, AttributeError):
        raise Failure("rows.config", system) from None
    if not all(terms.system is not None or terms.config is absent for terms in found):
        raise Failure("rows.config", system)
    return found


def acts_of(rows: Iterable[Shown]) -> list[Act]:
    """What people did about windows beside the file, in the order of the log."""
    found: list[Act] = []
    for row in rows:
        topic, _, kind = row.kind.partition(".")
        if topic != "window":
            continue
        try:
            content = None
            digest = row.data.get("digest")
            if kind == "proposed":
                content = _normal(row.data["window"])
                digest = digest_of(content)
            at = max(row.at, row.recorded_at)
            found.append(Act(kind, row.data["id"], row.data["by"], at, digest, content, row.id))
        except (KeyError, TypeError, AttributeError, ValueError):
            raise Failure("rows.act", f"row {row.id}") from None
    return found


def _normal(window: Any) -> Any:
    """With every key that a content has, its instants readable."""
    whole = {"rrule": None, "exdate": [], "expect_down": None, **window}
    for text in (whole["start"], whole["end"], *whole["exdate"]):
        datetime_in(text)
    return whole


def corrections_of(rows: Iterable[Shown], now: int) -> list[Correction]:
    """What two people had agreed on before `now`, in the order of the approvals."""
    asked: dict[str, tuple[Correction, str]] = {}
    found: list[Correction] = []
    for row in rows:
        at = max(row.at, row.recorded_at)
        if row.kind not in ("correction.requested", "correction.approved") or at >= now:
            continue
        try:
            data, name = row.data, row.data["id"]
            if row.kind == "correction.requested":
                one = Correction(name, data["system"], data["from"], data["to"], data["as"], at)
                asked[name] = (one, data["by"])
            elif asked[name][1] != data["by"]:
                found.append(asked[name][0]._replace(at=at))
        except (KeyError, TypeError):
            raise Failure("rows.act", f"row {row.id}") from None
    return sorted(found, key=lambda one: one.at)
