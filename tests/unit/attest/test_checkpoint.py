"""Checkpoints: three lines and those of others, in one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import checkpoint
from collector.attest.checkpoint import Checkpoint
from collector.attest.faults import AttestError, Fault
from tests.unit.attest import naive
from tests.unit.attest.refusing import fault

ROOT = bytes(range(32))
ROOT_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
EMPTY_TEXT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
SPEC = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
"""The example of C2SP tlog-checkpoint: a fact of the format."""


def test_the_example_of_the_specification_is_read_and_written_again() -> None:
    read = checkpoint.parse(SPEC)
    assert (read.origin, read.size, read.extensions) == (
        "example.com/behind-the-sofa",
        20852163,
        (),
    )
    assert read.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert checkpoint.write(read) == SPEC


def test_a_checkpoint_is_origin_size_and_root() -> None:
    assert checkpoint.write(Checkpoint("log.example", 7, ROOT)) == f"log.example\n7\n{ROOT_TEXT}\n"


@pytest.mark.parametrize("size", [1, 9, 10, 255, 256, 257, (1 << 62) - 1, 1 << 62, (1 << 63) - 1])
def test_every_size_below_two_to_the_63_is_read_as_written(size: int) -> None:
    text = f"log.example\n{size}\n{ROOT_TEXT}\n"
    assert checkpoint.parse(text) == Checkpoint("log.example", size, ROOT)
    assert checkpoint.write(Checkpoint("log.example", size, ROOT)) == text


def test_an_empty_log_has_the_root_of_the_empty_tree() -> None:
    text = f"log.example\n0\n{EMPTY_TEXT}\n"
    assert checkpoint.parse(text) == Checkpoint("log.example", 0, naive.mth([]))
    assert fault(checkpoint.parse, f"log.example\n0\n{ROOT_TEXT}\n") is Fault.CHECKPOINT_ROOT
    assert fault(checkpoint.write, Checkpoint("log.example", 0, ROOT)) is Fault.CHECKPOINT_ROOT


def test_an_origin_is_any_line_and_lines_of_others_are_kept() -> None:
    text = f"Our log+1, \u00f6rtlich\n7\n{ROOT_TEXT}\nmore 1\nmore 2\n"
    read = checkpoint.parse(text)
    assert (read.origin, read.extensions) == ("Our log+1, \u00f6rtlich", ("more 1", "more 2"))
    assert checkpoint.write(read) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Fault.CHECKPOINT_SHAPE),
        ("\n", Fault.CHECKPOINT_SHAPE),
        ("\n\n\n", Fault.CHECKPOINT_SHAPE),
        ("log\n7\n", Fault.CHECKPOINT_SHAPE),
        (f"log\n7\n{ROOT_TEXT}", Fault.CHECKPOINT_SHAPE),
        (f"log\n7\n{ROOT_TEXT}\nmore", Fault.CHECKPOINT_SHAPE),
        (f"\n7\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SHAPE),
        (f"log\n7\n{ROOT_TEXT}\n\n", Fault.CHECKPOINT_SHAPE),
        (f"log\n7\n{ROOT_TEXT}\n\nmore\n", Fault.CHECKPOINT_SHAPE),
        (f"log\r\n7\r\n{ROOT_TEXT}\r\n", Fault.CHECKPOINT_SHAPE),
        (f"l\x1fog\n7\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SHAPE),
        (f"log\ud800\n7\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SHAPE),
        (f"log\n7\n{ROOT_TEXT}\n\udfff\n", Fault.CHECKPOINT_SHAPE),
        (f"log\n7\n{ROOT_TEXT}\nmo\0re\n", Fault.CHECKPOINT_SHAPE),
        (f"log\n07\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n00\n{EMPTY_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n-7\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n+7\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n7 \n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n1_0\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n\u0667\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n0x7\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n{1 << 63}\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        (f"log\n{'9' * 5000}\n{ROOT_TEXT}\n", Fault.CHECKPOINT_SIZE),
        ("log\n7\nAAEC\n", Fault.CHECKPOINT_ROOT),
        (f"log\n7\n{ROOT_TEXT[:-1]}\n", Fault.CHECKPOINT_ROOT),
        (f"log\n7\n{ROOT_TEXT[:-2]}9=\n", Fault.CHECKPOINT_ROOT),
        (f"log\n7\n{ROOT_TEXT.replace('A', '-', 1)}\n", Fault.CHECKPOINT_ROOT),
        (f"log\n7\n {ROOT_TEXT}\n", Fault.CHECKPOINT_ROOT),
        (f"log\n7\nAAEC{ROOT_TEXT}\n", Fault.CHECKPOINT_ROOT),
    ],
)
def test_what_is_no_checkpoint_is_refused_by_name(text: str, expected: Fault) -> None:
    assert fault(checkpoint.parse, text) is expected


@pytest.mark.parametrize(
    "made",
    [
        Checkpoint("", 7, ROOT),
        Checkpoint("two\nlines", 7, ROOT),
        Checkpoint("log", -1, ROOT),
        Checkpoint("log", 1 << 63, ROOT),
        Checkpoint("log", 7, ROOT[1:]),
        Checkpoint("log", 7, ROOT, ("",)),
        Checkpoint("log", 7, ROOT, ("two\nlines",)),
        Checkpoint("log\n7", 7, ROOT),
    ],
)
def test_nothing_is_written_that_would_not_be_read(made: Checkpoint) -> None:
    with pytest.raises(AttestError):
        checkpoint.write(made)


LINES = st.lists(st.text(max_size=50) | st.sampled_from(["0", "7", ROOT_TEXT, ""]), max_size=6)


@given(LINES.map("\n".join) | st.text(max_size=80))
def test_any_text_is_a_checkpoint_or_refused(text: str) -> None:
    try:
        read = checkpoint.parse(text)
    except AttestError:
        return
    assert checkpoint.write(read) == text


def test_every_flipped_bit_is_refused_or_another_checkpoint() -> None:
    for bit in range(len(SPEC) * 8):
        changed = bytearray(SPEC.encode())
        changed[bit // 8] ^= 1 << bit % 8
        try:
            read = checkpoint.parse(changed.decode())
        except (AttestError, UnicodeDecodeError):
            continue
        assert read != checkpoint.parse(SPEC)
        assert checkpoint.write(read).encode() == changed
