"""Maintenance windows: what is planned, what it excludes and why, and the acts on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from collector import acts, versions
from collector.api.acting import Acting, Approving, Draft, InvalidError, Proposal, body, gate
from collector.api.availability import instant_of
from collector.api.parts import PARTS, Parts, answer, instant, only, whole
from collector.api.problems import BadRequestError
from collector.core import acting, preview
from collector.core.acting import RefusedActError
from collector.core.planned import Planned, Source, standing
from collector.core.truth import SystemTruth
from collector.core.windows import Why
from collector.journal import Fact
from probes.acts import WindowAct
from probes.config import Config, Window
from probes.history import History
from probes.times import rfc3339, tzdata_version
from probes.windows import WindowErrors, content, proposals

NEXT = 5
DAY_MS = 86_400_000
LONGEST_DAYS = 400
AHEAD_DAYS = 30

Decide = Callable[[History, int], list[WindowAct]]


async def get_maintenance(request: web.Request) -> web.Response:
    """Definitions that stand, and the occurrences of `[from, to)`: from now on, 30 days."""
    only(request, "from", "to")
    parts = request.app[PARTS]
    now = parts.now()
    start = now if "from" not in request.query else instant_of(request, "from", parts.config)
    end = start + AHEAD_DAYS * DAY_MS
    if "to" in request.query:
        end = instant_of(request, "to", parts.config)
    if not start < end <= start + LONGEST_DAYS * DAY_MS:
        raise BadRequestError("to", f"later than from, by at most {LONGEST_DAYS} days")
    await parts.evaluator.refold()
    history = parts.evaluator.history
    truths = [folded.truth for folded in parts.evaluator.folded.values()]
    return answer(
        {
            "as_of": instant(parts.evaluator.now),
            "from": instant(start),
            "to": instant(end),
            "approval_basis": "recorded",
            "tzdata": tzdata_version(),
            "windows": [definition(one, history, parts.file) for one in standing(history).values()],
            "occurrences": await asyncio.to_thread(_occurrences, truths, start, end),
        }
    )


async def get_window(request: web.Request) -> web.Response:
    """One definition with its next occurrences."""
    only(request, "next", "from")
    parts = request.app[PARTS]
    await parts.evaluator.refold()
    history = parts.evaluator.history
    name = request.match_info["id"]
    plan = standing(history).get(name)
    if plan is None:
        raise RefusedActError("window.unknown", name)
    return answer(definition(plan, history, parts.file) | _ahead(request, plan.window, parts))


async def post_preview(request: web.Request) -> web.Response:
    """The next occurrences of windows that are only thought of; nothing is recorded."""
    only(request, "next", "from")
    parts = request.app[PARTS]
    draft = await body(request, Draft)
    windows = _checked(draft.windows, parts.config, "preview", parts.now())
    return answer(
        {"windows": [{**content(window), **_ahead(request, window, parts)} for window in windows]}
    )


async def post_proposal(request: web.Request) -> web.Response:
    """Record proposals, all or none."""
    gate(request)
    only(request)
    parts = request.app[PARTS]
    wanted = await body(request, Proposal)
    by = wanted.by

    def decide(history: History, at: int) -> list[WindowAct]:
        windows = _checked(wanted.windows, history.latest, by, at)
        return acting.propose(history, windows, by, at, replace=wanted.replace)

    history = await _act(parts, decide)
    ids = {str(window.get("id")) for window in wanted.windows}
    plans = standing(history)
    shown = [definition(plans[name], history, parts.file) for name in plans if name in ids]
    return answer({"windows": shown})


async def post_approval(request: web.Request) -> web.Response:
    gate(request)
    only(request)
    said = await body(request, Approving)
    return await _on_one(
        request,
        lambda history, at, name: acting.approve(history, name, said.digest, said.by, said.ref, at),
    )


async def post_cancellation(request: web.Request) -> web.Response:
    gate(request)
    only(request)
    said = await body(request, Acting)
    return await _on_one(
        request, lambda history, at, name: acting.cancel(history, name, said.by, said.ref, at)
    )


async def post_finish(request: web.Request) -> web.Response:
    gate(request)
    only(request)
    said = await body(request, Acting)
    return await _on_one(
        request, lambda history, at, name: acting.finish(history, name, said.by, said.ref, at)
    )


async def _on_one(
    request: web.Request, decide: Callable[[History, int, str], list[WindowAct]]
) -> web.Response:
    name, parts = request.match_info["id"], request.app[PARTS]
    history = await _act(parts, lambda known, at: decide(known, at, name))
    return answer(definition(standing(history)[name], history, parts.file))


async def _act(parts: Parts, decide: Decide) -> History:
    def facts(history: History, at: int) -> list[Fact]:
        return [acts.fact_of(act) for act in decide(history, at)]

    try:
        history = await parts.store.write(versions.act, parts.org, facts, parts.now)
    except RefusedActError as error:
        error.file = parts.file
        raise
    parts.evaluator.wake()
    return history


def _checked(
    entries: Sequence[dict[str, Any]], config: Config, by: str, at: int
) -> tuple[Window, ...]:
    try:
        return proposals(entries, config.systems, by, rfc3339(at))
    except WindowErrors as error:
        raise InvalidError(
            [
                p.__class__(p.file, p.line, p.path.replace("maintenance", "windows", 1), p.message)
                for p in error.problems
            ]
        ) from None


def _ahead(request: web.Request, window: Window, parts: Parts) -> dict[str, Any]:
    since = parts.now()
    if "from" in request.query:
        since = instant_of(request, "from", parts.config)
    count = whole(request, "next", default=NEXT, most=preview.MOST)
    found = preview.ahead(window, since, count)
    return {
        "tzdata": tzdata_version(),
        "next": preview.shown(found, preview.zones(window, parts.config)),
    }


def definition(plan: Planned, history: History, file: str) -> dict[str, Any]:
    """One window as it stands: what and when, who said so, and where it is written."""
    window, approval = plan.window, plan.approval
    good = approval is not None and approval.by != window.proposed.by
    status = "approved" if good else "proposed"
    return {
        **content(window),
        "digest": plan.digest,
        "source": plan.source.value,
        "file": file if plan.source is Source.FILE else None,
        "place": acting.place_of(history, window.id),
        "status": "cancelled" if plan.cancelled is not None else status,
        "proposed": {"by": window.proposed.by, "at": rfc3339(plan.proposed_at)},
        "approved": None
        if approval is None
        else {"by": approval.by, "counts_from": rfc3339(approval.at), "ref": approval.ref},
        "cancelled": None
        if plan.cancelled is None
        else {"by": plan.cancelled.by, "at": rfc3339(plan.cancelled.at)},
        "finished": [rfc3339(at) for at in plan.finished],
    }


def _occurrences(truths: Sequence[SystemTruth], start: int, end: int) -> list[dict[str, Any]]:
    """One entry an occurrence; `systems` says what it takes out of each."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for truth in truths:
        for one in truth.occurrences(end):
            if not (one.start < end and (one.end > start or one.start >= start)):
                continue
            entry = found.setdefault(
                (one.start, one.id),
                {
                    "id": one.id,
                    "start": rfc3339(one.start),
                    "end": rfc3339(one.end),
                    "real_minutes": max(one.end - one.start, 0) // 60_000,
                    "systems": {},
                },
            )
            entry["systems"][truth.system] = {
                "excludes": one.excludes,
                "why": _why(one.why),
                "parts": [[rfc3339(part.start), rfc3339(part.end)] for part in one.parts],
                "expect_down_ms": one.expect_down_ms,
            }
    return [found[key] for key in sorted(found)]


def _why(why: Why | None) -> str | None:
    return None if why is None else why.value
