"""Windows as they stood over time, from the file and from the journal, with the acts on each.

A window of the file acts while a version that has it is in force. One proposed by API acts from
its proposal until a new proposal of its id, or until a version of the file takes the id: the
file owns what it defines, so the proposal does not come back when the file drops it. A
cancellation or finish written in a file stands once its time has come, also when a later version
no longer has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from probes.acts import ActKind, WindowAct
from probes.config import Config
from probes.config_windows import Window
from probes.history import History
from probes.windows import digest

FAR = 1 << 60


class Source(StrEnum):
    """Who owns the definition."""

    FILE = "file"
    API = "api"


@dataclass(frozen=True, slots=True)
class Approval:
    """It counts from `at`: the later of the claimed and the recorded time, in replay the claim."""

    at: int
    by: str
    ref: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """One definition, in force over `[start, end)`; `approvals` are those of its exact content."""

    start: int
    end: int
    window: Window
    digest: str
    source: Source
    proposed_at: int
    approvals: tuple[Approval, ...]
    cancelled: WindowAct | None
    finished: tuple[int, ...]

    @property
    def approval(self) -> Approval | None:
        """The first by somebody else than the proposer; where there is none, the first."""
        others = [a for a in self.approvals if a.by != self.window.proposed.by]
        return min(others or self.approvals, key=lambda a: a.at, default=None)


def segments(history: History) -> list[tuple[int, int, Config]]:
    """`(from, to, config)` of each version; the last has no end."""
    starts = [-FAR if v.at is None else v.at for v in history.versions]
    return [
        (start, end, version.config)
        for start, end, version in zip(starts, [*starts[1:], FAR], history.versions, strict=True)
        if start < end
    ]


@lru_cache(maxsize=16)
def planned(history: History, *, recorded: bool) -> tuple[Planned, ...]:
    """Every definition there ever was. `recorded`: approvals of the file count from the later of
    the claimed time and the instant the first version with that exact content was recorded.
    """
    return (*_of_files(history, recorded=recorded), *_of_acts(history))


def standing(history: History) -> dict[str, Planned]:
    """The definitions that stand at the end of the history, by id; approvals as recorded."""
    return {one.window.id: one for one in planned(history, recorded=True) if one.end == FAR}


def is_cancelled(history: History, name: str) -> bool:
    """Was it ever, by an act or in a file? Such an id is never used again."""
    acts = (*history.acts, *(act for _, act in _came_true(history)))
    return any(act.kind is ActKind.CANCELLED and act.id == name for act in acts)


def _came_true(history: History) -> list[tuple[int, WindowAct]]:
    """Cancellations and finishes that versions of the file had when their time came, each with
    the instant its version took effect.
    """
    found: list[tuple[int, WindowAct]] = []
    for start, end, config in segments(history):
        for window in config.maintenance:
            said = [(ActKind.FINISHED, act) for act in window.finished]
            if window.cancelled is not None:
                said.append((ActKind.CANCELLED, window.cancelled))
            found += [
                (start, WindowAct(kind, window.id, act.by, config.ms(act.at), act.ref))
                for kind, act in said
                if config.ms(act.at) < end
            ]
    return found


def _of_files(history: History, *, recorded: bool) -> Iterator[Planned]:
    earlier = _came_true(history)
    since: dict[Window, int | None] = {}
    for version in history.versions:
        for window in version.config.maintenance:
            since.setdefault(_approved_content(window), version.at)
    for start, end, config in segments(history):
        acts = [*history.acts, *(act for from_, act in earlier if from_ < start)]
        for window in config.maintenance:
            own = digest(window)
            approvals = _approvals(history.acts, window.id, own)
            if window.approval is not None:
                claimed = config.ms(window.approval.at)
                from_ = since[_approved_content(window)] if recorded else None
                at = claimed if from_ is None else max(claimed, from_)
                # What the file says stands before what came beside it.
                approvals = [Approval(at, window.approval.by, window.approval.ref), *approvals]
            yield Planned(
                start,
                end,
                window,
                own,
                Source.FILE,
                config.ms(window.proposed.at),
                tuple(approvals),
                _first_cancel(acts, window, config),
                _finished(acts, window, config),
            )


def _approved_content(window: Window) -> Window:
    return window.model_copy(update={"cancelled": None, "finished": ()})


def _of_acts(history: History) -> Iterator[Planned]:
    taken = [(start, {w.id for w in config.maintenance}) for start, _, config in segments(history)]
    proposals = [act for act in history.acts if act.kind is ActKind.PROPOSED]
    earlier = _came_true(history)
    for act in proposals:
        if act.window is None or act.digest is None:
            continue
        later = (other.at for other in proposals if other.id == act.id and other.at > act.at)
        by_file = (start for start, ids in taken if start > act.at and act.id in ids)
        end = min((*later, *by_file), default=FAR)
        here = [a for a in history.acts if act.at <= a.at < end]
        acts = [*history.acts, *(a for from_, a in earlier if from_ < act.at)]
        yield Planned(
            act.at,
            end,
            act.window,
            act.digest,
            Source.API,
            act.at,
            tuple(_approvals(here, act.id, act.digest)),
            _first_cancel(acts, act.window, None),
            _finished(acts, act.window, None),
        )


def _approvals(acts: Iterable[WindowAct], window: str, wanted: str) -> list[Approval]:
    return [
        Approval(act.at, act.by, act.ref)
        for act in acts
        if act.kind is ActKind.APPROVED and act.id == window and act.digest == wanted
    ]


def _first_cancel(
    acts: Iterable[WindowAct], window: Window, config: Config | None
) -> WindowAct | None:
    """The earliest, wherever it was said: a cancelled id stays cancelled."""
    found = [act for act in acts if act.kind is ActKind.CANCELLED and act.id == window.id]
    if window.cancelled is not None and config is not None:
        said = window.cancelled
        found.append(WindowAct(ActKind.CANCELLED, window.id, said.by, config.ms(said.at), said.ref))
    return min(found, key=lambda act: act.at, default=None)


def _finished(acts: Iterable[WindowAct], window: Window, config: Config | None) -> tuple[int, ...]:
    said = () if config is None else (config.ms(act.at) for act in window.finished)
    beside = (a.at for a in acts if a.kind is ActKind.FINISHED and a.id == window.id)
    return tuple(sorted({*said, *beside}))
