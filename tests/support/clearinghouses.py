"""Specs of checks that ask a simulated clearinghouse in JSON; every scalar is text."""

from __future__ import annotations

from typing import Any

from probes.contract import Kind
from probes.kinds.x12_claim_status import KIND as CLAIM_STATUS
from probes.kinds.x12_eligibility import KIND as ELIGIBILITY
from probes.testing.clearinghouse import AVAILITY, OPTUM, STEDI, Clearinghouse
from probes.testing.clearinghouse_answers import NPI
from tests.support.payers import member

WAYS = ("stedi", "stedi_x12", "optum", "availity")
BY_TOKEN = ("optum", "availity")
_PATHS = {"stedi": STEDI, "optum": OPTUM, "availity": AVAILITY}


def secrets(house: Clearinghouse) -> dict[str, bytes]:
    return {"env:KEY": house.api_key.encode(), "env:SECRET": house.client[1].encode()}


def connect(house: Clearinghouse, way: str, ca: str, **more: Any) -> dict[str, Any]:
    product = way.partition("_")[0]
    given: dict[str, Any] = {"base_url": house.origin + _PATHS[product], "ca": ca}
    if product == "stedi":
        given["api_key"] = "env:KEY"
    else:
        given |= {"client_id": house.client[0], "secret": "env:SECRET"}
    if way == "stedi_x12":
        given |= {"format": "x12", "sender": {"id": "UPTIMEMON"}, "receiver": {"id": "STEDI"}}
    return {product: {**given, **more}}


def spec(house: Clearinghouse, way: str, ca: str, **more: Any) -> dict[str, Any]:
    """Of `x12_eligibility`."""
    return {
        "connect": connect(house, way, ca),
        "payer": {"id": "99999", "name": "TESTPAYER"},
        "provider": {"npi": NPI, "name": "ZZTEST CLINIC"},
        "member": member(),
        **more,
    }


def claim(house: Clearinghouse, way: str, ca: str, **more: Any) -> dict[str, Any]:
    """Of `x12_claim_status`; Stedi answers such questions in production alone."""
    live = {"production": "true", "agreement": "CHG0031"} if way.startswith("stedi") else {}
    about = {"service_date": "2026-01-05", "charge": "100"}
    return {**spec(house, way, ca), "claim": about, **live, **more}


def asking(house: Clearinghouse, way: str, ca: str) -> tuple[tuple[Kind[Any], dict[str, Any]], ...]:
    """Both kinds, each with a spec."""
    return (ELIGIBILITY, spec(house, way, ca)), (CLAIM_STATUS, claim(house, way, ca))
