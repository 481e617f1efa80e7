"""An insider and the rows that are disclosed: kept back, changed, moved in time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from collector.attest import note, proof
from collector.attest.note import Note
from collector.attest.vkey import SignatureType
from collector.bundle import layout
from collector.facts import CONFIG, canonical
from collector.verifying.failures import Failure
from probes import configfile
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import (
    OTHER_KEY,
    Witness,
    bundle,
    evidence,
    policy_text,
    vkey,
    zipped,
)
from tests.unit.verifying.story import DAY, END, HOUR, NOW, START, T0
from tests.unit.verifying.tampering import (
    NOTHING,
    OWN,
    Made,
    case,
    lines,
    members,
    resealed,
)


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
    kept = [line for line in lines(found[layout.ROWS]) if b"window.cancelled" not in line]
    found[layout.ROWS] = b"".join(kept)
    return resealed(found), NOTHING


@case("keeps back a row from between others", Failure.ROWS_WITHHELD, "state row 4")
def _no_proposal() -> Made:
    found = members()
    kept = [line for line in lines(found[layout.ROWS]) if b"window.proposed" not in line]
    found[layout.ROWS] = b"".join(kept)
    return resealed(found), NOTHING


@case("puts something else in the place of rows", Failure.ROWS_MALFORMED)
def _no_rows() -> Made:
    return resealed({**members(), layout.ROWS: b"{}\n"}), NOTHING


@case("discloses the rows in another order", Failure.ROWS_ORDER)
def _rows_order() -> Made:
    found = members()
    found[layout.ROWS] = b"".join(reversed(lines(found[layout.ROWS])))
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


@case("discloses a row about the log's keys that is none", Failure.ROWS_ACT, "log keys")
def _log_keys() -> Made:
    told = story.told()
    told.row(NOW + 120_000, "log.keys", b"{}", "admin-1")
    told.publish(NOW + 180_000)
    return zipped(bundle(told.ledger, story.how())), NOTHING


@case("enters a version later than he says, after an outage", Failure.ROWS_BACKDATED, "34")
def _backdated_version() -> Made:
    """Fifty failures in a row are then an outage, and there is none; the witness saw it all."""
    told = story.told()
    said = json.loads(configfile.canonical(story.config()))
    said["checks"]["ehr-read"]["confirm"] = {"down": 50, "up": 1}
    told.row(START, CONFIG, canonical(said))
    told.publish(NOW + 120_000)
    return zipped(bundle(told.ledger, story.how())), OWN


@case("keeps back that the collector was away", Failure.ROWS_WITHHELD, "34")
def _no_away() -> Made:
    told = story.told()
    told.row(NOW + 120_000, "evidence.away", canonical({"from": START, "to": END}))
    told.publish(NOW + 180_000)
    found = bundle(told.ledger, story.how())
    kept = [line for line in lines(found[layout.ROWS]) if b"evidence.away" not in line]
    found[layout.ROWS] = b"".join(kept)
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
        """The insider's at once, the auditor's witness only after the window, from its proposal on."""
        mine = note.cosign(text, "own.example", OTHER_KEY, at // 1_000)
        return [mine, *late(text, at if at < T0 + DAY else max(at, story.WINDOW[1]))]

    ledger.witness.cosign = cosign  # type: ignore[method-assign]
    lines = policy_text().replace(b"quorum auditor\n", b"")
    lines += f"witness own {own}\ngroup one 1 own auditor\nquorum one\n".encode()
    return zipped(bundle(ledger, replace(story.how(), policy=lines))), OWN
