"""Do the numbers that follow from the evidence alone agree with those the collector makes? Pure.

Compared are results, outages and states of each system. What only a bundle has, such as the slots it
shows, has nothing to be compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.attest.strictjson import Value
from collector.bundle import figures
from collector.bundle.evidence import Asked
from collector.bundle.folding import Folded
from collector.bundle.slots import Slots
from collector.core.truth import SystemTruth
from probes.history import History

OF_SLOTS = frozenset({"expected", "received", "outcomes"})
Numbers = Mapping[str, Any]


def of_truths(truths: Mapping[str, SystemTruth], history: History, asked: Asked) -> Numbers:
    """The collector's, in the words of a predicate."""
    results: list[Value] = []
    outages: list[Value] = []
    states: list[Value] = []
    for system in sorted(truths):
        folded = Folded(history, truths[system])
        found = figures.judged(folded, asked)
        results.append(figures.result(folded, found, Slots(system, history, asked), asked))
        outages += figures.outages(found)
        states.append(figures.states(truths[system], asked))
    return compared({"results": results, "outages": outages, "states": states})


def compared(derived: Mapping[str, Any]) -> Numbers:
    """What of derived fields is compared."""
    results = [
        {name: value for name, value in one.items() if name not in OF_SLOTS}
        for one in derived["results"]
    ]
    return {"results": results, "outages": derived["outages"], "states": derived["states"]}
