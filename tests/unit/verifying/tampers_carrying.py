"""Whoever carries a bundle has no key: he changes the file."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from cryptography.x509 import Certificate

from collector.bundle import layout, ziphead
from collector.bundle.ziphead import Member
from collector.reports.timestamps import request
from collector.verifying.failures import Failure
from collector.verifying.verify import Given
from tests.support.tsa import authority
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import (
    OTHER_KEY,
    bundle,
    copied,
    stated,
    zipped,
)
from tests.unit.verifying.tampering import (
    NOTHING,
    OWN,
    Made,
    case,
    honest,
    members,
    predicate,
    without,
)


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
    return without(layout.ENTRIES), NOTHING


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
