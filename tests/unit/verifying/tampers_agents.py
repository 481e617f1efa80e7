"""An insider against agents, or with the help of one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.bundle import layout, logfile
from collector.facts import canonical
from collector.verifying.failures import Failure
from probes import agentkeys, batch, tombstone
from probes.batch import Anchors, Place
from probes.tombstone import Why
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import (
    OTHER_KEY,
    Logged,
    Members,
    bundle,
    evidence,
    stated,
    zipped,
)
from tests.unit.verifying.story import DAY, ENROLLED, NOW, ORG, PINNED, T0, Story
from tests.unit.verifying.tampering import (
    NOTHING,
    Made,
    case,
    file_of,
    members,
    predicate,
    resealed,
)


@case("enters a batch that no agent signed", Failure.KEYS_SIGNATURE)
def _forged() -> Made:
    return extra_batch(OTHER_KEY), NOTHING


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


@case("enrols an agent with a key that signs for anybody", Failure.KEYS_ILLEGAL)
def _weak() -> Made:
    told = Story()
    story.begun(told)
    text = "ed25519:" + base64.b64encode((1).to_bytes(32, "little")).decode()
    said = {"agent": "south-1", "fingerprint": agentkeys.fingerprint(text)}
    enrolled = {**said, "site": "south", "key": text, "invited_by": "admin-1"}
    told.row(T0, "agent.enrolled", canonical(enrolled), "agent:south-1")
    told.publish(NOW + 60_000)
    found = evidence(told.ledger, replace(story.how(), first=0))
    return zipped(stated(found, predicate(members()))), NOTHING


@case("has an agent number two batches alike", Failure.CHAIN_DOUBLE)
def _double() -> Made:
    return extra_batch(PINNED, seq=5), NOTHING


@case("has an agent go on from a batch that is not there", Failure.CHAIN_BROKEN)
def _broken() -> Made:
    return extra_batch(PINNED, seq=15), NOTHING


@case("enters a batch of another organization", Failure.CHAIN_OTHER_ORG)
def _other_org() -> Made:
    return extra_batch(PINNED, org="st-other"), NOTHING


@case("enters a header that no agent makes", Failure.CHAIN_HEADER)
def _header() -> Made:
    found = members()
    entries_of = [*logfile.read_entries(file_of(found[layout.ENTRIES]))]
    entries_of[4] = entries_of[4].replace(b'"seq":', b'"sea":')
    found[layout.ENTRIES] = b"".join(map(logfile.frame, entries_of))
    return resealed(found), NOTHING


@case("keeps back what an agent kept of batches it gave up", Failure.TOMBSTONE_MISSING)
def _no_remains() -> Made:
    found = given_up()
    del found[layout.TOMBSTONES]
    return resealed(found), NOTHING


@case("changes what an agent kept of batches it gave up", Failure.TOMBSTONE_BODY)
def _remains() -> Made:
    found = given_up()
    said = json.loads(found[layout.TOMBSTONES])
    said["body"] = "AAAA" + said["body"][4:]
    found[layout.TOMBSTONES] = canonical(said) + b"\n"
    return resealed(found), NOTHING


@case("puts something else in the place of what was kept", Failure.TOMBSTONE_MALFORMED)
def _no_tombstones() -> Made:
    return resealed({**given_up(), layout.TOMBSTONES: b'{"index":1}\n'}), NOTHING


def extra_batch(key: Ed25519PrivateKey, seq: int | None = None, org: str = ORG) -> bytes:
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


def given_up() -> Members:
    """The pinned agent gave up what it had sealed last, and kept what was not good."""
    told = story.told()
    sealed = batch.open_batch(told.sealed("north-1", NOW - DAY, NOW))
    remains = tombstone.of_batches([sealed], Why.FULL_BYTES)
    data = tombstone.seal(PINNED, Anchors(NOW, NOW), remains)
    told.ledger.add(Logged(NOW + 60_000, envelope=data, tombstone=True))
    told.publish(NOW + 120_000)
    return bundle(told.ledger, story.how())
