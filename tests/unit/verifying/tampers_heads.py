"""An insider and the log's heads: who signed them, and what the auditor kept."""

from __future__ import annotations

import json
from dataclasses import replace

from collector.attest import checkpoint, logkeys, note, policyfile
from collector.attest.checkpoint import Checkpoint
from collector.attest.logkeys import LogKeyReason, Revocation
from collector.attest.note import Note
from collector.attest.vkey import SignatureType
from collector.bundle import layout, logfile
from collector.verifying.failures import Failure
from collector.verifying.verify import Given
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import (
    LOG_KEY,
    ORIGIN,
    OTHER_KEY,
    WITNESS,
    WITNESS_KEY,
    Witness,
    bundle,
    copied,
    policy_text,
    vkey,
    zipped,
)
from tests.unit.verifying.story import DAY, HOUR, NOW
from tests.unit.verifying.tampering import (
    NOTHING,
    OWN,
    Made,
    case,
    honest,
    insider,
    lines,
    members,
    resealed,
    unwitnessed,
)
from tests.unit.verifying.tampers_log import dropped


@case("ends the log before the period was over", Failure.CHECKPOINT_EARLY)
def _ended_early() -> Made:
    return ended(20), NOTHING


@case("rewrites the log: the auditor kept a checkpoint", Failure.SINCE_FORKED)
def _forked() -> Made:
    told, bundled = unwitnessed()
    kept = note.write(told.ledger.note_at(30))
    return insider(dropped(20), told=told, how=bundled), Given(since=kept)


@case("shows a log that is shorter than it was", Failure.SINCE_ROLLED_BACK)
def _rolled_back() -> Made:
    text = checkpoint.write(Checkpoint(ORIGIN, 90, bytes(32)))
    earlier = note.cosign(text, WITNESS, WITNESS_KEY, (NOW - HOUR) // 1_000)
    kept = Note(text, (note.sign(text, ORIGIN, LOG_KEY), earlier))
    return zipped(members()), Given(since=note.write(kept))


@case("shows a bundle from before the auditor's checkpoint", Failure.SINCE_AHEAD)
def _ahead() -> Made:
    text = checkpoint.write(Checkpoint(ORIGIN, 90, bytes(32)))
    kept = Note(text, (note.sign(text, ORIGIN, LOG_KEY),))
    return zipped(members()), Given(since=note.write(kept))


@case("is asked about a checkpoint from before the range", Failure.SINCE_BEFORE)
def _before() -> Made:
    text = checkpoint.write(Checkpoint(ORIGIN, 3, honest().ledger.root_at(3)))
    kept = Note(text, (note.sign(text, ORIGIN, LOG_KEY),))
    return zipped(members()), Given(since=note.write(kept))


@case("is asked about a checkpoint that the log did not sign", Failure.SINCE_UNSIGNED)
def _since_unsigned() -> Made:
    text = checkpoint.write(Checkpoint(ORIGIN, 30, bytes(32)))
    kept = Note(text, (note.sign(text, ORIGIN, OTHER_KEY),))
    return zipped(members()), Given(since=note.write(kept))


@case("is asked about a checkpoint of another log", Failure.SINCE_OTHER_LOG)
def _since_other() -> Made:
    other = "log.example/evidence"
    text = checkpoint.write(Checkpoint(other, 30, bytes(32)))
    lines = policy_text() + f"log {vkey(other, OTHER_KEY, SignatureType.ED25519).text()}\n".encode()
    kept = Note(text, (note.sign(text, other, OTHER_KEY),))
    return zipped(members()), Given(policyfile.parse(lines), note.write(kept))


@case("replaces the final checkpoint by one that nobody signed", Failure.CHECKPOINT_UNSIGNED)
def _unsigned() -> Made:
    found = members()
    text = note.parse(found[layout.CHECKPOINT]).text
    found[layout.CHECKPOINT] = note.write(Note(text, (note.sign(text, ORIGIN, OTHER_KEY),)))
    return resealed(found), NOTHING


@case("puts something else in the final checkpoint's place", Failure.CHECKPOINT_MALFORMED)
def _no_checkpoint() -> Made:
    return resealed({**members(), layout.CHECKPOINT: b"hello\n"}), NOTHING


@case("changes the final checkpoint under its signatures", Failure.CHECKPOINT_SIGNATURE)
def _false() -> Made:
    found = members()
    found[layout.CHECKPOINT] = found[layout.CHECKPOINT].replace(b"\n34\n", b"\n35\n")
    return resealed(found), NOTHING


@case("begins the range behind an outage", Failure.LOG_LATE_START, "size 18")
def _late_start() -> Made:
    """18: the log when the outage is over; 100 % of what is left was up."""
    return zipped(bundle(honest().ledger, replace(story.how(), first=18))), OWN


@case("begins the range behind an outage, without saying when", Failure.LOG_LATE_START, "size 18")
def _late_start_unseen() -> Made:
    found = bundle(honest().ledger, replace(story.how(), first=18))
    first, *rest = lines(found[layout.CHECKPOINTS])
    signed = note.parse(json.loads(first)["note"].encode())
    bare = note.write(Note(signed.text, signed.signatures[:1]))
    found[layout.CHECKPOINTS] = b"".join([*logfile.write_checkpoints([bare]), *rest])
    return resealed(found), NOTHING


@case("has a witness whose clock runs days ahead", Failure.CHECKPOINT_FUTURE)
def _future() -> Made:
    told = story.told()
    told.ledger.published[34] = NOW + 2 * HOUR + 2 * DAY
    text = told.ledger.note_at(34).text
    told.ledger.witness = Witness()
    assert text == told.ledger.note_at(34).text
    return zipped(bundle(told.ledger, story.how())), NOTHING


@case("signs with a log key that was revoked", Failure.CHECKPOINT_REVOKED)
def _revoked() -> Made:
    told = story.told()
    key = vkey(ORIGIN, LOG_KEY, SignatureType.ED25519)
    data = logkeys.revocation_data(Revocation(key, 20, LogKeyReason.COMPROMISED))
    told.row(NOW + 120_000, "log.key_revoked", data, "admin-1")
    told.publish(NOW + 180_000)
    return zipped(bundle(told.ledger, story.how())), NOTHING


def ended(size: int) -> bytes:
    """The log up to a checkpoint of before."""
    ledger = copied(honest().ledger)
    ledger.logged = ledger.logged[: size - 1]
    ledger.published = {one: at for one, at in ledger.published.items() if one <= size}
    return zipped(bundle(ledger, story.how()))
