"""What readers of the parts refuse is a failure of the whole, each of them."""

from __future__ import annotations

import pytest

from collector.bundle.faults import BundleError, BundleFault
from collector.verifying.failures import EXIT_CODES, MEANINGS, Class, Failure, VerifyError
from collector.verifying.refusals import FAILURES, refusals


@pytest.mark.parametrize("fault", BundleFault)
def test_every_fault_of_a_bundle_is_a_failure(fault: BundleFault) -> None:
    with pytest.raises(VerifyError) as error, refusals():
        raise BundleError(fault, "rows.jsonl:3")
    assert (error.value.code, error.value.place) == (FAILURES[fault], "rows.jsonl:3")


def test_a_fault_without_a_place_is_a_failure_without_one() -> None:
    with pytest.raises(VerifyError) as error, refusals():
        raise BundleError(BundleFault.SHAPE)
    assert (error.value.place, str(error.value)) == (None, "bundle.shape")


@pytest.mark.parametrize("code", Failure)
def test_every_failure_says_what_and_what_to_ask(code: Failure) -> None:
    meaning = MEANINGS[code]
    for text in (meaning.what, meaning.ask):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".")
    assert EXIT_CODES[meaning.kind] == (1 if meaning.kind is Class.WRONG else 2)
