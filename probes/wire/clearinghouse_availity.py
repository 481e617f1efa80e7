"""Availity: a form is posted, and the answer looked for until the payer has given it.

Demo and live have one address and one kind of token; a header field of the answer tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

from probes import times
from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.clearinghouse import (
    API_ERROR,
    NOT_JSON,
    PAYER_UNREACHABLE,
    REFUSES_REQUEST,
    REQUEST,
    WRONG_MODE,
    Json,
    each,
    judge_status,
    one,
    read_object,
    rejection,
    text,
)
from probes.wire.x12_answer import (
    FOREIGN,
    WRONG_ANSWER,
    Answer,
    Category,
    Loop,
    Rejection,
    Verdict,
    category,
)
from probes.wire.x12_question import Asked, Asks

PATHS = {Asks.ELIGIBILITY: "coverages", Asks.CLAIM_STATUS: "claim-statuses"}
SCENARIO, MOCK = "X-Api-Mock-Scenario-ID", "x-api-mock-response"
PENDING: Verdict = (Outcome.DOWN, Reason.X12_ONLY_ACKNOWLEDGED)

_HALF_DAY_MS = 43_200_000
_ACCEPTED = 202
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WAITS = frozenset({"0", "1", "R1"})
_COMPLETE, _PAYER_ERROR = "4", "19"
_VERDICTS = {
    **dict.fromkeys(_WAITS, PENDING),
    # the payer did not answer them, or told that it is under maintenance
    **dict.fromkeys(("7", "13", "14", "15"), PAYER_UNREACHABLE),
    # complete, and in part invalid
    "3": WRONG_ANSWER,
}
_FIELDS = (
    (("payer",), Loop.PAYER),
    (("provider", "requestingprovider", "submitter"), Loop.PROVIDER),
    (("member", "patient", "subscriber", "dependent"), Loop.MEMBER),
)


def fields(asks: Asks) -> dict[str, str]:
    """Header fields of the question."""
    more = {"X-HTTP-Method-Override": "GET"} if asks is Asks.CLAIM_STATUS else {}
    return {"Content-Type": "application/x-www-form-urlencoded", **more}


def form(asked: Asked) -> bytes:
    body = _coverage if asked.question.asks is Asks.ELIGIBILITY else _claim_status
    return urlencode(body(asked)).encode("ascii")


def _coverage(asked: Asked) -> dict[str, str]:
    question, member = asked.question, asked.question.member
    today = times.from_ms(asked.run.at_ms - _HALF_DAY_MS)  # a day that has begun everywhere
    return {
        "payerId": question.payer.id,
        "providerLastName": question.provider.name,
        "providerNpi": question.provider.npi,
        "asOfDate": f"{today:%Y-%m-%d}",
        "serviceType": question.service_type,
        "memberId": member.id,
        "patientLastName": member.last_name,
        "patientFirstName": member.first_name,
        "patientBirthDate": f"{member.born:%Y-%m-%d}",
        "subscriberRelationship": "18",
    }


def _claim_status(asked: Asked) -> dict[str, str]:
    question, member, claim = asked.question, asked.question.member, asked.question.claim
    if claim is None:
        raise ValueError("the status of which claim?")
    told = {
        "payer.id": question.payer.id,
        "submitter.lastName": question.provider.name,
        "providers.lastName": question.provider.name,
        "providers.npi": question.provider.npi,
        "subscriber.memberId": member.id,
        "subscriber.lastName": member.last_name,
        "subscriber.firstName": member.first_name,
        "patient.lastName": member.last_name,
        "patient.firstName": member.first_name,
        "patient.birthDate": f"{member.born:%Y-%m-%d}",
        "patient.subscriberRelationshipCode": "18",
        "fromDate": f"{claim.service_date:%Y-%m-%d}",
        "toDate": f"{claim.service_date:%Y-%m-%d}",
        "claimAmount": claim.charge,
        "claimNumber": claim.number,
    }
    return {key: value for key, value in told.items() if value is not None}


def is_of_mode(mock: str | None, *, production: bool) -> bool:
    """Demo answers say so, and all others are of real people."""
    return ((mock or "").strip().lower() == "true") is not production


def pending(asked: Asked, status: int, mock: str | None, body: bytes) -> str | None:
    """Under which id the answer is to be looked for; None where there is nothing to look for, and
    where it would be the answer of another mode.
    """
    found = read_object(body)
    live = asked.question.production
    if found is None or not 200 <= status < 300 or not is_of_mode(mock, production=live):
        return None
    entry = _entry(asked.question.asks, found)
    if status != _ACCEPTED and text(entry.get("statusCode")) not in _WAITS:
        return None
    id_ = text(entry.get("id"))
    return id_ if _ID.fullmatch(id_) else None


def read(
    asked: Asked, status: int, mock: str | None, body: bytes, sought: str | None
) -> Answer | Verdict:
    """The answer, or what stands in its place. `sought`: the id that was looked for."""
    found = read_object(body)
    instead = _instead(asked, status, mock, found)
    if instead is not None or found is None:
        return instead or NOT_JSON
    entry = _entry(asked.question.asks, found)
    if sought is not None and text(entry.get("id")) != sought:
        return FOREIGN
    code = text(entry.get("statusCode"))
    if status == _ACCEPTED:
        return PENDING
    if code in _VERDICTS:
        return _VERDICTS[code]
    if code == _PAYER_ERROR:
        return Answer(tuple(_rejections(entry)) or (Rejection(Loop.PAYER, None),))
    return _complete(asked.question.asks, entry) if code == _COMPLETE else API_ERROR


def _instead(asked: Asked, status: int, mock: str | None, found: Json | None) -> Verdict | None:
    """The verdict where it is no answer at all."""
    refused = judge_status(status)
    if refused is not None:
        return REQUEST if status in REFUSES_REQUEST and found is not None else refused
    if found is None:
        return NOT_JSON
    if not is_of_mode(mock, production=asked.question.production):
        return WRONG_MODE
    return _failed(found)


def _complete(asks: Asks, entry: Json) -> Answer:
    if asks is Asks.CLAIM_STATUS:
        return Answer(categories=tuple(_categories(entry)))
    return Answer(tuple(_rejections(entry)), _has_benefits(entry))


def _entry(asks: Asks, found: Json) -> Json:
    """A question for a claim is first answered with a list of one."""
    if asks is Asks.CLAIM_STATUS and "id" not in found:
        return next(iter(each(found.get("claimStatuses"))), {})
    return found


def _failed(found: Json) -> Verdict | None:
    """An error that came with a right status."""
    status = found.get("statusCode")
    if not isinstance(status, int) or not ("userMessage" in found or "developerMessage" in found):
        return None
    return judge_status(status) or API_ERROR


def _rejections(entry: Json) -> Iterator[Rejection]:
    for message in each(entry.get("validationMessages")):
        yield rejection(message, _loop(text(message.get("field"))))


def _loop(field: str) -> Loop:
    """Whose value it was; the payer's where that is not told: it is the payer who answers."""
    name = field.lower()
    return next((loop for names, loop in _FIELDS if name.startswith(names)), Loop.PAYER)


def _has_benefits(entry: Json) -> bool:
    """Of a plan: EB01, or that of one of its benefits."""
    plans = each(entry.get("plans"))
    told = [*plans, *(benefit for plan in plans for benefit in each(plan.get("benefits")))]
    return any(text(one(place).get("statusCode")) not in {"", "V"} for place in told)


def _categories(entry: Json) -> Iterator[Category]:
    for claim in each(entry.get("claimStatuses")):
        lines = each(claim.get("serviceLines"))
        for place in (claim, *lines):
            for detail in each(place.get("statusDetails")):
                known = category(text(detail.get("categoryCode")))
                if known is not None:
                    yield known
