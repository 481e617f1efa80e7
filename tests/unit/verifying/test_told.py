"""What is no failure and somebody should know: reports, what witnesses saw late, what is not disclosed."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from collector.attest import entries
from collector.attest.entries import LogStart, Previous
from collector.bundle import layout
from collector.facts import canonical
from collector.verifying import report
from collector.verifying.failures import Failure
from collector.verifying.rendering import SOFTWARE
from collector.verifying.telling import Check, Doing, Told
from collector.verifying.verify import Given, Outcome, verify
from probes import agentkeys
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import Ledger, Members, bundle, stated, zipped
from tests.unit.verifying.story import DAY, HOUR, NOW, PINNED, START, T0
from tests.unit.verifying.tampering import OWN, members, predicate, rendered, unwitnessed


def judged(found: Members, given: Given | None = None) -> tuple[Outcome, list[Told]]:
    told: list[Told | Doing] = []
    outcome = verify(io.BytesIO(zipped(found)), given or Given(), told.append)
    return outcome, [one for one in told if isinstance(one, Told)]


def notes(found: Members, check: Check) -> list[str]:
    outcome, told = judged(found)
    assert outcome.failure is None
    return [one.text for one in told if one.check is check and one.note]


def test_reports_that_are_made_of_the_statement_are_told() -> None:
    outcome, told = judged(rendered())
    assert outcome.failure is None
    assert [(one.text, one.note) for one in told if one.check is Check.REPORTS] == [
        ("report.html and oscal.json say what the statement says", False)
    ]


def test_reports_of_another_version_are_not_compared_and_that_is_told() -> None:
    found = rendered("0.0.9")
    found[layout.REPORT_HTML] += b" "
    told = notes(stated(found, predicate(found)), Check.REPORTS)
    text = "report.html: not compared, for the statement was made by another version (0.0.9, here "
    assert told == [f"{text}{SOFTWARE}); take the numbers from here"]
    assert notes(rendered("0.0.9"), Check.REPORTS) == []


def test_a_pdf_is_not_looked_at_and_that_is_told() -> None:
    found = {**members(), layout.REPORT_PDF: b"%PDF-1.7 99.95 %"}
    assert "report.pdf: the issuer signed for it; that it says the same was not looked at" in notes(
        stated(found, predicate(found)), Check.REPORTS
    )


@pytest.mark.parametrize(
    "claim", [{"limitations": 7}, {"software": []}, {"version": "1"}, {"attestationId": ""}]
)
def test_a_claim_of_another_type_is_malformed(claim: dict[str, object]) -> None:
    found = members()
    outcome, _ = judged(stated(found, {**predicate(found), **claim}))  # type: ignore[dict-item]
    assert outcome.failure is not None
    assert outcome.failure.code is Failure.STATEMENT_MALFORMED


def test_a_version_that_the_witnesses_saw_late_is_told() -> None:
    (told,) = notes(members(), Check.APPROVALS)
    assert told.startswith("2 of them the witnesses saw more than an hour after")
    assert "entry 1 at 2026-07-01T12:02:00.000Z for 2026-07-01T00:00:00.000Z" in told


def test_without_witnesses_it_is_told_that_nobody_saw_what_stands_before() -> None:
    told, bundled = unwitnessed()
    (said,) = notes(bundle(told.ledger, bundled), Check.LOG)
    assert said.startswith("the 6 entries before are not here")


def test_a_statement_from_before_the_close_is_told() -> None:
    told, bundled = unwitnessed()
    found = bundle(told.ledger, replace(bundled, computed_at=NOW - 1))
    said = notes(found, Check.CHECKPOINT)
    assert said[0].startswith("the statement says that it was computed at 2026-07-07T23:59:59.999Z")
    assert len(said) == 2
    assert len(notes(bundle(told.ledger, bundled), Check.CHECKPOINT)) == 1


def test_incidents_that_are_not_disclosed_are_counted() -> None:
    told = story.told()
    said = {"key": "ehr.1", "system": "ehr", "family": "down", "category": 1, "priority": "P1"}
    times = {"started_at": START + 10 * HOUR, "recovered_at": None}
    told.row(NOW + 70_000, "incident.opened", canonical({**said, **times}))
    told.publish(NOW + 120_000)
    found = bundle(told.ledger, story.how())
    assert notes(found, Check.ROWS) == []
    kept = [one for one in found[layout.ROWS].splitlines(keepends=True) if b"incident" not in one]
    found[layout.ROWS] = b"".join(kept)
    said_of = {**predicate(found), "incidents": []}
    (text,) = notes(stated(found, said_of), Check.ROWS)
    assert text.startswith(
        "1 of 1 row about incidents are not disclosed: that they are about other"
    )


def test_a_log_that_goes_on_from_another_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told, bundled = unwitnessed()
    data = Ledger.data

    def again(ledger: Ledger) -> list[bytes]:
        start = LogStart(story.ORG, T0 + DAY, Previous("old/evidence", 77, bytes(32)))
        return [entries.write(start), *data(ledger)[1:]]

    monkeypatch.setattr(Ledger, "data", again)
    (said,) = notes(bundle(told.ledger, replace(bundled, first=0)), Check.LOG)
    assert said == (
        "the log began at 2026-07-02T00:00:00.000Z and is said to go on from old/evidence with 77 "
        "entries: what is older was entered again"
    )


def test_keys_that_signed_are_printed_and_fields_that_nobody_knows_are_not() -> None:
    found = members()
    outcome, _ = judged(stated(found, {**predicate(found), "certified": "100 %"}), OWN)
    assert outcome.failure is None
    said = report.document(outcome, [], own_policy=True)
    assert "certified" not in said["attestation"]
    assert "computedAt" in said["claimed"]
    assert sorted(said["agents"]) == ["north-1", "south-1"]
    lines = report.details(outcome, own_policy=True)
    (key,) = said["agents"]["north-1"]
    assert key == agentkeys.fingerprint(agentkeys.text_of(PINNED.public_key()))
    shown = [line.replace(" ", "") for line in lines]
    assert f"agentnorth-1:{key}" in shown
    assert any("by the witnesses of the bundle's policy" in line for line in lines)
