"""Whatever is done to a bundle, it ends in the failure that names it."""

from __future__ import annotations

import io

import pytest

from collector.verifying.failures import MEANINGS, Failure
from collector.verifying.verify import Given, Outcome, verify
from tests.unit.verifying.ledgers import zipped
from tests.unit.verifying.tampering import CASES, OWN, Tamper, members


def judged(data: bytes, given: Given | None = None) -> Outcome:
    return verify(io.BytesIO(data), given or Given(), lambda _: None)


def failure(data: bytes, given: Given | None = None) -> Failure | None:
    found = judged(data, given).failure
    return None if found is None else found.code


@pytest.mark.parametrize("given", [Given(), OWN])
def test_the_honest_bundle_is_verified(given: Given) -> None:
    assert failure(zipped(members()), given) is None
    assert failure(zipped(members("ehr", "lab")), given) is None
    assert failure(zipped(members("lab")), given) is None


@pytest.mark.parametrize("case", CASES, ids=[one.words for one in CASES])
def test_it_is_named(case: Tamper) -> None:
    data, given = case.made()
    found = judged(data, given).failure
    assert found is not None
    assert (found.code, found.place) == (case.expected, case.place or found.place)


def test_every_failure_has_its_tamper() -> None:
    assert {one.expected for one in CASES} == set(Failure) == MEANINGS.keys()
