"""Second-factor codes: the published vectors, the window, and that a code works once."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import pytest
from pyotp import TOTP

from collector.access import totp

SECRET = base64.b32encode(b"12345678901234567890").decode()
"""The SHA-1 key of RFC 6238, appendix B."""
VECTORS = [
    (59, "287082"),
    (1_111_111_109, "081804"),
    (1_111_111_111, "050471"),
    (1_234_567_890, "005924"),
    (2_000_000_000, "279037"),
    (20_000_000_000, "353130"),
]
"""Seconds and the last six of the eight digits published."""


@pytest.mark.parametrize(("at_s", "code"), VECTORS)
def test_the_published_vectors_are_codes_of_their_step(at_s: int, code: str) -> None:
    assert totp.step_of(SECRET, code, at_s * 1_000, 0) == at_s // 30


@pytest.mark.parametrize(
    ("now_ms", "step"),
    [
        (1_111_111_109_000 - 59_000 - 1, None),
        (1_111_111_109_000 - 59_000, 37_037_036),
        (1_111_111_109_000, 37_037_036),
        (1_111_111_109_000 + 30_999, 37_037_036),
        (1_111_111_109_000 + 31_000, None),
    ],
)
def test_a_code_fits_from_a_step_before_to_a_step_after(now_ms: int, step: int | None) -> None:
    """081804 is the code of the step from 1111111080 s to 1111111110 s."""
    assert totp.step_of(SECRET, "081804", now_ms, 0) == step


@pytest.mark.parametrize(
    ("used", "step"), [(37_037_035, 37_037_036), (37_037_036, None), (37_037_037, None)]
)
def test_a_code_works_once_and_none_before_it_after_it(used: int, step: int | None) -> None:
    assert totp.step_of(SECRET, "081804", 1_111_111_109_000, used) == step


@pytest.mark.parametrize(
    "code",
    ["", "81804", "0818040", "07081804", "08180a", "٠٨١٨٠٤", "081804\n", "\ud800", "-81804"],
)
def test_what_is_no_code_is_of_no_step(code: str) -> None:
    assert totp.step_of(SECRET, code, 1_111_111_109_000, 0) is None


def test_blanks_as_authenticators_show_them_are_nothing() -> None:
    assert totp.step_of(SECRET, "081 804", 1_111_111_109_000, 0) == 37_037_036


def test_the_first_minute_there_ever_was_has_codes() -> None:
    assert totp.step_of(SECRET, "287082", 0, 0) == 1
    assert totp.step_of(SECRET, TOTP(SECRET).generate_otp(0), 0, 0) is None


def test_every_candidate_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    whole = hmac.compare_digest

    def noting(one: Any, other: Any) -> bool:
        compared.append(one)
        return whole(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noting)
    for code in ("287082", "000000", "no code"):
        totp.step_of(SECRET, code, 59_000, 0)
    first, second, third = (TOTP(SECRET).generate_otp(n).encode() for n in (0, 1, 2))
    assert compared == [first, second, third] * 3


def test_a_new_secret_is_160_bits_in_base32() -> None:
    assert totp.new_secret(lambda n: b"12345678901234567890"[:n]) == SECRET
    assert len(SECRET) == 32


def test_the_uri_is_what_authenticators_read() -> None:
    assert totp.uri(SECRET, "ada", "St. Elsewhere") == (
        "otpauth://totp/St.%20Elsewhere:ada"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=St.%20Elsewhere"
    )
