"""270/271 and 276/277 in the JSON of the medical network, which Optum has and Stedi took over.

Bodies of questions, and the judging of answers. A right status says nothing: rejections of clearinghouse
and payer come with 200 (`aaaErrors` and `errors`), and so do answers to somebody else's question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from probes.wire.clearinghouse import (
    API_ERROR,
    NOT_JSON,
    REFUSES_REQUEST,
    REQUEST,
    WRONG_MODE,
    Json,
    each,
    judge_status,
    loop_of,
    one,
    read_object,
    rejection,
    text,
)
from probes.wire.x12_answer import (
    FOREIGN,
    Answer,
    Category,
    Interim,
    Loop,
    Rejection,
    Verdict,
    category,
)
from probes.wire.x12_question import Asked, Asks

_PARENTS = (("payer", Loop.PAYER), ("provider", Loop.PROVIDER), ("subscriber", Loop.MEMBER))
_LIVE, _TEST = frozenset({"production", "prod"}), frozenset({"test", "sandbox"})
_ACKNOWLEDGED = {"A": True, "E": True, "M": False, "P": False, "R": False, "W": False, "X": False}


@dataclass(frozen=True, slots=True)
class Echo:
    """What of our question comes back in its answer: `control` in `controlNumber`, `trace` in
    `meta.traceId`; a claim has its tracking number.
    """

    control: str | None = None
    trace: str | None = None


def control_number(asked: Asked) -> str:
    """Nine digits."""
    return f"{asked.run.control:09d}"


def question(asked: Asked) -> Json:
    """The body of a question."""
    body = _eligibility if asked.question.asks is Asks.ELIGIBILITY else _claim_status
    return {"tradingPartnerServiceId": asked.question.payer.id, **body(asked)}


def _eligibility(asked: Asked) -> Json:
    provider = asked.question.provider
    return {
        "provider": {"organizationName": provider.name, "npi": provider.npi},
        "subscriber": _subscriber(asked),
        "encounter": {"serviceTypeCodes": [asked.question.service_type]},
    }


def _claim_status(asked: Asked) -> Json:
    provider, claim = asked.question.provider, asked.question.claim
    if claim is None:
        raise ValueError("the status of which claim?")
    day = f"{claim.service_date:%Y%m%d}"
    told = {
        "beginningDateOfService": day,
        "endDateOfService": day,
        "trackingNumber": asked.run.token,
        "submittedAmount": claim.charge,
        "tradingPartnerClaimNumber": claim.number,
    }
    named = {"organizationName": provider.name, "npi": provider.npi}
    return {
        "providers": [{**named, "providerType": "BillingProvider"}],
        "subscriber": _subscriber(asked),
        "encounter": {key: value for key, value in told.items() if value is not None},
    }


def _subscriber(asked: Asked) -> Json:
    member = asked.question.member
    return {
        "memberId": member.id,
        "firstName": member.first_name,
        "lastName": member.last_name,
        "dateOfBirth": f"{member.born:%Y%m%d}",
    }


def read(asked: Asked, status: int, body: bytes, echo: Echo) -> Answer | Verdict:
    """The answer, or what stands in its place."""
    refused = judge_status(status)
    if refused is not None and status not in REFUSES_REQUEST:
        return refused
    found = read_object(body)
    if found is None:
        return refused or NOT_JSON
    if not is_of_mode(found, production=asked.question.production):
        return WRONG_MODE
    answer = _content(asked, found)
    if refused is not None:  # whoever refuses a question says nothing of another one
        return answer if isinstance(answer, Answer) and answer.rejections else REQUEST
    if not _is_ours(asked, found, echo, speaks=_speaks_of_member(answer)):
        return FOREIGN
    return answer


def is_of_mode(found: Json, *, production: bool) -> bool:
    """Does the answer, where it tells, come from where we asked: from production or from a test?"""
    told = text(one(found.get("meta")).get("applicationMode")).lower()
    return told not in (_TEST if production else _LIVE)


def _content(asked: Asked, found: Json) -> Answer | Verdict:
    codes = {text(entry.get("code")) for entry in each(found.get("benefitsInformation"))}
    codes |= {text(entry.get("statusCode")) for entry in each(found.get("planStatus"))}
    has_benefits = bool(codes - {"", "V"})
    errors = [
        *each(found.get("errors")),
        *each(one(found.get("errorResponse")).get("errors")),
    ]
    rejections = (*_rejections(found), *_located(errors))
    if not rejections:
        # an AAA without a place is of whoever answered us
        rejections = tuple(
            rejection(error, Loop.CLEARINGHOUSE) for error in errors if _is_aaa(error)
        )
    if rejections:
        return Answer(rejections, has_benefits)
    failed = _failed(found, errors)
    if failed is not None:
        return failed
    categories = tuple(_categories(found)) if asked.question.asks is Asks.CLAIM_STATUS else ()
    accepted = _ACKNOWLEDGED.get(text(found.get("transactionSetAcknowledgement")))
    if accepted is not None and not has_benefits and not categories:
        return Answer(interim=Interim(accepted, is_ta1=False))
    return Answer((), has_benefits, categories)


def _rejections(found: Json) -> Iterator[Rejection]:
    places = [(one(found.get(name)), loop) for name, loop in _PARENTS]
    places += [(entry, Loop.MEMBER) for entry in each(found.get("dependents"))]
    for place, loop in places:
        for error in each(place.get("aaaErrors")):
            yield rejection(error, loop)


def _located(errors: Collection[Json]) -> Iterator[Rejection]:
    for error in errors:
        loop = loop_of(text(error.get("location")))
        if loop is not None:
            yield rejection(error, loop)


def _is_aaa(error: Mapping[str, object]) -> bool:
    return text(error.get("field")).upper() == "AAA"


def _failed(found: Json, errors: Collection[Json]) -> Verdict | None:
    """Errors that are no AAA: about a field they are ours, else the interface's own."""
    told = one(found.get("errorResponse"))
    if not errors and not text(told.get("code")) and not told.get("description"):
        return None
    about_field = any(text(error.get("field")) or text(error.get("location")) for error in errors)
    return REQUEST if about_field else API_ERROR


def _categories(found: Json) -> Iterator[Category]:
    for claim in each(found.get("claims")):
        statuses = [one(claim.get("claimStatus"))]
        for line in each(claim.get("serviceDetails")):
            statuses += each(line.get("status"))
        for status in statuses:
            known = category(text(status.get("statusCategoryCode")))
            if known is not None:
                yield known


def _speaks_of_member(answer: Answer | Verdict) -> bool:
    if not isinstance(answer, Answer):
        return False
    about = any(one_.loop is Loop.MEMBER for one_ in answer.rejections)
    return answer.has_benefits or bool(answer.categories) or about


def _is_ours(asked: Asked, found: Json, echo: Echo, *, speaks: bool) -> bool:
    """Whatever comes back of our question must be ours; who speaks of a member has something of it."""
    came: list[tuple[str, str]] = []
    if echo.control is not None:
        came.append((text(found.get("controlNumber")), echo.control))
    if echo.trace is not None:
        came.append((text(one(found.get("meta")).get("traceId")), echo.trace))
    for claim in each(found.get("claims")):
        number = text(one(claim.get("claimStatus")).get("trackingNumber"))
        came.append((number, asked.run.token))
    told = [(back, sent) for back, sent in came if back]
    return all(back == sent for back, sent in told) and (bool(told) or not speaks)
