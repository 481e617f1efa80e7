"""Who may do what to a window, now: the rules of acts that come by API (semantics 4).

Each function gives the acts to record at the instant `at`, or raises RefusedActError. The
history is all that was recorded before.
"""

from __future__ import annotations

from collections.abc import Sequence

from collector.core.planned import Planned, Source, is_cancelled, standing
from collector.core.windows import instants
from probes.acts import ActKind, WindowAct
from probes.config_windows import Window
from probes.history import History
from probes.windows import digest

DETAILS = {
    "act.own_proposal": "somebody else than the proposer approves",
    "act.own_request": "somebody else than who requested it approves",
    "window.unknown": "there is no window of this id",
    "window.in_file": "the file owns this; change it there",
    "window.exists": "a window of this id exists; replace it, or take another id",
    "window.unchanged": "this is the present content already",
    "window.changed": "the content is not the one you approve; look at it again",
    "window.approved": "this content is approved already",
    "window.cancelled": "it is cancelled; a cancelled id stays so, take another",
    "window.not_running": "no occurrence is running",
    "correction.unknown": "there is no correction of this id",
    "correction.exists": "a correction of this id exists; take another id",
    "correction.approved": "it is approved already",
    "correction.unknown_system": "there was never a system of this id",
    "correction.not_past": "a correction is of time that has passed",
    "correction.empty": "it must end after it starts",
    "override.unknown": "there is no override of this number that was made here; one of the file is "
    "changed there",
    "override.unknown_schedule": "the file has no schedule of this id under on_call",
    "override.wrong_contact": "this is no contact of the schedule's role; name one who is",
    "override.empty": "it must end after it starts",
    "override.past": "it is over by now; who was on duty is not changed afterwards",
    "override.cancelled": "it is cancelled already",
}
"""What to do, by code."""


class RefusedActError(Exception):
    """`code` is one of `DETAILS`, `about` the id meant; `place` is where the file has it.

    `file` is named by whoever knows it.
    """

    def __init__(
        self, code: str, about: str, *, place: str | None = None, digest: str | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.about = about
        self.place = place
        self.digest = digest
        self.file: str | None = None


def propose(
    history: History, windows: Sequence[Window], by: str, at: int, *, replace: bool
) -> list[WindowAct]:
    """All of them or none, each id once. `replace`: a window proposed by API gets new content, unapproved."""
    known = standing(history)
    for window in windows:
        _refuse_known(history, known.get(window.id), window, replace=replace)
    return [WindowAct(ActKind.PROPOSED, w.id, by, at, digest=digest(w), window=w) for w in windows]


def _refuse_known(history: History, plan: Planned | None, window: Window, *, replace: bool) -> None:
    if plan is not None and plan.source is Source.FILE:
        raise _in_file("window.in_file", history, window.id)
    if is_cancelled(history, window.id):
        raise RefusedActError("window.cancelled", window.id)
    if plan is None:
        return
    if plan.digest == digest(window):
        raise RefusedActError("window.unchanged", window.id, digest=plan.digest)
    if not replace:
        raise RefusedActError("window.exists", window.id, digest=plan.digest)


def approve(
    history: History, name: str, content: str, by: str, ref: str | None, at: int
) -> list[WindowAct]:
    """`content` is the digest of what the approver has seen."""
    plan = _known(history, name)
    if by == plan.window.proposed.by:
        raise RefusedActError("act.own_proposal", by)
    if plan.window.approval is not None:
        raise _in_file("window.in_file", history, name)
    if plan.cancelled is not None:
        raise RefusedActError("window.cancelled", name)
    if plan.digest != content:
        raise RefusedActError("window.changed", name, digest=plan.digest)
    if any(one.by != plan.window.proposed.by for one in plan.approvals):
        raise RefusedActError("window.approved", name)
    return [WindowAct(ActKind.APPROVED, name, by, at, ref, content)]


def cancel(history: History, name: str, by: str, ref: str | None, at: int) -> list[WindowAct]:
    """Occurrences that start from now on do not count."""
    plan = _known(history, name)
    if plan.window.cancelled is not None:
        raise _in_file("window.in_file", history, name)
    if plan.cancelled is not None:
        raise RefusedActError("window.cancelled", name)
    return [WindowAct(ActKind.CANCELLED, name, by, at, ref)]


def finish(history: History, name: str, by: str, ref: str | None, at: int) -> list[WindowAct]:
    """The running occurrence ends now."""
    plan = _known(history, name)
    if not any(_running(plan, start, end, at) for start, end in instants(plan.window, at + 1)):
        raise RefusedActError("window.not_running", name)
    return [WindowAct(ActKind.FINISHED, name, by, at, ref)]


def _running(plan: Planned, start: int, end: int, at: int) -> bool:
    if not start <= at < end or any(start <= done <= at for done in plan.finished):
        return False
    return plan.cancelled is None or start < plan.cancelled.at


def _known(history: History, name: str) -> Planned:
    plan = standing(history).get(name)
    if plan is None:
        raise RefusedActError("window.unknown", name)
    return plan


def _in_file(code: str, history: History, name: str) -> RefusedActError:
    return RefusedActError(code, name, place=place_of(history, name))


def place_of(history: History, name: str) -> str | None:
    """`maintenance[2]`: where the file in force defines a window."""
    ids = [window.id for window in history.latest.maintenance]
    return f"maintenance[{ids.index(name)}]" if name in ids else None
