"""Why runs are missing: the first cause that fits, by what agents' chains and the rows say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collector.verifyscript.chains import Header
from collector.verifyscript.failing import Failure
from collector.verifyscript.rows import Shown
from collector.verifyscript.spans import Stretch, united


class Causes:
    """Made once for all systems."""

    def __init__(self, headers: Iterable[Header], rows: Sequence[Shown]) -> None:
        own: dict[str, list[Header]] = {}
        for header in headers:
            own.setdefault(header.agent, []).append(header)
        self._times: dict[str, dict[str, list[Stretch]]] = {}
        for agent, some in own.items():
            given_up = [(one.start, one.end + 1) for one in some if one.given_up]
            self._times[agent] = {
                "tombstone": united(given_up),
                "chain_hole": united(_hole_times(some)),
                "agent_restarted": united(_restarts(some)),
                "spoken": united((one.start, one.end + 1) for one in some),
            }
        self._away = united(_away(row) for row in rows if row.kind == "evidence.away")
        self._versions = [row.recorded_at for row in rows if row.kind == "config.version"]

    def of(self, agent: str, start: int, end: int, every: int) -> str:
        """Of slots over [start, end)."""
        end = max(end, start + 1)
        times = self._times.get(agent, {})
        for cause in ("tombstone", "chain_hole", "agent_restarted"):
            if _touches(times.get(cause, []), start, end):
                return cause
        if _touches(self._away, start, end):
            return "collector_away"
        if any(start - 2 * every <= at <= end for at in self._versions):
            return "new_version"
        # the last of the missing slots began an interval before the end
        spoken = _touches(times.get("spoken", []), start, max(end - every, start + 1))
        return "not_recorded" if spoken else "agent_silent"


def _touches(parts: list[Stretch], start: int, end: int) -> bool:
    return any(left < end and start < right for left, right in parts)


def _hole_times(some: list[Header]) -> list[Stretch]:
    """From the last run before a number that the log has not to the first after it."""
    chains: dict[str, list[Header]] = {}
    for one in some:
        chains.setdefault(one.epoch, []).append(one)
    found: list[Stretch] = []
    for chain in chains.values():
        chain.sort(key=lambda one: one.first)
        before = chain[0]
        for one in chain[1:]:
            if one.first > before.last + 1:
                found.append((before.end + 1, max(one.start, before.end + 2)))
            before = one if one.last > before.last else before
    return found


def _restarts(some: list[Header]) -> list[Stretch]:
    """From an epoch's last run to the first of the next."""
    epochs: dict[str, Stretch] = {}
    for one in some:
        first, last = epochs.get(one.epoch, (one.start, one.end))
        epochs[one.epoch] = (min(first, one.start), max(last, one.end))
    order = sorted(epochs.values())
    return [(one[1] + 1, two[0]) for one, two in zip(order, order[1:])]


def _away(row: Shown) -> Stretch:
    try:
        start, end = row.data["from"], row.data["to"]
        if type(start) is not int or type(end) is not int:
            raise TypeError("no instants")
    except (KeyError, TypeError):
        raise Failure("rows.act", f"row {row.id}") from None
    return start, end
