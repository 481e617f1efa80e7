"""The statement's own sums: what follows from its numbers must stand beside them."""

from __future__ import annotations

from typing import Any

from collector.verifyscript.columns import OUTCOMES
from collector.verifyscript.failing import Failure
from collector.verifyscript.numbers import Sums, judged_by, percent, verdict

_TIMES = ("up", "degraded", "down", "unknown", "excluded", "notMonitored")


def check_sums(predicate: dict[str, Any]) -> int:
    """How many systems it is about; Failure `figures.differ` names what does not follow."""
    results = predicate["results"]
    length = predicate["period"]["end"] - predicate["period"]["start"]
    for n, one in enumerate(results):
        where = f"results[{n}]"
        _check_times(one, one["formula"], length, where)
        for m, site in enumerate(one["sites"]):
            _check_times(site, one["formula"], length, f"{where}.sites[{m}]")
        _check_verdicts(one, where)
        counts = [one["outcomes"][outcome] for outcome in OUTCOMES]
        if min(counts) < 0 or not 0 <= one["received"] <= one["expected"]:
            raise Failure("figures.differ", where + ".received")
        listed = sum(gap["slots"] for gap in predicate["gaps"] if gap["system"] == one["system"])
        if not predicate["gapsLeftOut"] and listed != one["expected"] - one["received"]:
            raise Failure("figures.differ", where + ".expected")
    return len(results)


def _check_times(one: Any, formula: str, length: int, where: str) -> None:
    times, figures = one["milliseconds"], one["figures"]
    if min(times.values()) < 0 or sum(times[name] for name in _TIMES) != length:
        raise Failure("figures.differ", where + ".milliseconds")
    seen = times["up"] + times["degraded"] + times["down"] + times["unknown"]
    counts = formula == "whole-period-v1"
    if times["eligible"] != seen + (times["excluded"] if counts else 0):
        raise Failure("figures.differ", where + ".milliseconds.eligible")
    good = times["eligible"] - times["down"] - times["unknown"]
    after, worst = figures["afterExclusions"], figures["worstCase"]
    if (after["numerator"], after["denominator"]) != (good, good + times["down"]):
        raise Failure("figures.differ", where + ".figures.afterExclusions")
    if (worst["numerator"], worst["denominator"]) != (good, times["eligible"]):
        raise Failure("figures.differ", where + ".figures.worstCase")
    for name, ratio in figures.items():
        if percent(ratio["numerator"], ratio["denominator"]) != ratio["percent"]:
            raise Failure("figures.differ", f"{where}.figures.{name}.percent")
    if percent(good + times["down"], times["eligible"]) != one["coverage"]:
        raise Failure("figures.differ", where + ".coverage")


def _check_verdicts(one: Any, where: str) -> None:
    """Those of the whole organization; other scopes are judged by the sites' users, which the
    statement does not repeat.
    """
    times = one["milliseconds"]
    good = times["eligible"] - times["down"] - times["unknown"]
    seen = times["up"] + times["degraded"] + times["down"]
    sums = Sums(good, times["down"], times["unknown"], times["eligible"], seen)
    if one["scope"] != "organization":
        return
    for target, name in (("target", "verdict"), ("minimum", "minimumVerdict")):
        if verdict(sums, one[target]) != one[name]:
            raise Failure("figures.differ", f"{where}.{name}")
    if judged_by("organization", sums) != one["judgedBy"]:
        raise Failure("figures.differ", f"{where}.judgedBy")
