"""From a month of evidence to a bundle that anybody can check, on both engines."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

from collector.access.policy import Role
from collector.attest import dsse, statement
from collector.bundle import layout
from collector.bundle import predicate as predicates
from collector.bundle.derive import derive
from collector.bundle.members import Held
from collector.bundle.opening import open_evidence
from collector.store.store import Store
from collector.verifying.verify import Given, verify
from tests.support.attested import CLOSED, DAY, HOUR, LAST, Attesting, attesting
from tests.support.rounds import ORG
from tests.unit.attesting.test_attestations_api import JANUARY, URL, asked, got


async def issued(made: Attesting, **body: Any) -> dict[str, Any]:
    """One that was asked for, once it is there."""
    status, one = await asked(made, {**JANUARY, **body})
    assert status == 200, one
    await made.make()
    status, one = await got(made, f"/{one['id']}")
    assert (status, one["state"]) == (200, "issued"), one
    return one


async def bundle(made: Attesting, id_: str, role: Role = Role.AUDITOR) -> bytes:
    headers = await made.headers(f"some-{role.value}", role)
    async with made.collector.client.get(f"{URL}/{id_}/bundle", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        return {name: read.read(name) for name in read.namelist()}


def predicate(data: bytes) -> dict[str, Any]:
    envelope = dsse.parse(members(data)[layout.STATEMENT])
    return dict(statement.parse(envelope.payload).predicate)


def verified(data: bytes) -> str | None:
    """By the auditor's program: what does not hold, None where all does."""
    refused = verify(io.BytesIO(data), Given(), lambda _told: None).failure
    return None if refused is None else str(refused)


async def test_a_month_becomes_a_bundle_whose_numbers_follow_from_its_evidence(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path) as made:
        await made.month.live(CLOSED)
        one = await issued(made)
        data = await bundle(made, one["id"])
        assert hashlib.sha256(data).hexdigest() == one["bundle"]["sha256"]
        assert len(data) == one["bundle"]["length"]
        assert verified(data) is None
        assert one["bundle"]["verdicts"] == {"ehr": "breached", "lab": "met"}
        found, parts = predicate(data), members(data)
        assert hashlib.sha256(parts[layout.STATEMENT]).hexdigest() == one["bundle"]["statement"]
        again = derive(open_evidence(Held(parts)), predicates.asked_of(found))
        assert predicates.derived_in(found) == again
        assert (found["attestationId"], found["version"]) == (f"{ORG}-{one['id']}", 1)
        (ehr, lab) = found["results"]
        assert ehr["figures"]["raw"]["percent"] == "99.2521"
        assert lab["milliseconds"]["unknown"] == 8_995_000
        assert found["supersedes"] is None


async def test_late_evidence_makes_a_revision_that_supersedes_and_the_same_evidence_makes_none(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path) as made:
        await made.month.live(LAST - 5 * DAY)
        await made.month.live(CLOSED, silent=["south-1"])
        first = await issued(made)
        assert (await asked(made, JANUARY))[1] == first
        alone = await issued(made, systems=["lab"])

        await made.month.live(CLOSED + HOUR)
        await made.make()
        _, listed = await got(made, "")
        assert [(one["id"], one["newer_evidence"]) for one in listed["attestations"]] == [
            ("2026-01-1", True),
            ("2026-01-2", False),
        ]
        second = await issued(made)
        before, after = [await bundle(made, one["id"]) for one in (first, second)]
        assert second["bundle"]["supersedes"] == first["bundle"]["statement"]
        assert second["bundle"]["revision"] == 2
        assert (verified(before), verified(after)) == (None, None)
        old, new = predicate(before), predicate(after)
        assert (new["version"], new["supersedes"]) == (2, first["bundle"]["statement"])
        assert old["lateEvidence"]["afterClose"] == 0
        assert new["lateEvidence"]["afterClose"] > 0
        assert old["results"][0] != new["results"][0]
        assert old["results"][1] == new["results"][1]
        # of the other system nothing is new, so the same one is the answer
        assert (await asked(made, {**JANUARY, "systems": ["lab"]}))[1]["id"] == alone["id"]
        assert (await asked(made, JANUARY))[1]["id"] == second["id"]
