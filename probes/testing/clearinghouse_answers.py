"""What three simulated clearinghouses answer in JSON, with a payer behind them.

Written by hand from what the products publish of their shapes, not by what reads them. The canaries
stand wherever an answer has room for a person or a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NPI, MEMBER = "1999999984", "ZZUP0001"
Json = dict[str, Any]
Rejected = tuple[str, str]
"""Loop and AAA03."""

FAILING: dict[str, Rejected] = {
    "aaa_42_clearinghouse": ("2000A", "42"),
    "aaa_42_payer": ("2100A", "42"),
    "aaa_80_payer": ("2100A", "80"),
    "aaa_42_subscriber": ("2100C", "42"),
}
_PARENTS = {"2000A": "payer", "2100A": "payer", "2100B": "provider", "2100C": "subscriber"}
_FIELDS = {"2100A": "payerId", "2100B": "providerNpi", "2100C": "memberId"}


@dataclass(frozen=True)
class Asked:
    """Of a question, whatever product it was put to."""

    is_claim: bool
    npi: str
    member: str
    echo: str
    """What is to come back."""
    tracking: str = ""


@dataclass(frozen=True)
class Says:
    """How it answers. `text` is planted everywhere."""

    text: str
    fault: str
    aaa: Rejected | None
    category: str
    live: bool

    def rejected(self, asked: Asked) -> Rejected | None:
        if self.fault in FAILING and not asked.is_claim:
            return FAILING[self.fault]
        if self.aaa is not None:
            return self.aaa
        if asked.npi != NPI:
            return "2100B", "51"
        return None if asked.member == MEMBER else ("2100C", "75")

    def categories(self) -> list[str]:
        failing = {"aaa_42_payer": ["E1"], "aaa_80_payer": ["E2"], "no_benefits": []}
        return failing.get(self.fault, [self.category])


def network(asked: Asked, says: Says, *, traced: bool) -> Json:
    """Of Stedi, which gives back our trace, and of Optum, which gives back our control number."""
    echo = "SOMEBODYELSES" if says.fault == "foreign" else asked.echo
    mode = "production" if says.live != (says.fault == "wrong_mode") else "test"
    text = says.text
    whole: Json = {
        "meta": {"applicationMode": mode, "submitterId": text},
        "controlNumber": "112233445" if traced else echo,
        "tradingPartnerServiceId": "99999",
        "payer": {"name": text},
        "provider": {"providerOrgName": text},
        "subscriber": {"memberId": text, "firstName": text, "lastName": text, "ssn": text},
    }
    if traced and not asked.is_claim:
        whole["meta"]["traceId"] = echo
    if says.fault == "api_error":
        return {**whole, "errors": [{"code": "NETWORK_ERROR", "description": text}]}
    if asked.is_claim:
        tracking = "SOMEBODYELSES" if says.fault == "foreign" else asked.tracking
        whole["claims"] = [
            {
                "claimStatus": {
                    "statusCategoryCode": code,
                    "statusCategoryCodeValue": text,
                    "trackingNumber": tracking,
                    "patientAccountNumber": text,
                }
            }
            for code in says.categories()
        ]
        return whole
    rejected = says.rejected(asked)
    if rejected is not None:
        error = {
            "field": "AAA",
            "code": rejected[1],
            "description": text,
            "followupAction": "Resubmission Allowed",
            "location": f"Loop {rejected[0]}",
        }
        whole[_PARENTS[rejected[0]]]["aaaErrors"] = [error]
        whole["errors"] = [error]
    elif says.fault != "no_benefits":
        whole["benefitsInformation"] = [
            {"code": "1", "name": text, "serviceTypeCodes": ["30"]},
            {"code": "C", "benefitAmount": "500", "additionalInformation": [{"description": text}]},
        ]
    return whole


def coverage(id_: str, asked: Asked, says: Says) -> Json:
    """Of Availity, complete."""
    text = says.text
    person = {"firstName": text, "lastName": text, "ssn": text}
    whole: Json = {
        "id": "9999" if says.fault == "foreign" else id_,
        "status": "Complete",
        "statusCode": "4",
        "controlNumber": text,
        "patient": {**person, "memberId": text},
        "subscriber": person,
        "payer": {"name": text},
    }
    if says.fault == "payer_unreachable":
        return {**whole, "status": "Communication Error", "statusCode": "13"}
    if says.fault == "api_error":
        return {**whole, "statusCode": "77"}
    if asked.is_claim:
        details = [[{"categoryCode": code, "category": text}] for code in says.categories()]
        listed = [{"traceId": text, "statusDetails": each} for each in details]
        return {**whole, "claimStatuses": listed}
    rejected = says.rejected(asked)
    if rejected is not None:
        message = {"code": rejected[1], "errorMessage": text, "index": 0}
        if rejected[0] in _FIELDS:
            message["field"] = _FIELDS[rejected[0]]
        else:
            message["location"] = f"Loop {rejected[0]}"
        return {**whole, "statusCode": "19", "validationMessages": [message]}
    benefits = [] if says.fault == "no_benefits" else [{"statusCode": "1", "name": text}]
    return {**whole, "plans": [{"groupName": text, "benefits": benefits}]}
