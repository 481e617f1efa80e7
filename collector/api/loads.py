"""The load that checks add to what they watch: for the owners of those systems."""

from __future__ import annotations

from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.availability import Range, interval
from collector.api.parts import stamp
from collector.api.problems import BadRequestError
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from collector.loads import Load, added
from probes.config_checks import Check
from probes.history import History

LONGEST_MS = 31 * 86_400_000


class CheckLoad(TypedDict):
    """`requests` and `answer_bytes` are null for kinds that do not tell them."""

    check: str
    system: str
    kind: str
    runs: int
    requests: int | None
    answer_bytes: int | None
    per_day: int | None
    """Its `cost.per_day`, as it is now; null: its runs cost nothing."""


class AddedLoad(TypedDict):
    """`from` and `to` as asked, in UTC."""

    start: Instant
    end: Instant
    checks: list[CheckLoad]


async def read_load(call: Call[Range, Nothing]) -> AddedLoad:
    """Runs, requests and bytes of every check over a period of 31 days at most, from the evidence."""
    parts = call.parts
    span = interval(call.query, parts.config)
    if span.length > LONGEST_MS:
        raise BadRequestError("to", "at most 31 days at once")
    loads = await added(parts.store, parts.org, span.start, span.end)
    known = definitions(parts.evaluator.history)
    told = [_told(name, check, loads[name]) for name, check in known.items() if name in loads]
    return {
        "start": stamp(span.start),
        "end": stamp(span.end),
        "checks": sorted(told, key=lambda one: (one["system"], one["check"])),
    }


def definitions(history: History) -> dict[str, Check]:
    """Every check there ever was, as the last version that had it says."""
    return {name: check for v in history.versions for name, check in v.config.checks.items()}


def _told(name: str, check: Check, load: Load) -> CheckLoad:
    return {
        "check": name,
        "system": check.system,
        "kind": check.kind,
        "runs": load.runs,
        "requests": load.requests,
        "answer_bytes": load.answer_bytes,
        "per_day": None if check.cost is None else check.cost.per_day,
    }


ROUTES = (get("/api/v1/load", Permission.RESULTS_READ, read_load, AddedLoad, Range),)
