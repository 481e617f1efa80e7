"""Any engine's numbers, read where a check says they stand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.wire.engine import EngineError, Reading, State
from probes.wire.engine_generic import MissingError, Recipe, check_place, read

STATES = {"running": State.STARTED, "halted": State.STOPPED}
JSON = b'{"a/b": {"~": [{"q": 4, "s": "RUNNING", "up": true, "n": -1, "t": "5", "o": {}}]}}'
XML = b"<r v='7'><c n='x/y'><q s='4'>5</q></c><c n='z'><q s='6'/></c></r>"
TEXT = b"channel ADT is Running\npending:  12 of 30\npending: 99\nlong " + b"x" * 5000 + b" deep: 3"


def only(form: str, sign: str, place: str, body: bytes) -> object:
    return getattr(read(Recipe(form, {sign: place}, STATES), body), sign)


@pytest.mark.parametrize(
    ("form", "sign", "place", "body", "value"),
    [
        ("json", "queued", "/a~1b/~0/0/q", JSON, 4),
        ("json", "queued", "/a~1b/~0/0/t", JSON, 5),
        ("json", "state", "/a~1b/~0/0/s", JSON, State.STARTED),
        ("json", "state", "/a~1b/~0/0/q", JSON, State.OTHER),
        ("json", "connected", "/a~1b/~0/0/up", JSON, True),
        ("xml", "queued", "@v", XML, 7),
        ("xml", "queued", "c/q/@s", XML, 4),
        ("xml", "queued", "c[@n='x/y']/q", XML, 5),
        ("xml", "queued", "c[@n='z']/q/@s", XML, 6),
        ("text", "state", "ADT is", TEXT, State.STARTED),
        ("text", "queued", "pending:", TEXT, 12),
        ("text", "queued", "q:", b"q: 12, of 30", 12),
        ("text", "queued", "q:", b"q: 12.", 12),
    ],
)
def test_a_value_is_found_at_its_place(
    form: str, sign: str, place: str, body: bytes, value: object
) -> None:
    check_place(form, place)
    assert only(form, sign, place, body) == value


@pytest.mark.parametrize(
    ("form", "place", "body"),
    [
        ("json", "/a~1b/~0/1/q", JSON),
        ("json", "/a~1b/~0/zz", JSON),
        ("json", "/a~1b/~0/0/q/1", JSON),
        ("xml", "d/q", XML),
        ("xml", "c/@s", XML),
        ("text", "waiting:", TEXT),
        ("text", "of 30", TEXT),
        ("text", "deep:", TEXT),  # beyond what is read of a line
    ],
)
def test_what_does_not_stand_there_is_missing(form: str, place: str, body: bytes) -> None:
    with pytest.raises(MissingError):
        only(form, "queued", place, body)


@pytest.mark.parametrize(
    ("form", "place", "body"),
    [
        ("json", "/a~1b/~0/0/n", JSON),
        ("json", "/a~1b/~0/0/o", JSON),
        ("json", "", b"[1]"),
        ("json", "/x", b'{"x": 1'),
        ("json", "/x", b"[" * 100_000),
        ("xml", "c", b"<!DOCTYPE r><r/>"),
        ("xml", "c", b"<r>"),
        ("text", "is", TEXT),
        ("text", "q:", b"q: 1,234"),
        ("text", "q:", b"q: 1.234"),
        ("text", "q:", b"q: 1'234 waiting"),
    ],
)
def test_what_is_no_whole_number_is_no_status(form: str, place: str, body: bytes) -> None:
    with pytest.raises(EngineError):
        only(form, "queued", place, body)


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ("json", "a/b"),
        ("json", "/a~2"),
        ("xml", "/a"),
        ("xml", "a//b"),
        ("xml", "a[1]"),
        ("xml", "a/@b/c"),
        ("xml", "a[@n='x]"),
        ("text", "  "),
        ("text", "a\nb"),
    ],
)
def test_a_place_that_is_none_is_refused(form: str, place: str) -> None:
    with pytest.raises(ValueError, match="write"):
        check_place(form, place)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["json", "xml", "text"]), st.binary(max_size=60), st.text(max_size=20))
def test_no_bytes_and_no_place_make_it_fail_in_another_way(
    form: str, body: bytes, place: str
) -> None:
    try:
        check_place(form, place)
    except ValueError:
        return
    try:
        found = read(Recipe(form, {"queued": place}, {}), body)
    except (EngineError, MissingError):
        return
    assert isinstance(found, Reading)
