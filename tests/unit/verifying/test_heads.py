"""Checkpoints against a policy: who signed, and when enough witnesses had seen them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.attest import checkpoint, note, policyfile
from collector.attest.checkpoint import Checkpoint
from collector.attest.note import Note, SignatureLine
from collector.attest.policy import Policy
from collector.attest.vkey import SignatureType, VerifierKey
from collector.verifying import heads
from collector.verifying.failures import Failure, VerifyError

LOG, OTHER, *WITNESSES = (
    Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(1, 6)
)
ORIGIN = "log.example/evidence"
TEXT = checkpoint.write(Checkpoint(ORIGIN, 7, bytes(32)))
FAR = 1 << 60


def vkey(name: str, key: Ed25519PrivateKey, kind: SignatureType) -> VerifierKey:
    return VerifierKey(name, kind, key.public_key().public_bytes_raw())


OURS = vkey(ORIGIN, LOG, SignatureType.ED25519)


def policy(quorum: int | None) -> Policy:
    lines = [f"log {OURS.text()}"]
    for n, key in enumerate(WITNESSES):
        lines.append(f"witness w{n} {vkey(f'w{n}.example', key, SignatureType.COSIGNATURE).text()}")
    if quorum is not None:
        lines.append(f"group q {quorum} w0 w1 w2")
    lines.append(f"quorum {'none' if quorum is None else 'q'}")
    return policyfile.parse("".join(f"{line}\n" for line in lines).encode())


def signed(*times: int, log: Ed25519PrivateKey = LOG, text: str = TEXT) -> Note:
    """By the log, and by the witnesses in their order at these times, 0 for none."""
    cosigned = [
        note.cosign(text, f"w{n}.example", key, at)
        for n, (key, at) in enumerate(zip(WITNESSES, times, strict=False))
        if at
    ]
    return Note(text, (note.sign(text, ORIGIN, log), *cosigned))


def refused(policy: Policy, one: Note, latest_ms: int = FAR) -> tuple[Failure, str | None]:
    with pytest.raises(VerifyError) as error:
        heads.judge(policy, one, latest_ms, "checkpoint.txt")
    return error.value.code, error.value.place


@pytest.mark.parametrize(
    ("quorum", "times", "seen"),
    [
        (None, (), None),
        (None, (50,), None),
        (1, (90, 50, 70), 50_000),
        (2, (90, 50, 70), 70_000),
        (3, (90, 50, 70), 90_000),
        (2, (0, 50, 70), 70_000),
    ],
)
def test_it_was_seen_when_the_quorum_was_complete(
    quorum: int | None, times: tuple[int, ...], seen: int | None
) -> None:
    found = heads.judge(policy(quorum), signed(*times), FAR, "checkpoint.txt")
    assert found.seen_ms == seen
    assert found.log == OURS
    assert found.checkpoint == Checkpoint(ORIGIN, 7, bytes(32))
    assert found.witnesses == {f"w{n}": at * 1000 for n, at in enumerate(times) if at}


def test_too_few_witnesses_are_named() -> None:
    assert refused(policy(2), signed(50)) == (Failure.CHECKPOINT_QUORUM, "checkpoint.txt")


def test_a_log_that_the_policy_does_not_name_is_named() -> None:
    assert refused(policy(None), signed(log=OTHER))[0] is Failure.CHECKPOINT_UNSIGNED
    assert refused(policy(1), signed(50, log=OTHER))[0] is Failure.CHECKPOINT_UNSIGNED


def test_a_false_signature_of_a_known_key_is_named() -> None:
    one = signed(50)
    line = one.signatures[0]
    false = SignatureLine(line.name, line.id, bytes(64))
    assert refused(policy(1), Note(TEXT, (false, *one.signatures[1:])))[0] is (
        Failure.CHECKPOINT_SIGNATURE
    )


def test_a_text_that_is_no_checkpoint_is_named() -> None:
    assert refused(policy(None), signed(text="hello\n"))[0] is Failure.CHECKPOINT_MALFORMED


def test_a_cosignature_from_the_future_is_named() -> None:
    refusal = refused(policy(1), signed(50, 91), 90_999)
    assert refusal == (Failure.CHECKPOINT_FUTURE, "checkpoint.txt")
    assert heads.judge(policy(1), signed(50, 91), 91_000, "x").seen_ms == 50_000


def test_what_a_log_published_needs_no_witness() -> None:
    assert heads.published(policy(3), signed(), "line 1").size == 7
    with pytest.raises(VerifyError) as error:
        heads.published(policy(3), signed(log=OTHER), "line 1")
    assert (error.value.code, error.value.place) == (Failure.CHECKPOINT_UNSIGNED, "line 1")


def test_names_of_witnesses_are_shown_in_ascii() -> None:
    assert heads.shown(b"w\xc3\xa9") == "w\\xc3\\xa9"
