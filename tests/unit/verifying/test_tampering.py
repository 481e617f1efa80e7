"""Whatever is done to a bundle, it ends in the failure that names it."""

from __future__ import annotations

import io
import itertools

import pytest

from collector.bundle import layout
from collector.verifying.failures import MEANINGS, Failure
from collector.verifying.telling import Check, Doing, Told
from collector.verifying.verify import Given, Outcome, verify
from tests.support.soak import FEW, SOAKING
from tests.unit.verifying.ledgers import zipped
from tests.unit.verifying.tampering import (
    OWN,
    Tamper,
    in_order,
    members,
    raw,
    resealed,
)
from tests.unit.verifying.tampers import CASES, WHO
from tests.unit.verifying.tampers_carrying import stamped

STRIDE, PLACES = (61, 25) if not FEW else (1_999, 3)
RENDERED = {layout.REPORT_HTML, layout.OSCAL, layout.VERIFIER}
"""Members that only the statement answers for."""


def stretches(length: int) -> list[range]:
    """Places in eight parts: every one where there is time, else one of so many."""
    step = 1 if SOAKING else STRIDE
    ends = [length * n // 8 for n in range(9)]
    return [range(start, end, step) for start, end in itertools.pairwise(ends)]


def few(length: int) -> range:
    return range(0, length, 1 if SOAKING else max(1, length // PLACES))


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


def test_a_time_stamp_is_told_as_far_as_it_was_judged() -> None:
    token, root = stamped(members()[layout.STATEMENT])
    data = zipped({**members(), layout.TIMESTAMP: token})
    told: list[Told | Doing] = []
    assert verify(io.BytesIO(data), Given(roots=[root]), told.append).failure is None
    assert isinstance(told[-1], Told)
    assert told[-1].check is Check.TIMESTAMP
    assert not told[-1].note
    assert verify(io.BytesIO(data), Given(), told.append).failure is None
    assert isinstance(told[-1], Told)
    assert told[-1].note


@pytest.mark.parametrize("case", CASES, ids=[one.words for one in CASES])
def test_it_is_named(case: Tamper) -> None:
    data, given = case.made()
    found = judged(data, given).failure
    assert found is not None
    assert (found.code, found.place) == (case.expected, case.place or found.place)


def test_every_failure_has_its_tamper() -> None:
    assert {one.made.__module__ for one in CASES} == {one.__name__ for one in WHO.values()}
    assert {one.expected for one in CASES} == set(Failure) == MEANINGS.keys()


# Whoever carries it, whatever he does


SMALL = zipped(members())


@pytest.mark.parametrize("place", stretches(len(SMALL)))
def test_every_flipped_bit_is_named(place: range) -> None:
    for at in place:
        flipped = bytearray(SMALL)
        flipped[at] ^= 1 << at % 8
        assert failure(bytes(flipped)) is not None, at


@pytest.mark.parametrize("place", stretches(len(SMALL)))
def test_every_cut_is_named(place: range) -> None:
    for at in place:
        assert failure(SMALL[:at]) is Failure.BUNDLE_SHAPE, at


@pytest.mark.parametrize("name", sorted(members()))
def test_every_member_that_is_dropped_is_named(name: str) -> None:
    kept = {one: data for one, data in members().items() if one != name}
    found = failure(raw(in_order(kept)))
    assert found is (Failure.BUNDLE_MEMBER if name in layout.ALWAYS else Failure.SUBJECT_MISSING)


@pytest.mark.parametrize("name", sorted(members()))
def test_every_member_that_comes_twice_is_named(name: str) -> None:
    order = in_order(members())
    place = [one for one, _ in order].index(name)
    assert failure(raw([*order[:place], order[place], *order[place:]])) is Failure.BUNDLE_NAME
    assert failure(raw([*order, order[place]])) is Failure.BUNDLE_NAME


def test_members_in_any_other_order_are_named() -> None:
    order = in_order(members())
    for n in range(len(order) - 1):
        other = [*order[:n], order[n + 1], order[n], *order[n + 2 :]]
        assert failure(raw(other)) is Failure.BUNDLE_NAME


def test_members_that_change_places_are_named() -> None:
    found = members()
    for one, other in itertools.combinations(found, 2):
        if found[one] == found[other]:
            continue
        swapped = {**found, one: found[other], other: found[one]}
        assert failure(zipped(swapped)) is not None, (one, other)


@pytest.mark.parametrize("name", sorted(members().keys() - {layout.README}))
def test_every_member_that_is_replaced_is_named(name: str) -> None:
    for data in (b"", b"\0", members()[name] + b"\n"):
        assert failure(zipped({**members(), name: data})) is not None, name


@pytest.mark.parametrize("name", sorted(members().keys() - layout.NOT_SUBJECTS - RENDERED))
def test_an_insider_s_flipped_bit_is_named_too(name: str) -> None:
    """The statement is signed anew over every member but what it is made of: then the rest tells."""
    data = members()[name]
    for at in few(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        # a witness's line that is no longer known is one witness less, of whom nobody asked
        assert failure(resealed({**members(), name: flipped})) or name == layout.CHECKPOINTS, at
