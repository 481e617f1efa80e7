"""Optum, before it Change Healthcare: the JSON of the medical network behind a token. Nothing is ever
sent again: there is no key that makes repetition safe.
"""

from __future__ import annotations

import msgspec

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire import clearinghouse_network as network
from probes.wire.clearinghouse import NOT_JSON, judge_status, read_object, text
from probes.wire.x12_answer import Answer, Verdict
from probes.wire.x12_question import Asked, Asks

TOKEN_PATH = "apip/auth/v2/token"  # noqa: S105 - a path
_PATHS = {
    Asks.ELIGIBILITY: "medicalnetwork/eligibility/v3",
    Asks.CLAIM_STATUS: "medicalnetwork/claimstatus/v2",
}
_UNWELL: Verdict = (Outcome.DOWN, Reason.X12_API_ERROR)
_WELL = frozenset({"ok", "up", "healthy"})


def path(asks: Asks) -> str:
    return f"{_PATHS[asks]}/"


def health_path(asks: Asks) -> str:
    return f"{_PATHS[asks]}/healthcheck"


def fields(asked: Asked) -> dict[str, str]:
    """Header fields by which their people find the question: a number of this run, and no more."""
    run = str(asked.run.request_id)
    return {"x-chng-trace-id": run, "x-optum-correlation-id": run}


def body(asked: Asked) -> bytes:
    told = network.question(asked)
    told["controlNumber"] = network.control_number(asked)
    return msgspec.json.encode(told)


def read(asked: Asked, status: int, content: bytes) -> Answer | Verdict:
    echo = network.Echo(control=network.control_number(asked))
    return network.read(asked, status, content, echo)


def judge_health(status: int, content: bytes) -> Verdict:
    """Shallow: the interface is there. It says nothing of any payer."""
    refused = judge_status(status)
    if refused is not None:
        return refused
    found = read_object(content)
    if found is None:
        return NOT_JSON
    return (Outcome.UP, Reason.OK) if text(found.get("status")).lower() in _WELL else _UNWELL
