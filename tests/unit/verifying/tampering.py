"""What somebody may do to a bundle, and the failure that names it.

Whoever carries it has no key. An insider has the log's key and writes log, proofs and statement anew;
the keys of agents and witnesses he has not, unless it is said.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from collector.attest import policyfile
from collector.bundle import layout, ziphead
from collector.bundle.ziphead import Member
from collector.reports.facts import facts
from collector.reports.htmlpage import html
from collector.reports.oscal import oscal
from collector.verifying.failures import Failure
from collector.verifying.rendering import SOFTWARE
from collector.verifying.verify import Given
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import (
    Bundling,
    Ledger,
    Members,
    bundle,
    copied,
    evidence,
    policy_text,
    stated,
    zipped,
)
from tests.unit.verifying.story import Story

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


def rendered(software: str = SOFTWARE) -> Members:
    """The honest bundle with its reports, said to be made by a version."""
    found = members()
    said = {**predicate(found), "software": {"algorithmHash": "-", "version": software}}
    names = (one for one in found if one not in layout.NOT_SUBJECTS)
    digests = {name: hashlib.sha256(found[name]).hexdigest() for name in names}
    found[layout.REPORT_HTML], found[layout.OSCAL] = html(facts(said)), oscal(said, digests)
    return stated(found, said)


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


def without(name: str) -> bytes:
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


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def file_of(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)
