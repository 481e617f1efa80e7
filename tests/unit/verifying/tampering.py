"""What somebody may do to a bundle, and the failure that names it.

Whoever carries it has no key. An insider has the log's key and writes log, proofs and statement anew;
the keys of agents and witnesses he has not, unless it is said.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509 import Certificate

from collector.attest import checkpoint, logkeys, note, policyfile, proof
from collector.attest.checkpoint import Checkpoint
from collector.attest.logkeys import Reason, Revocation
from collector.attest.note import Note
from collector.attest.vkey import SignatureType
from collector.bundle import evidencefile, layout, logfile, ziphead
from collector.bundle.evidencefile import Segment
from collector.bundle.ziphead import Member
from collector.facts import canonical
from collector.reports.timestamps import request
from collector.verifying.failures import Failure
from collector.verifying.verify import Given
from probes import agentkeys, batch, segments, tombstone
from probes.acts import ActKind
from probes.batch import Anchors, Place
from probes.contract import Outcome
from probes.segments import Run
from probes.tombstone import Why
from tests.support.tsa import authority
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import (
    LOG_KEY,
    ORIGIN,
    OTHER_KEY,
    WITNESS,
    WITNESS_KEY,
    Bundling,
    Ledger,
    Logged,
    Members,
    Witness,
    bundle,
    copied,
    evidence,
    policy_text,
    stated,
    vkey,
    zipped,
)
from tests.unit.verifying.story import DAY, ENROLLED, HOUR, NOW, ORG, PINNED, T0, Story

Made = tuple[bytes, Given]
NOTHING = Given()
OWN = Given(policyfile.parse(policy_text()))
"""The auditor's own policy: the true keys."""


@dataclass(frozen=True)
class Tamper:
    """`words` complete "somebody ..."; `place` is where the failure is found, None for any."""

    words: str
    expected: Failure
    made: Callable[[], Made]
    place: str | None = None


CASES: list[Tamper] = []


def case(
    words: str, expected: Failure, place: str | None = None
) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    def taken(made: Callable[[], Made]) -> Callable[[], Made]:
        CASES.append(Tamper(words, expected, made, place))
        return made

    return taken


@cache
def honest() -> Story:
    """Cosigned to the end, so that the witness has nothing more to say."""
    told = story.told()
    evidence(told.ledger, story.how())
    return told


@cache
def honest_members(*systems: str) -> Mapping[str, bytes]:
    return bundle(honest().ledger, story.how(systems or ("ehr",)))


def members(*systems: str) -> Members:
    return dict(honest_members(*systems))


def resealed(found: Members, **changes: Any) -> bytes:
    """The statement signed anew over members that were changed, with other fields where given."""
    return zipped(stated(found, {**predicate(found), **changes}))


def predicate(found: Members) -> dict[str, Any]:
    envelope = json.loads(found[layout.STATEMENT])
    payload: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    said: dict[str, Any] = payload["predicate"]
    return said


def insider(
    change: Callable[[Ledger], None],
    *,
    how: Bundling | None = None,
    told: Story | None = None,
    old_figures: bool = True,
) -> bytes:
    """The log written anew after a change, the statement's figures as before, or computed anew."""
    before = told or honest()
    bundled = how or story.how()
    said = predicate(bundle(before.ledger, bundled))
    ledger = copied(before.ledger)
    change(ledger)
    if not old_figures:
        return zipped(bundle(ledger, bundled))
    return zipped(stated(evidence(ledger, bundled), said))


def unwitnessed() -> tuple[Story, Bundling]:
    return story.told(witnessed=False), story.how(witnessed=False)


# Whoever carries it


@case("cuts the file short", Failure.BUNDLE_SHAPE)
def _cut() -> Made:
    return zipped(members())[:-100], NOTHING


@case("adds something behind its end", Failure.BUNDLE_SHAPE)
def _longer() -> Made:
    return zipped(members()) + b"\0", NOTHING


@case("packs it with another zip program", Failure.BUNDLE_SHAPE)
def _packed() -> Made:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in members().items():
            made.writestr(name, data)
    return out.getvalue(), NOTHING


@case("says that a member has a gigabyte", Failure.BUNDLE_LIMIT, layout.README)
def _large() -> Made:
    directory = ziphead.central(Member(layout.README, 0, 1 << 30, 0))
    return directory + ziphead.end(1, len(directory), 0), NOTHING


@case("adds a member that would be unpacked elsewhere", Failure.BUNDLE_NAME, "../bin/sh")
def _elsewhere() -> Made:
    directory = ziphead.central(Member("../bin/sh", 0, 0, 0))
    return directory + ziphead.end(1, len(directory), 0), NOTHING


@case("leaves the log out", Failure.BUNDLE_MEMBER, layout.ENTRIES)
def _dropped() -> Made:
    return _without(layout.ENTRIES), NOTHING


@case("leaves an outage's evidence out", Failure.SUBJECT_MISSING, "evidence/ehr.bin")
def _no_evidence() -> Made:
    found = members()
    del found["evidence/ehr.bin"]
    return zipped(found), NOTHING


@case("adds a report of his own", Failure.SUBJECT_UNLISTED, layout.REPORT_PDF)
def _added() -> Made:
    return zipped({**members(), layout.REPORT_PDF: b"%PDF"}), NOTHING


@case("changes the report", Failure.SUBJECT_DIFFERS, layout.REPORT_HTML)
def _report() -> Made:
    return zipped({**members(), layout.REPORT_HTML: b"<p>100 %</p>"}), NOTHING


@case("changes a number in the statement", Failure.STATEMENT_UNSIGNED, layout.STATEMENT)
def _number() -> Made:
    found = members()
    said = {**predicate(found), "gapsLeftOut": 1}
    other = stated(found, said, OTHER_KEY)
    return zipped(other), NOTHING


@case("puts something else in the statement's place", Failure.STATEMENT_MALFORMED)
def _no_statement() -> Made:
    return zipped({**members(), layout.STATEMENT: b"{}"}), NOTHING


@case("puts something else in the policy's place", Failure.POLICY_MALFORMED)
def _no_policy() -> Made:
    return zipped({**members(), layout.POLICY: b"trust me\n"}), NOTHING


@case("signs with a key of his own and puts it in the bundle's policy", Failure.STATEMENT_UNSIGNED)
def _other_key() -> Made:
    ledger = copied(honest().ledger)
    ledger.key = OTHER_KEY
    made = bundle(ledger, story.how(witnessed=False))
    return zipped(made), OWN


# The insider


@case("changes a count of the statement", Failure.FIGURES_DIFFER, "results.0.received")
def _count() -> Made:
    found = members()
    results = predicate(found)["results"]
    results[0]["received"] -= 1
    return resealed(found, results=results), NOTHING


@case("says that the target was met", Failure.FIGURES_DIFFER, "results.0.verdict")
def _met() -> Made:
    found = members()
    results = predicate(found)["results"]
    results[0]["verdict"] = "met"
    return resealed(found, results=results), NOTHING


@case("leaves an outage out of the statement", Failure.FIGURES_DIFFER, "outages")
def _no_outages() -> Made:
    return resealed(members(), outages=[]), NOTHING


@case("leaves a field out of the statement", Failure.FIGURES_DIFFER, "gaps")
def _no_field() -> Made:
    found = members()
    said = predicate(found)
    del said["gaps"]
    return zipped(stated(found, said)), NOTHING


@case("does not say which period it is about", Failure.STATEMENT_MALFORMED, layout.STATEMENT)
def _no_period() -> Made:
    return resealed(members(), period=None), NOTHING


@case("takes a batch out of the log and makes it anew", Failure.CHECKPOINT_QUORUM)
def _no_batch() -> Made:
    return insider(_drop(20)), NOTHING


@case(
    "takes a batch out of a log without witnesses: agents were shown the true one",
    Failure.BEACON_UNKNOWN,
)
def _no_batch_unseen() -> Made:
    told, bundled = unwitnessed()
    return insider(_drop(20), told=told, how=bundled, old_figures=False), NOTHING


@case("enters an approval earlier than it was given", Failure.CHECKPOINT_QUORUM)
def _backdated() -> Made:
    return insider(_backdate), NOTHING


@case("enters an approval earlier, in the disclosed row alone", Failure.ROWS_DIFFER, "9")
def _backdated_row() -> Made:
    found = members()
    found[layout.ROWS] = found[layout.ROWS].replace(
        b"%d" % (T0 + DAY + 2 * HOUR), b"%d" % (T0 + DAY + HOUR)
    )
    return resealed(found), NOTHING


@case("keeps a cancellation back", Failure.ROWS_WITHHELD, "state row 6")
def _no_cancellation() -> Made:
    told = story.told(cancelled=True)
    found = bundle(told.ledger, story.how())
    kept = [line for line in _lines(found[layout.ROWS]) if b"window.cancelled" not in line]
    found[layout.ROWS] = b"".join(kept)
    return resealed(found), NOTHING


@case("keeps back a row from between others", Failure.ROWS_WITHHELD, "state row 4")
def _no_proposal() -> Made:
    found = members()
    kept = [line for line in _lines(found[layout.ROWS]) if b"window.proposed" not in line]
    found[layout.ROWS] = b"".join(kept)
    return resealed(found), NOTHING


@case("takes a cancellation out of the log", Failure.CHECKPOINT_QUORUM)
def _no_cancellation_logged() -> Made:
    told = story.told(cancelled=True)
    evidence(told.ledger, story.how())
    gone = next(
        n
        for n, one in enumerate(told.ledger.logged)
        if one.row is not None and one.row.kind == "window.cancelled"
    )
    return insider(_drop(gone), told=told), NOTHING


@case("does not count a row that numbers depend on", Failure.LOG_STATE, "9")
def _miscounted() -> Made:
    told, bundled = unwitnessed()

    def change(ledger: Ledger) -> None:
        ledger.miscount = 9

    return insider(change, told=told, how=bundled), NOTHING


@case("swaps the evidence of two systems", Failure.SEGMENT_FOREIGN)
def _swapped() -> Made:
    found = members("ehr", "lab")
    ehr, lab = layout.evidence_of("ehr"), layout.evidence_of("lab")
    found[ehr], found[lab] = found[lab], found[ehr]
    return resealed(found), NOTHING


@case("leaves out a piece of evidence where every system is disclosed", Failure.SEGMENT_WITHHELD)
def _one_segment_less() -> Made:
    return _with_segments(lambda found: [*found[:5], *found[6:]], "ehr", "lab"), NOTHING


@case("changes what an agent measured", Failure.SEGMENT_PROOF)
def _measured() -> Made:
    def change(found: list[Segment]) -> list[Segment]:
        decoded = [segments.decode("ehr", one.data) for one in found]
        n = next(n for n, runs in enumerate(decoded) if runs[-1].outcome is Outcome.DOWN)
        other = segments.encode([_up(run) for run in decoded[n]])
        return [*found[:n], found[n]._replace(data=other), *found[n + 1 :]]

    return _with_segments(change), NOTHING


@case("files a piece of evidence under another batch", Failure.SEGMENT_PROOF)
def _moved() -> Made:
    def change(found: list[Segment]) -> list[Segment]:
        return [found[0], found[1]._replace(data=found[0].data, tag=found[0].tag), *found[2:]]

    return _with_segments(change), NOTHING


@case(
    "files a piece of evidence where the log has no batch",
    Failure.SEGMENT_PLACE,
    "evidence/ehr.bin:9",
)
def _nowhere() -> Made:
    def change(found: list[Segment]) -> list[Segment]:
        there = [one for one in found if one.entry > 9]
        return [one for one in found if one.entry < 9] + [there[0]._replace(entry=9)] + there

    return _with_segments(change), NOTHING


@case(
    "files a piece of evidence behind the last batch", Failure.SEGMENT_PLACE, "evidence/ehr.bin:900"
)
def _behind() -> Made:
    return _with_segments(lambda found: [*found, found[-1]._replace(entry=900)]), NOTHING


@case("hands in a piece of evidence twice", Failure.SEGMENT_ORDER)
def _twice() -> Made:
    found = members()
    data = found["evidence/ehr.bin"]
    found["evidence/ehr.bin"] = data + data[4:]
    return resealed(found), NOTHING


@case("puts something else in the place of evidence", Failure.SEGMENT_MALFORMED)
def _no_chunks() -> Made:
    return resealed({**members(), "evidence/ehr.bin": b"WWE1\0\0\0\1?"}), NOTHING


@case("cuts the log's entries short", Failure.LOG_LENGTH)
def _cut_entries() -> Made:
    found = members()
    found[layout.ENTRIES] = found[layout.ENTRIES][:-900]
    return resealed(found), NOTHING


@case("ends the log before the period was over", Failure.CHECKPOINT_EARLY)
def _ended_early() -> Made:
    return _ended(20), NOTHING


@case("puts something else in the place of the range's start", Failure.LOG_MALFORMED)
def _no_range() -> Made:
    return resealed({**members(), layout.LOG_START: b"{}"}), NOTHING


@case("asks for ten years", Failure.FIGURES_ASKED, "period")
def _ten_years() -> Made:
    found = members()
    period = predicate(found)["period"]
    period |= {"end": period["end"] + 3_650 * DAY, "now": period["now"] + 3_650 * DAY}
    return resealed(found, period=period), NOTHING


@case("rewrites the log: the auditor kept a checkpoint", Failure.SINCE_FORKED)
def _forked() -> Made:
    told, bundled = unwitnessed()
    kept = note.write(told.ledger.note_at(30))
    return insider(_drop(20), told=told, how=bundled), Given(since=kept)


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
    data = logkeys.revocation_data(Revocation(key, 20, Reason.COMPROMISED))
    told.row(NOW + 120_000, "log.key_revoked", data, "admin-1")
    told.publish(NOW + 180_000)
    return zipped(bundle(told.ledger, story.how())), NOTHING


@case("discloses a row about the log's keys that is none", Failure.ROWS_ACT, "log keys")
def _log_keys() -> Made:
    told = story.told()
    told.row(NOW + 120_000, "log.keys", b"{}", "admin-1")
    told.publish(NOW + 180_000)
    return zipped(bundle(told.ledger, story.how())), NOTHING


@case("names another log at the range's start", Failure.LOG_ORIGIN, layout.LOG_START)
def _origin() -> Made:
    found = members()
    found[layout.LOG_START] = found[layout.LOG_START].replace(b"st-elsewhere", b"st-somewhere")
    return resealed(found), NOTHING


@case("leaves the last checkpoints out of the list", Failure.LOG_CHECKPOINTS)
def _no_last() -> Made:
    found = members()
    found[layout.CHECKPOINTS] = b"".join(_lines(found[layout.CHECKPOINTS])[:-1])
    return resealed(found), NOTHING


@case("changes the tree before the range", Failure.LOG_ROOT, "size 6")
def _peaks() -> Made:
    found = members()
    said = json.loads(found[layout.LOG_START])
    said["peaks"] = said["peaks"][::-1]
    found[layout.LOG_START] = canonical(said)
    return resealed(found), NOTHING


@case("changes when a batch was received", Failure.LOG_ROOT)
def _received() -> Made:
    found = members()
    entries_of = [*logfile.read_entries(_file(found[layout.ENTRIES]))]
    entries_of[14] = entries_of[14].replace(b"60000 ", b"60001 ", 1)
    found[layout.ENTRIES] = b"".join(map(logfile.frame, entries_of))
    return resealed(found), NOTHING


@case("puts something else in an entry's place", Failure.LOG_ENTRY)
def _no_entry() -> Made:
    found = members()
    entries_of = [*logfile.read_entries(_file(found[layout.ENTRIES]))]
    entries_of[4] = b"nothing\n"
    found[layout.ENTRIES] = b"".join(map(logfile.frame, entries_of))
    return resealed(found), NOTHING


@case("lets the log begin with something else", Failure.LOG_START, "0")
def _no_start() -> Made:
    found = bundle(honest().ledger, replace(story.how(), first=0))
    entries_of = [*logfile.read_entries(_file(found[layout.ENTRIES]))]
    found[layout.ENTRIES] = b"".join(map(logfile.frame, [entries_of[1], *entries_of[1:]]))
    return resealed(found), NOTHING


@case("puts something else in the place of rows", Failure.ROWS_MALFORMED)
def _no_rows() -> Made:
    return resealed({**members(), layout.ROWS: b"{}\n"}), NOTHING


@case("discloses the rows in another order", Failure.ROWS_ORDER)
def _rows_order() -> Made:
    found = members()
    found[layout.ROWS] = b"".join(reversed(_lines(found[layout.ROWS])))
    return resealed(found), NOTHING


@case("numbers the disclosed rows otherwise", Failure.ROWS_DIFFER, "9")
def _rows_numbers() -> Made:
    found = members()
    found[layout.ROWS] = found[layout.ROWS].replace(b'"state":5', b'"state":4')
    return resealed(found), NOTHING


@case("changes a disclosed config", Failure.ROWS_CONFIG)
def _config() -> Made:
    found = members()
    found[layout.ROWS] = found[layout.ROWS].replace(b"7200000", b"3600000")
    return resealed(found), NOTHING


@case("proves another row in the place of one", Failure.ROWS_PROOF, "2")
def _proof() -> Made:
    found = members()
    found[layout.proof_of(2)] = found[layout.proof_of(3)]
    return resealed(found), NOTHING


@case("leaves out the proof of a row", Failure.ROWS_PROOF_MISSING, "2")
def _no_proof() -> Made:
    found = members()
    del found[layout.proof_of(2)]
    return resealed(found), NOTHING


@case("adds the proof of a row that is not disclosed", Failure.BUNDLE_NAME, "proofs/77.tlog-proof")
def _spare_proof() -> Made:
    found = members()
    found[layout.proof_of(77)] = found[layout.proof_of(3)]
    return resealed(found), NOTHING


@case("leaves out when an approval was seen", Failure.EARLY_MISSING, "9")
def _no_early() -> Made:
    found = members()
    del found[layout.early_proof_of(9)]
    return resealed(found), NOTHING


@case("shows another row's proof for an approval", Failure.EARLY_PROOF, "9")
def _early_proof() -> Made:
    found = members()
    found[layout.early_proof_of(9)] = found[layout.early_proof_of(1)]
    return resealed(found), NOTHING


@case("shows an approval in a checkpoint without cosignatures", Failure.EARLY_UNTRUSTED, "9")
def _early_untrusted() -> Made:
    found = members()
    one = proof.parse(found[layout.early_proof_of(9)])
    signed = Note(one.checkpoint.text, one.checkpoint.signatures[:1])
    found[layout.early_proof_of(9)] = proof.write(replace(one, checkpoint=signed))
    return resealed(found), NOTHING


@case("has a second log, which the witness saw first", Failure.EARLY_FORKED, "9")
def _early_forked() -> Made:
    found, name = members(), layout.early_proof_of(9)
    other = story.told()
    other.ledger.logged[9] = replace(other.ledger.logged[9], at=7)
    found[name] = evidence(other.ledger, story.how())[name]
    return resealed(found), NOTHING


@case("counts a witness of his own for when an approval was seen", Failure.EARLY_LATER, "9")
def _early_later() -> Made:
    told = story.told()
    own = vkey("own.example", OTHER_KEY, SignatureType.COSIGNATURE).text()
    ledger = told.ledger
    ledger.witness = Witness()
    late = ledger.witness.cosign

    def cosign(text: str, at: int) -> list[Any]:
        """The insider's at once, the auditor's witness only after the window."""
        mine = note.cosign(text, "own.example", OTHER_KEY, at // 1_000)
        return [mine, *late(text, max(at, story.WINDOW[1]))]

    ledger.witness.cosign = cosign  # type: ignore[method-assign]
    lines = policy_text().replace(b"quorum auditor\n", b"")
    lines += f"witness own {own}\ngroup one 1 own auditor\nquorum one\n".encode()
    return zipped(bundle(ledger, replace(story.how(), policy=lines))), OWN


# With an agent's help, or against it


@case("enters a batch that no agent signed", Failure.KEYS_SIGNATURE)
def _forged() -> Made:
    return _extra_batch(OTHER_KEY), NOTHING


@case("enters a batch signed with a key that nobody had approved", Failure.KEYS_NOT_TAKEN)
def _unapproved() -> Made:
    told = Story()
    story.begun(told)
    story.keys(told, approved_at=T0 + 2 * DAY)
    story.went_on(told)
    return zipped(bundle(told.ledger, story.how())), NOTHING


@case("keeps back how an agent got its key", Failure.KEYS_UNKNOWN, "south-1")
def _no_keys() -> Made:
    told = Story()
    story.begun(told)
    story.went_on(told)
    return zipped(bundle(told.ledger, replace(story.how(), first=0))), NOTHING


@case("tells of a key's approval before its enrolment", Failure.KEYS_ILLEGAL)
def _illegal() -> Made:
    told = Story()
    story.begun(told)
    text = agentkeys.text_of(ENROLLED.public_key())
    said = {"agent": "south-1", "fingerprint": agentkeys.fingerprint(text), "by": "admin-1"}
    told.row(T0, "agent.approved", canonical({**said, "replaces": []}), "admin-1")
    told.publish(NOW + 60_000)
    found = evidence(told.ledger, replace(story.how(), first=0))
    return zipped(stated(found, predicate(members()))), NOTHING


@case("has an agent number two batches alike", Failure.CHAIN_DOUBLE)
def _double() -> Made:
    return _extra_batch(PINNED, seq=5), NOTHING


@case("has an agent go on from a batch that is not there", Failure.CHAIN_BROKEN)
def _broken() -> Made:
    return _extra_batch(PINNED, seq=15), NOTHING


@case("enters a batch of another organization", Failure.CHAIN_OTHER_ORG)
def _other_org() -> Made:
    return _extra_batch(PINNED, org="st-other"), NOTHING


@case("enters a header that no agent makes", Failure.CHAIN_HEADER)
def _header() -> Made:
    found = members()
    entries_of = [*logfile.read_entries(_file(found[layout.ENTRIES]))]
    entries_of[4] = entries_of[4].replace(b'"seq":', b'"sea":')
    found[layout.ENTRIES] = b"".join(map(logfile.frame, entries_of))
    return resealed(found), NOTHING


@case("keeps back what an agent kept of batches it gave up", Failure.TOMBSTONE_MISSING)
def _no_remains() -> Made:
    found = _given_up()
    del found[layout.TOMBSTONES]
    return resealed(found), NOTHING


@case("changes what an agent kept of batches it gave up", Failure.TOMBSTONE_BODY)
def _remains() -> Made:
    found = _given_up()
    said = json.loads(found[layout.TOMBSTONES])
    said["body"] = "AAAA" + said["body"][4:]
    found[layout.TOMBSTONES] = canonical(said) + b"\n"
    return resealed(found), NOTHING


@case("puts something else in the place of what was kept", Failure.TOMBSTONE_MALFORMED)
def _no_tombstones() -> Made:
    return resealed({**_given_up(), layout.TOMBSTONES: b'{"index":1}\n'}), NOTHING


def _without(name: str) -> bytes:
    """Written as the zip would be, without a member that it must have."""
    return raw([(one, data) for one, data in in_order(members()) if one != name])


def in_order(found: Members) -> list[tuple[str, bytes]]:
    """Members as they stand in a zip."""
    return sorted(found.items(), key=lambda item: layout.place_of(item[0]) or (0, 0, ""))


def raw(found: Sequence[tuple[str, bytes]]) -> bytes:
    """A zip of these members as they come, whether any reader takes it or not."""
    out, done = b"", list[Member]()
    for name, data in found:
        member = Member(name, zlib.crc32(data), len(data), len(out))
        done.append(member)
        out += ziphead.local(member) + data
    directory = b"".join(map(ziphead.central, done))
    return out + directory + ziphead.end(len(done), len(directory), len(out))


@case("stamps another statement", Failure.TIMESTAMP_DIFFERS, layout.TIMESTAMP)
def _other_stamp() -> Made:
    token, _ = stamped(members("lab")[layout.STATEMENT])
    return zipped({**members(), layout.TIMESTAMP: token}), NOTHING


@case("stamps the statement at an authority of his own", Failure.TIMESTAMP_UNTRUSTED)
def _own_stamp() -> Made:
    statement = members()[layout.STATEMENT]
    token, _ = stamped(statement)
    _, root = stamped(statement + b"?")
    return zipped({**members(), layout.TIMESTAMP: token}), Given(roots=[root])


@case("puts something else in the place of the time stamp", Failure.TIMESTAMP_MALFORMED)
def _no_stamp() -> Made:
    return zipped({**members(), layout.TIMESTAMP: b"0"}), NOTHING


@cache
def stamped(statement: bytes) -> tuple[bytes, Certificate]:
    """A token over the statement, and the root of its authority, which is made for it."""
    digest = hashlib.sha256(statement).digest()
    with tempfile.TemporaryDirectory() as folder:
        simulated = authority(Path(folder) / "one")
        return asyncio.run(simulated.reply(request(digest, 1))), simulated.root


def _drop(place: int) -> Callable[[Ledger], None]:
    """The entry behind so many others is no longer there, and the log was published all the same."""

    def change(ledger: Ledger) -> None:
        del ledger.logged[place]
        ledger.published = {size - (size > place + 1): at for size, at in ledger.published.items()}

    return change


def _backdate(ledger: Ledger) -> None:
    """The approval is an hour earlier than it was."""
    for place, one in enumerate(ledger.logged):
        if one.row is not None and one.row.kind == ActKind.APPROVED:
            row = replace(one.row, at=one.at - HOUR // 2, recorded_at=one.at - HOUR // 2)
            ledger.logged[place] = replace(one, at=one.at - HOUR // 2, row=row)


def _ended(size: int) -> bytes:
    """The log up to a checkpoint of before."""
    ledger = copied(honest().ledger)
    ledger.logged = ledger.logged[: size - 1]
    ledger.published = {one: at for one, at in ledger.published.items() if one <= size}
    return zipped(bundle(ledger, story.how()))


def _with_segments(change: Callable[[list[Segment]], list[Segment]], *systems: str) -> bytes:
    """The EHR's evidence written anew after a change."""
    found, name = members(*systems), layout.evidence_of("ehr")
    changed = change([*evidencefile.read(_file(found[name]), name)])
    out = io.BytesIO()
    writer = evidencefile.Writer(out)
    for one in changed:
        writer.put(one)
    writer.close()
    found[name] = out.getvalue()
    return resealed(found)


def _up(run: Run) -> Run:
    return Run(run.system, run.check, run.slot_ms, run.at_ms, Outcome.UP, "ok", run.duration_us)


def _extra_batch(key: Ed25519PrivateKey, seq: int | None = None, org: str = ORG) -> bytes:
    """One more batch of the first agent, cosigned as any other."""
    told = story.told()
    number = told.seqs["north-1"] + 1
    link = told.links["north-1"] if seq is None else "ab" * 32
    place = Place(org, "north-1", "e1", seq or number, link, "0" * 16, None)
    runs = story.runs_of("north-1", NOW - DAY, NOW)
    data = batch.seal(key, place, Anchors(NOW, NOW), runs, b"more".ljust(16))
    told.ledger.add(Logged(NOW + 60_000, envelope=data))
    told.publish(NOW + 120_000)
    return zipped(bundle(told.ledger, story.how()))


def _given_up() -> Members:
    """The pinned agent gave up what it had sealed last, and kept what was not good."""
    told = story.told()
    sealed = batch.open_batch(told.sealed("north-1", NOW - DAY, NOW))
    remains = tombstone.of_batches([sealed], Why.FULL_BYTES)
    data = tombstone.seal(PINNED, Anchors(NOW, NOW), remains)
    told.ledger.add(Logged(NOW + 60_000, envelope=data, tombstone=True))
    told.publish(NOW + 120_000)
    return bundle(told.ledger, story.how())


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _file(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)
