"""Corrections after the fact: requested by one person, approved by another."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from collector import acts
from collector.access.policy import Permission
from collector.api.cursors import Paged, part
from collector.api.once import act
from collector.api.parts import stamp
from collector.api.problems import BadRequestError
from collector.api.routes import Call, Nothing, get, post
from collector.api.shapes import Instant
from collector.core import corrections
from collector.journal import Fact
from probes.acts import CorrectAs, Correction, CorrectionReason, Signed
from probes.config_words import Id, Model, Ref
from probes.config_words import Instant as WrittenInstant
from probes.history import History


class CorrectionRequest(Model):
    """Times without offset are in the organization's zone, and have passed."""

    id: Id
    system: Id
    from_: Annotated[WrittenInstant, Field(alias="from")]
    to: WrittenInstant
    counts_as: Annotated[CorrectAs, Field(alias="as")]
    reason: CorrectionReason
    ref: Ref


class CorrectionApproval(Model):
    ref: Ref | None = None


class Signature(TypedDict):
    by: str
    at: Instant
    ref: str | None


CorrectionShown = TypedDict(
    "CorrectionShown",
    {
        "id": str,
        "system": str,
        "from": Instant,
        "to": Instant,
        "as": CorrectAs,
        "reason": CorrectionReason,
        "status": Literal["requested", "approved"],
        "requested": Signature,
        "approved": Signature | None,
    },
)


class Corrections(TypedDict):
    corrections: list[CorrectionShown]
    next: str | None


class Asked(Paged):
    system: str | None = None
    """Of one system only."""


async def list_corrections(call: Call[Asked, Nothing]) -> Corrections:
    """All corrections, by id; `system` names one system's."""
    parts, wanted = call.parts, call.query.system
    await parts.evaluator.refold()
    history = parts.evaluator.history
    if wanted is not None and all(wanted not in v.config.systems for v in history.versions):
        raise BadRequestError("system", "no system of this id in any config version")
    found = [one for one in history.corrections if wanted in (None, one.system)]
    told, following = part(found, lambda one: one.id, call.query)
    return {"corrections": [shown(one) for one in told], "next": following}


async def request_correction(call: Call[Nothing, CorrectionRequest]) -> CorrectionShown:
    """Record a request; it counts for nothing until somebody else approves it."""
    said, who = call.body, call.who.account

    def decide(history: History, at: int) -> list[Fact]:
        one = Correction(
            said.id,
            said.system,
            history.latest.ms(said.from_),
            history.latest.ms(said.to),
            said.counts_as,
            said.reason,
            Signed(who, at, said.ref),
        )
        return [acts.fact_of_request(corrections.request(history, one))]

    return await act(call, decide, lambda history: _named(history, said.id))


async def approve_correction(call: Call[Nothing, CorrectionApproval]) -> CorrectionShown:
    """Approve somebody else's request."""
    name, who, ref = call.path["id"], call.who.account, call.body.ref

    def decide(history: History, at: int) -> list[Fact]:
        signed = corrections.approve(history, name, Signed(who, at, ref))
        return [acts.fact_of_approval(name, signed)]

    return await act(call, decide, lambda history: _named(history, name))


def _named(history: History, name: str) -> CorrectionShown:
    return shown(next(one for one in history.corrections if one.id == name))


def shown(one: Correction) -> CorrectionShown:
    return {
        "id": one.id,
        "system": one.system,
        "from": stamp(one.start),
        "to": stamp(one.end),
        "as": one.counts_as,
        "reason": one.reason,
        "status": "requested" if one.approved is None else "approved",
        "requested": _signed(one.requested),
        "approved": None if one.approved is None else _signed(one.approved),
    }


def _signed(one: Signed) -> Signature:
    return {"by": one.by, "at": stamp(one.at), "ref": one.ref}


ROUTES = (
    get("/api/v1/corrections", Permission.CORRECTIONS_READ, list_corrections, Corrections, Asked),
    post(
        "/api/v1/corrections",
        Permission.CORRECTIONS_REQUEST,
        request_correction,
        CorrectionShown,
        CorrectionRequest,
    ),
    post(
        "/api/v1/corrections/{id}/approve",
        Permission.CORRECTIONS_APPROVE,
        approve_correction,
        CorrectionShown,
        CorrectionApproval,
    ),
)
