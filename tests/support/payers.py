"""Specs of checks that ask a simulated payer; every scalar is text, as a file has it."""

from __future__ import annotations

from typing import Any

from probes.contract import Kind
from probes.kinds.x12_claim_status import KIND as CLAIM_STATUS
from probes.kinds.x12_eligibility import KIND as ELIGIBILITY
from probes.testing.payer import MEMBER, MIME_PATH, NPI, SOAP_PATH, Payer

WAYS = ("core_soap", "core_mime")
PATHS = {"core_soap": SOAP_PATH, "core_mime": MIME_PATH}


def access(payer: Payer, way: str = "core_soap", **more: Any) -> dict[str, Any]:
    return {
        "url": payer.origin + PATHS[way],
        "sender": {"id": "UPTIMEMON"},
        "receiver": {"id": "PAYERTEST"},
        **more,
    }


def spec(payer: Payer, way: str = "core_soap", **more: Any) -> dict[str, Any]:
    """Of `x12_eligibility`."""
    return {
        "connect": {way: access(payer, way)},
        "payer": {"id": "99999", "name": "TESTPAYER"},
        "provider": {"npi": NPI, "name": "ZZTEST CLINIC"},
        "member": member(),
        **more,
    }


def member(**more: str) -> dict[str, str]:
    return {
        "source": "agreed_fake",
        "id": MEMBER,
        "last_name": "ZZTEST",
        "first_name": "UPTIME",
        "born": "1980-01-01",
        **more,
    }


def claim(payer: Payer, way: str = "core_soap", **more: Any) -> dict[str, Any]:
    """Of `x12_claim_status`."""
    return {**spec(payer, way), "claim": {"service_date": "2026-01-05", "charge": "100"}, **more}


def asking(payer: Payer, way: str) -> tuple[tuple[Kind[Any], dict[str, Any]], ...]:
    """Both kinds, each with a spec."""
    return (ELIGIBILITY, spec(payer, way)), (CLAIM_STATUS, claim(payer, way))
