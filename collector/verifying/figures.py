"""The numbers once more, and the fields of the statement that they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.attest import strictjson
from collector.attest.strictjson import JsonError, Value
from collector.bundle.derive import derive
from collector.bundle.evidence import Asked, Evidence
from collector.verifying.evidence import Counts, Shown
from collector.verifying.failures import Failure, VerifyError

_METHOD, _TZDATA = "method", "tzdata"


@dataclass(frozen=True, slots=True)
class Checked:
    """The derived fields, and the segments they are derived from."""

    derived: Mapping[str, Value]
    evidence: Counts


def check(
    evidence: Evidence,
    asked: Asked,
    predicate: Mapping[str, Value],
    tell: Callable[[str], None],
) -> Checked:
    """VerifyError names the first derived field that the statement has otherwise, and evidence that
    is not a system's or not all.

    Time zone rules are not evidence: where the statement was made with others, the fields are
    compared all the same, and only that which names the rules may differ.
    """
    shown = Shown(evidence.rows, evidence.log)
    found = derive(evidence, asked, tell, shown.see)
    counts = shown.end()
    for name, value in found.items():
        if name not in predicate:
            raise VerifyError(Failure.FIGURES_DIFFER, name)
        place = _other(name, _timeless(name, value), _timeless(name, predicate[name]))
        if place is not None:
            raise VerifyError(Failure.FIGURES_DIFFER, place)
    return Checked(found, counts)


def rules(predicate: Mapping[str, Value]) -> Value:
    """Which time zone rules the statement was made with."""
    method = predicate.get(_METHOD)
    return method.get(_TZDATA) if isinstance(method, dict) else None


def _timeless(name: str, value: Value) -> Value:
    if name != _METHOD or not isinstance(value, dict) or not isinstance(value.get(_TZDATA), str):
        return value
    return {key: inner for key, inner in value.items() if key != _TZDATA}


def _other(place: str, ours: Value, theirs: Value) -> str | None:
    """Where two values differ first, `results.0.verdict`; None where their bytes are equal."""
    if _bytes(ours) == _bytes(theirs):
        return None
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours:
            found = _other(f"{place}.{key}", ours[key], theirs.get(key))
            if key not in theirs or found is not None:
                return found or f"{place}.{key}"
    if isinstance(ours, list) and isinstance(theirs, list):
        for n, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            found = _other(f"{place}.{n}", one, other)
            if found is not None:
                return found
    return place


def _bytes(value: Value) -> bytes | None:
    """None for what no statement holds."""
    try:
        return strictjson.write(value)
    except JsonError:
        return None
