"""Log lines: one an event, nothing forged, nobody named."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.logs import OneLine, printable


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(OneLine())
    logger = logging.getLogger("wardwatch.test")
    logger.addHandler(handler)
    yield written
    logger.removeHandler(handler)


def test_a_line_has_its_time_in_utc_its_level_and_who_says_it(stream: io.StringIO) -> None:
    logging.getLogger("wardwatch.test").warning("access.refused code=%s", "access.denied")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING wardwatch\.test "
        r"access\.refused code=access\.denied\n",
        stream.getvalue(),
    )


def test_an_exception_gives_its_type_and_place_and_never_its_text(stream: io.StringIO) -> None:
    try:
        dict[str, int]()["Jane Doe, MRN 12345"]
    except KeyError:
        logging.getLogger("wardwatch.test").exception("part.failed")
    assert re.search(r"part\.failed raised=KeyError at test_logs\.py:\d+\n$", stream.getvalue())
    assert "Jane" not in stream.getvalue()


def test_a_line_that_looks_like_a_patients_is_replaced_by_the_alarm(stream: io.StringIO) -> None:
    logging.getLogger("wardwatch.test").warning("part.failed on %s", "ROE^JANE, MRN 4711")
    assert re.search(
        r"Z ERROR wardwatch\.test tripwire\.hit boundary=log pattern=record_number,hl7_name\n$",
        stream.getvalue(),
    )
    assert "JANE" not in stream.getvalue()


@given(st.text())
def test_nothing_that_is_logged_makes_a_second_line(text: str) -> None:
    shown = printable(text)
    assert len(f"{shown}.".splitlines()) == 1
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u2028\x85", "\\u2028\\x85"),
        ("\ud800", "\\ud800"),
        ("Müller 漢", "Müller 漢"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
