"""The letter of an attestation: what it is and how to fetch it, and nothing that fetches it."""

from __future__ import annotations

import json
from typing import Any

from alerts.attested import Attested, render_attested
from alerts.letter import letter
from alerts.minimal import minimal
from alerts.receivers import attested, everybody
from probes.config import Config
from probes.tripwire import Pattern
from tests.support.rounds import config

SHA = "0123456789abcdef" * 4
MAIL = {"kind": "email", "host": "mail.example.org", "from": "w@example.org"}
PEOPLE = {
    "ann": {"name": "Ann Lee", "role": "csm", "email": "ann@example.org"},
    "bob": {"name": "Bob Lee", "role": "legal_compliance", "email": "bob@example.org"},
}
LOG = {"origin": "st-elsewhere.example.org/w", "keys": ["file:/run/secrets/log.key"]}


def told(**changes: Any) -> Config:
    deliver = {"to": ["bob", "ann"], "via": "mail"}
    return config(
        contacts=PEOPLE,
        channels={"mail": MAIL},
        routes=[],
        evidence_log=LOG,
        attestations={"issue": "monthly", "deliver": deliver},
        **changes,
    )


def event(revision: int = 1, systems: tuple[str, ...] = ("ehr", "gone")) -> dict[str, Any]:
    what = Attested(
        "2026-01-3", "2026-01", 1_767_247_200_000, 1_769_925_600_000, systems, revision, SHA, 52_000
    )
    used = told(access={"public_url": "https://wardwatch.example.org"})
    body = render_attested(used, what, message_id="m-1", receiver="mail.ann", at=1_770_200_000_000)
    made: dict[str, Any] = json.loads(body)
    return made


def test_contacts_are_told_by_the_channel_though_they_have_it_not_in_reach() -> None:
    assert attested(told()) == ("mail.bob", "mail.ann")
    assert {"mail.bob", "mail.ann"} <= set(everybody(told()))
    assert attested(config()) == ()


def test_a_letter_says_what_was_issued_its_digest_and_the_commands() -> None:
    found = letter(event())
    assert found.subject == "[Wardwatch] Attestation of availability: 2026-01"
    assert found.headline == "The attestation of 2026-01 was issued."
    assert [(row.label, row.value) for row in found.rows] == [
        ("Period", "2026-01"),
        ("From", "2026-01-01 00:00 CST (2026-01-01 06:00 UTC)"),
        ("Until", "2026-02-01 00:00 CST (2026-02-01 06:00 UTC)"),
        ("Systems", "EHR, gone"),
        ("Attestation", "2026-01-3"),
        ("Bytes", "52000"),
        ("SHA-256", SHA),
        ("Fetch it", "wardwatch attest get 2026-01-3 --out attestation.zip"),
        ("Verify it", "wardwatch verify attestation.zip"),
        ("Wardwatch", "https://wardwatch.example.org"),
    ]


def test_a_revision_says_that_it_supersedes() -> None:
    found = letter(event(revision=2))
    assert found.headline == "The attestation of 2026-01 was issued, revision 2."
    assert found.step == "Late evidence came, so it supersedes the one before it."


def test_many_systems_are_counted_where_they_are_too_many_to_name() -> None:
    many = tuple(f"system-{n}" for n in range(300))
    made = event(systems=many)
    assert (made["data"]["count"], len(made["data"]["systems"])) == (300, 200)
    shown = {row.label: row.value for row in letter(made).rows}["Systems"]
    assert shown.endswith("system-19, 280 more")


def test_in_the_short_form_the_id_and_the_digest_stay() -> None:
    short = minimal(event(), [Pattern.SSN])
    rows = {row.label: row.value for row in letter(short).rows}
    assert (rows["Attestation"], rows["SHA-256"]) == ("2026-01-3", SHA)
    assert short["data"]["minimal"] == ["ssn"]
