"""Stedi: the JSON of the medical network, or X12 inside a JSON of one key. A key for tests and one for
production go to the same address: which one it was, the answer tells.
"""

from __future__ import annotations

import msgspec

from probes.wire import clearinghouse_network as network
from probes.wire.clearinghouse import (
    NOT_JSON,
    REFUSES_REQUEST,
    WRONG_MODE,
    judge_status,
    read_object,
    text,
)
from probes.wire.x12_answer import NOT_X12, Answer, Verdict, read_answer
from probes.wire.x12_question import Asked, Asks, Envelope, write

_PATHS = {
    Asks.ELIGIBILITY: "change/medicalnetwork/eligibility/v3",
    Asks.CLAIM_STATUS: "change/medicalnetwork/claimstatus/v2",
}


def path(asks: Asks, *, raw: bool) -> str:
    return f"{_PATHS[asks]}/raw-x12" if raw else _PATHS[asks]


def body(asked: Asked) -> bytes:
    told = network.question(asked)
    if asked.question.asks is Asks.ELIGIBILITY:
        told["submitterTransactionIdentifier"] = asked.run.token
    return msgspec.json.encode(told)


def raw_body(asked: Asked, envelope: Envelope) -> bytes:
    x12 = write(asked.question, asked.run, envelope)
    return msgspec.json.encode({"x12": x12.decode("ascii")})


def read(asked: Asked, status: int, content: bytes) -> Answer | Verdict:
    is_claim = asked.question.asks is Asks.CLAIM_STATUS
    echo = network.Echo() if is_claim else network.Echo(trace=asked.run.token)
    return network.read(asked, status, content, echo)


def read_raw(asked: Asked, status: int, content: bytes, max_bytes: int) -> Answer | Verdict:
    """An error comes in JSON, as there."""
    refused = judge_status(status)
    found = read_object(content)
    x12 = "" if found is None else text(found.get("x12"))
    if not x12 or refused is not None:
        if refused is not None and status not in REFUSES_REQUEST:
            return refused
        if found is None:
            return refused or NOT_JSON
        judged = network.read(asked, status, content, network.Echo())
        told = not isinstance(judged, Answer) or judged.rejections or judged.interim
        return judged if told else NOT_X12
    if found is not None and not network.is_of_mode(found, production=asked.question.production):
        return WRONG_MODE
    data = x12.encode("latin-1", "replace")
    return read_answer(data, asked.question.asks, asked.run, max_bytes)
