"""Maintenance windows: what is planned, what it excludes and why, and the acts on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from collector import acts
from collector.access.policy import Permission
from collector.api.bodies import LARGE
from collector.api.maintenance_shapes import (
    Ahead,
    Between,
    Content,
    Draft,
    Foreseen,
    Maintenance,
    Next,
    Occurrence,
    Previews,
    Proposal,
    Window,
    WindowActing,
    WindowAhead,
    WindowApproval,
    Windows,
)
from collector.api.once import act
from collector.api.parts import Parts, stamp
from collector.api.problems import BadRequestError, InvalidError
from collector.api.routes import A, Call, Nothing, Route, get, post
from collector.core import acting, preview
from collector.core.acting import RefusedActError
from collector.core.planned import Planned, Source, standing
from collector.core.truth import SystemTruth
from collector.journal import Fact
from probes import config_windows, times
from probes.acts import WindowAct
from probes.config import Config
from probes.history import History
from probes.windows import WindowErrors, content, proposals
from probes.yamlfile import Problem

DAY_MS = 86_400_000
MOST_AHEAD = 500
MOST_LISTED = 2_000
"""Systems and dates of all windows of one request together."""
LONGEST_DAYS = 400
AHEAD_DAYS = 30


async def list_maintenance(call: Call[Between, Nothing]) -> Maintenance:
    """Definitions that stand, and the occurrences of a range: from now on, 30 days."""
    parts, asked = call.parts, call.query
    start = parts.now() if asked.from_ is None else parts.config.ms(asked.from_)
    end = start + AHEAD_DAYS * DAY_MS if asked.to is None else parts.config.ms(asked.to)
    if not start < end <= start + LONGEST_DAYS * DAY_MS:
        raise BadRequestError("to", f"later than from, by at most {LONGEST_DAYS} days")
    await parts.evaluator.refold()
    history = parts.evaluator.history
    truths = [folded.truth for folded in parts.evaluator.folded.values()]
    return {
        "as_of": stamp(parts.evaluator.now),
        "from": stamp(start),
        "to": stamp(end),
        "approval_basis": "recorded",
        "tzdata": times.tzdata_version(),
        "windows": [definition(one, history, parts.file) for one in standing(history).values()],
        "occurrences": await asyncio.to_thread(_occurrences, truths, start, end),
    }


async def read_window(call: Call[Ahead, Nothing]) -> WindowAhead:
    """One definition with its next occurrences."""
    parts, name = call.parts, call.path["id"]
    await parts.evaluator.refold()
    history = parts.evaluator.history
    plan = standing(history).get(name)
    if plan is None:
        raise RefusedActError("window.unknown", name)
    return {
        **definition(plan, history, parts.file),
        "tzdata": times.tzdata_version(),
        "next": _ahead(call.query, plan.window, parts),
    }


async def preview_windows(call: Call[Ahead, Draft]) -> Previews:
    """The next occurrences of windows that are only thought of; nothing is recorded."""
    parts, entries, asked = call.parts, call.body.windows, call.query
    if len(entries) * asked.next > MOST_AHEAD:
        raise BadRequestError("next", f"at most {MOST_AHEAD} occurrences of all windows together")

    def foreseen() -> list[Foreseen]:
        return [
            {
                **cast("Content", content(window)),
                "tzdata": times.tzdata_version(),
                "next": _ahead(asked, window, parts),
            }
            for window in _checked(entries, parts.config, "preview", parts.now())
        ]

    return {"windows": await asyncio.to_thread(foreseen)}


async def propose_windows(call: Call[Nothing, Proposal]) -> Windows:
    """Record proposals, all or none."""
    wanted, by = call.body, call.who.account

    def decide(history: History, at: int) -> list[WindowAct]:
        windows = _checked(wanted.windows, history.latest, by, at)
        return acting.propose(history, windows, by, at, replace=wanted.replace)

    def told(history: History) -> Windows:
        plans, ids = standing(history), {str(window.get("id")) for window in wanted.windows}
        return {
            "windows": [
                definition(plans[name], history, call.parts.file) for name in plans if name in ids
            ]
        }

    return await _act(call, decide, told)


async def approve_window(call: Call[Nothing, WindowApproval]) -> Window:
    """Approve somebody else's proposal, exactly as it was seen."""
    said, by = call.body, call.who.account
    return await _on_one(
        call, lambda known, at, name: acting.approve(known, name, said.digest, by, said.ref, at)
    )


async def cancel_window(call: Call[Nothing, WindowActing]) -> Window:
    """Occurrences that start from now on do not count."""
    said, by = call.body, call.who.account
    return await _on_one(call, lambda known, at, name: acting.cancel(known, name, by, said.ref, at))


async def finish_window(call: Call[Nothing, WindowActing]) -> Window:
    """The running occurrence ends now."""
    said, by = call.body, call.who.account
    return await _on_one(call, lambda known, at, name: acting.finish(known, name, by, said.ref, at))


async def _on_one(
    call: Call[Nothing, Any], decide: Callable[[History, int, str], list[WindowAct]]
) -> Window:
    name = call.path["id"]
    return await _act(
        call,
        lambda known, at: decide(known, at, name),
        lambda history: definition(standing(history)[name], history, call.parts.file),
    )


async def _act(
    call: Call[Nothing, Any],
    decide: Callable[[History, int], list[WindowAct]],
    told: Callable[[History], A],
) -> A:
    def facts(history: History, at: int) -> list[Fact]:
        return [acts.fact_of(one) for one in decide(history, at)]

    try:
        return await act(call, facts, told)
    except RefusedActError as error:
        error.file = call.parts.file
        raise


def _checked(
    entries: Sequence[dict[str, Any]], used: Config, by: str, at: int
) -> tuple[config_windows.Window, ...]:
    listed = sum(len(v) for one in entries for v in one.values() if isinstance(v, list))
    if listed > MOST_LISTED:
        told = f"at most {MOST_LISTED} systems and dates in one request"
        raise InvalidError([Problem("", 1, "windows", told)])
    try:
        return proposals(entries, used.systems, by, times.rfc3339(at))
    except WindowErrors as error:
        raise InvalidError(
            [
                Problem(p.file, p.line, p.path.replace("maintenance", "windows", 1), p.message)
                for p in error.problems
            ]
        ) from None


def _ahead(asked: Ahead, window: config_windows.Window, parts: Parts) -> list[Next]:
    since = parts.now() if asked.from_ is None else parts.config.ms(asked.from_)
    found = preview.ahead(window, since, asked.next)
    return cast("list[Next]", preview.shown(found, preview.zones(window, parts.config)))


def definition(plan: Planned, history: History, file: str) -> Window:
    """One window as it stands: what and when, who said so, and where it is written."""
    window, approval = plan.window, plan.approval
    good = approval is not None and approval.by != window.proposed.by
    status: Literal["approved", "proposed"] = "approved" if good else "proposed"
    return {
        **cast("Content", content(window)),
        "digest": plan.digest,
        "source": plan.source,
        "file": file if plan.source is Source.FILE else None,
        "place": acting.place_of(history, window.id),
        "status": "cancelled" if plan.cancelled is not None else status,
        "proposed": {"by": window.proposed.by, "at": stamp(plan.proposed_at)},
        "approved": None
        if approval is None
        else {"by": approval.by, "counts_from": stamp(approval.at), "ref": approval.ref},
        "cancelled": None
        if plan.cancelled is None
        else {"by": plan.cancelled.by, "at": stamp(plan.cancelled.at)},
        "finished": [stamp(at) for at in plan.finished],
    }


def _occurrences(truths: Sequence[SystemTruth], start: int, end: int) -> list[Occurrence]:
    """One entry an occurrence; `systems` says what it takes out of each."""
    found: dict[tuple[int, str], Occurrence] = {}
    for truth in truths:
        for one in truth.occurrences(end):
            if not (one.start < end and (one.end > start or one.start >= start)):
                continue
            entry = found.setdefault(
                (one.start, one.id),
                {
                    "id": one.id,
                    "start": stamp(one.start),
                    "end": stamp(one.end),
                    "real_minutes": max(one.end - one.start, 0) // 60_000,
                    "systems": {},
                },
            )
            entry["systems"][truth.system] = {
                "excludes": one.excludes,
                "why": one.why,
                "parts": [[stamp(piece.start), stamp(piece.end)] for piece in one.parts],
                "expect_down_ms": one.expect_down_ms,
            }
    return [found[key] for key in sorted(found)]


P, BASE = Permission, "/api/v1/maintenance"
ROUTES = (
    get(BASE, P.MAINTENANCE_READ, list_maintenance, Maintenance, Between),
    post(BASE, P.MAINTENANCE_PROPOSE, propose_windows, Windows, Proposal, LARGE),
    Route(
        "POST",
        f"{BASE}/preview",
        P.MAINTENANCE_READ,
        preview_windows,
        Previews,
        Ahead,
        Draft,
        largest=LARGE,
    ),
    get(f"{BASE}/{{id}}", P.MAINTENANCE_READ, read_window, WindowAhead, Ahead),
    post(f"{BASE}/{{id}}/approve", P.MAINTENANCE_APPROVE, approve_window, Window, WindowApproval),
    post(f"{BASE}/{{id}}/cancel", P.MAINTENANCE_CANCEL, cancel_window, Window, WindowActing),
    post(f"{BASE}/{{id}}/finish", P.MAINTENANCE_FINISH, finish_window, Window, WindowActing),
)
