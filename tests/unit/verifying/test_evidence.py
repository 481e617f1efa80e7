"""Evidence as it is read for the numbers: whose it is, and whether it is all; the numbers compared."""

from __future__ import annotations

import io
from typing import Any

import pytest

from collector.bundle import layout
from collector.bundle.members import Held
from collector.bundle.opening import open_evidence
from collector.verifying import figures
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.telling import Check, Doing, Told
from collector.verifying.verify import Given, verify
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import zipped
from tests.unit.verifying.tampering import members, predicate, resealed


def compared(said: dict[str, Any], *systems: str) -> figures.Checked:
    found = open_evidence(Held(members(*systems)))
    return figures.check(found, story.asked(), said, lambda _: None)


def differs(said: dict[str, Any]) -> str | None:
    with pytest.raises(VerifyError) as error:
        compared(said)
    assert error.value.code is Failure.FIGURES_DIFFER
    return error.value.place


def test_segments_are_counted_by_system() -> None:
    found = compared(predicate(members("ehr", "lab")), "ehr", "lab")
    assert found.evidence.segments == {"ehr": 26, "lab": 26}
    assert found.derived["results"] == predicate(members("ehr", "lab"))["results"]


def test_the_field_that_differs_is_named_as_deep_as_it_is() -> None:
    said = predicate(members())
    figure = said["results"][0]["figures"]["worstCase"]
    figure["numerator"] += 1
    assert differs(said) == "results.0.figures.worstCase.numerator"
    figure["numerator"] -= 1
    figure["more"] = 1
    assert differs(said) == "results.0.figures.worstCase"
    del figure["more"], figure["percent"]
    assert differs(said) == "results.0.figures.worstCase.percent"


def test_of_lists_the_first_place_that_differs_is_named() -> None:
    said = predicate(members())
    assert differs({**said, "states": []}) == "states"
    said["states"][0]["spans"][1][2] = "up"
    assert differs(said) == "states.0.spans.1.2"


def test_one_is_not_true() -> None:
    said = predicate(members())
    assert said["gapsLeftOut"] == 0
    assert differs({**said, "gapsLeftOut": False}) == "gapsLeftOut"


def test_other_time_zone_rules_are_told_and_are_no_failure() -> None:
    said = predicate(members())
    method = {**said["method"], "tzdata": "2020.1"}
    told: list[Told | Doing] = []
    made = resealed(members(), method=method)
    assert verify(io.BytesIO(made), Given(), told.append).failure is None
    notes = [one for one in told if isinstance(one, Told) and one.note]
    assert [one.check for one in notes] == [Check.APPROVALS, Check.FIGURES, Check.REPORTS]
    assert differs({**said, "method": {**method, "rounding": "up"}}) == "method.rounding"
    assert differs({**said, "method": {**method, "tzdata": 7}}) == "method"


def test_claimed_fields_are_the_issuers_word() -> None:
    made = resealed(members(), signer={"keyId": "0" * 64, "name": "somebody"}, whatever=7)
    assert verify(io.BytesIO(made), Given(), lambda _: None).failure is None


def test_the_hidden_systems_of_a_bundle_are_not_asked_for() -> None:
    made = zipped(members("lab"))
    assert verify(io.BytesIO(made), Given(), lambda _: None).failure is None
    assert layout.evidence_of("ehr") not in members("lab")
