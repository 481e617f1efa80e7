"""Secrets we hand out: their form, and their hash."""

from __future__ import annotations

import pytest

from collector.access import credentials
from collector.access.credentials import INVITATION, SESSION, TOKEN

ZEROS = "A" * 43


@pytest.mark.parametrize(
    ("prefix", "secret"),
    [(TOKEN, "wwt_" + ZEROS), (SESSION, "wws_" + ZEROS), (INVITATION, "wwi_" + ZEROS)],
)
def test_a_secret_is_a_prefix_and_256_bits(prefix: str, secret: str) -> None:
    asked: list[int] = []

    def zeros(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    assert credentials.mint(prefix, zeros) == secret
    assert asked == [32]


def test_two_secrets_of_other_chance_differ() -> None:
    assert credentials.mint(TOKEN, lambda n: b"\xff" * n) == "wwt_" + "_" * 42 + "8"


def test_the_hash_is_sha_256_in_hex() -> None:
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert credentials.hashed("abc") == expected


def test_text_that_utf_8_cannot_spell_has_a_hash_too() -> None:
    assert len(credentials.hashed("\ud800")) == 64


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [
        ("wwt_" + ZEROS, True),
        ("wwt_" + "a-_9" + ZEROS[4:], True),
        ("", False),
        ("wwt_", False),
        ("wws_" + ZEROS, False),
        ("wwt_" + ZEROS[1:], False),
        ("wwt_" + ZEROS + "A", False),
        ("wwt_" + ZEROS + "\n", False),
        ("wwt_" + ZEROS[1:] + "=", False),
        ("wwt_" + ZEROS[1:] + "\0", False),
        ("wwt_" + ZEROS[1:] + "é", False),
        (" wwt_" + ZEROS, False),
    ],
)
def test_only_what_could_be_a_token_is_looked_up(text: str, well_formed: bool) -> None:  # noqa: FBT001
    assert credentials.well_formed(TOKEN, text) is well_formed
