"""A final checkpoint of between the period's end and its close, and one of before."""

from __future__ import annotations

import io

from collector.verifying.failures import Failure
from collector.verifying.telling import Check, Doing, Told
from collector.verifying.verify import Given, Outcome, verify
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import bundle, copied, zipped
from tests.unit.verifying.tampering import honest


def ended(size: int) -> tuple[Outcome, list[Told]]:
    ledger = copied(honest().ledger)
    ledger.logged = ledger.logged[: size - 1]
    ledger.published = {one: at for one, at in ledger.published.items() if one <= size}
    told: list[Told | Doing] = []
    made = zipped(bundle(ledger, story.how()))
    outcome = verify(io.BytesIO(made), Given(), told.append)
    notes = [one for one in told if isinstance(one, Told) and one.note]
    return outcome, [one for one in notes if one.check is Check.CHECKPOINT]


def test_what_came_before_the_close_may_be_missing_and_that_is_told() -> None:
    outcome, notes = ended(24)
    assert outcome.failure is None
    assert [one.check for one in notes] == [Check.CHECKPOINT]
    assert "closed at 2026-07-08T00:00:00.000Z only" in notes[0].text


def test_a_log_that_ends_before_the_period_does_is_incomplete() -> None:
    outcome, _ = ended(20)
    assert outcome.failure is not None
    assert outcome.failure.code is Failure.CHECKPOINT_EARLY


def test_a_log_that_goes_on_behind_the_close_needs_no_note() -> None:
    outcome, notes = ended(34)
    assert (outcome.failure, notes) == (None, [])
