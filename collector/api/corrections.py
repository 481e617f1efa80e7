"""Corrections after the fact: requested by one person, approved by another."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from collector import acts, versions
from collector.api.acting import Acting, Requesting, body, gate
from collector.api.parts import PARTS, Parts, answer, only
from collector.api.problems import BadRequestError
from collector.core import corrections
from collector.journal import Fact
from probes.acts import Correction, Signed
from probes.history import History
from probes.times import rfc3339


async def get_corrections(request: web.Request) -> web.Response:
    """All of them, in the order of their requests; `system` names one system's."""
    only(request, "system")
    parts = request.app[PARTS]
    await parts.evaluator.refold()
    wanted = request.query.get("system")
    versions_ = parts.evaluator.history.versions
    if wanted is not None and all(wanted not in v.config.systems for v in versions_):
        raise BadRequestError("system", "no system of this id in any config version")
    return answer(
        {
            "corrections": [
                shown(one)
                for one in parts.evaluator.history.corrections
                if wanted in (None, one.system)
            ]
        }
    )


async def post_correction(request: web.Request) -> web.Response:
    """Record a request; it counts for nothing until somebody else approves it."""
    gate(request)
    only(request)
    parts = request.app[PARTS]
    said = await body(request, Requesting)

    def decide(history: History, at: int) -> list[Fact]:
        one = Correction(
            said.id,
            said.system,
            history.latest.ms(said.from_),
            history.latest.ms(said.to),
            said.counts_as,
            said.reason,
            Signed(said.by, at, said.ref),
        )
        return [acts.fact_of_request(corrections.request(history, one))]

    history = await parts.store.write(versions.act, parts.org, decide, parts.now)
    return _answer(parts, history, said.id)


async def post_correction_approval(request: web.Request) -> web.Response:
    gate(request)
    only(request)
    parts = request.app[PARTS]
    said = await body(request, Acting)
    name = request.match_info["id"]

    def decide(history: History, at: int) -> list[Fact]:
        signed = corrections.approve(history, name, Signed(said.by, at, said.ref))
        return [acts.fact_of_approval(name, signed)]

    history = await parts.store.write(versions.act, parts.org, decide, parts.now)
    return _answer(parts, history, name)


def _answer(parts: Parts, history: History, name: str) -> web.Response:
    parts.evaluator.wake()
    return answer(shown(next(one for one in history.corrections if one.id == name)))


def shown(one: Correction) -> dict[str, Any]:
    return {
        "id": one.id,
        "system": one.system,
        "from": rfc3339(one.start),
        "to": rfc3339(one.end),
        "as": one.counts_as.value,
        "reason": one.reason.value,
        "status": "requested" if one.approved is None else "approved",
        "requested": _signed(one.requested),
        "approved": None if one.approved is None else _signed(one.approved),
    }


def _signed(one: Signed) -> dict[str, str | None]:
    return {"by": one.by, "at": rfc3339(one.at), "ref": one.ref}
