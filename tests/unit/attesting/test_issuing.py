"""From a month of evidence to a bundle that anybody can check, on both engines."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import pytest

from collector import acts, journal
from collector.access.policy import Role
from collector.attest import dsse, statement
from collector.attesting import comparing
from collector.attesting.folder import Folder
from collector.bundle import layout
from collector.bundle import predicate as predicates
from collector.bundle.derive import derive
from collector.bundle.members import Held
from collector.bundle.opening import open_evidence
from collector.store.leases import FencedError
from collector.store.store import Store
from collector.verifying.verify import Given, verify
from probes.acts import CorrectAs, Correction, CorrectionReason, Signed
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


async def test_one_system_alone_tells_nothing_of_the_others_and_who_takes_it_is_recorded(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path) as made:
        await made.month.live(CLOSED)
        one = await issued(made, systems=["lab"])
        data = await bundle(made, one["id"])
        assert verified(data) is None
        found = predicate(data)
        assert [each["system"] for each in found["results"]] == ["lab"]
        assert found["scope"]["undisclosedSystems"] is True
        names = set(members(data))
        assert layout.evidence_of("lab") in names
        assert layout.evidence_of("ehr") not in names
        for name, content in members(data).items():
            if name != layout.VERIFIER:
                assert b"ehr-read" not in content, name
                assert b'"EHR"' not in content, name
        rows = await store.read(journal.rows, ORG, prefix="attestation.")
        issuing, *downloads = [(row.kind, row.actor, json.loads(row.data)) for row in rows]
        assert issuing[:2] == ("attestation.issued", "some-operator")
        assert issuing[2]["sha256"] == one["bundle"]["sha256"]
        ((kind, actor, taken),) = downloads
        assert (kind, actor) == ("attestation.downloaded", "some-auditor")
        assert taken.pop("credential")
        assert taken == {
            "attestation": one["id"], "by": "some-auditor", "sha256": one["bundle"]["sha256"],
        }  # fmt: skip


async def test_a_file_that_was_changed_or_is_gone_is_never_handed_out_as_what_was_issued(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path) as made:
        await made.month.live(CLOSED)
        one = await issued(made, systems=["lab"])
        (path,) = made.bundles.glob("*.zip")
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(aiohttp.ClientPayloadError):
            await bundle(made, one["id"])
        path.unlink()
        status, problem = await got(made, f"/{one['id']}/bundle")
        assert (status, problem["code"]) == (410, "attestation.gone")


async def test_a_process_that_dies_while_it_writes_leaves_nothing_and_the_next_makes_it_whole(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with attesting(store, tmp_path) as made:
        await made.month.live(CLOSED)
        await asked(made, JANUARY)
        await made.month.settle()

        class DiedError(BaseException):
            pass

        def dies(out: BinaryIO, *_: object) -> None:
            out.write(b"half a bundle")
            raise DiedError

        with monkeypatch.context() as patch:
            patch.setattr("collector.bundle.assemble.write", dies)
            patch.setattr(Folder, "leave", lambda *_: None)
            with pytest.raises(DiedError):
                await made.make()
        (left,) = made.bundles.iterdir()
        assert left.name.startswith(".making-")
        assert (await got(made, "/2026-01-1"))[1]["state"] == "asked"
        named = f"{ORG}-2026-01-1-0011aabb.zip"
        (made.bundles / named).write_bytes(b"named, and then it died")

        made.again()
        await made.make()
        _, one = await got(made, "/2026-01-1")
        assert one["state"] == "issued"
        assert verified(await bundle(made, one["id"])) is None
        assert len(list(made.bundles.iterdir())) == 1


async def test_a_defect_refuses_one_attestation_and_stops_nothing_else(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with attesting(store, tmp_path) as made:
        await made.month.live(CLOSED)
        await asked(made, JANUARY)
        with monkeypatch.context() as patch:
            patch.setattr("collector.attesting.apart.derived", lambda *_: 1 // 0)
            await made.make()
        _, one = await got(made, "/2026-01-1")
        assert (one["state"], one["reason"]) == ("refused", "attestation.defect")
        with monkeypatch.context() as patch:
            patch.setattr(comparing, "of_truths", lambda *_: {"results": []})
            await asked(made, JANUARY)
            await made.make()
        _, other = await got(made, "/2026-01-2")
        assert (other["state"], other["reason"]) == ("refused", "attestation.different")
        assert list(made.bundles.iterdir()) == []
        assert (await issued(made))["bundle"]["revision"] == 1


async def test_a_bundle_of_a_process_that_no_longer_leads_is_not_left(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with attesting(sqlite_store, tmp_path) as made:
        await made.month.live(CLOSED)
        await asked(made, JANUARY)
        with monkeypatch.context() as patch:

            def fenced(*_: object) -> None:
                assert [path.suffix for path in made.bundles.glob("*.zip")] == [".zip"]
                raise FencedError

            patch.setattr("collector.attesting.making.issue", fenced)
            with pytest.raises(FencedError):
                await made.make()
        assert list(made.bundles.iterdir()) == []
        assert (await got(made, "/2026-01-1"))[1]["state"] == "asked"


async def test_a_folder_that_cannot_be_used_refuses_an_attestation_and_stops_nothing(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with attesting(sqlite_store, tmp_path) as made:
        await made.month.live(CLOSED)
        await asked(made, JANUARY)
        made.bundles.mkdir(exist_ok=True)

        def denied(self: Path) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))

        with monkeypatch.context() as patch:
            patch.setattr(Path, "iterdir", denied)
            made.again()
            await made.make()
        _, one = await got(made, "/2026-01-1")
        assert one["state"] == "issued"
        made.bundles.rename(tmp_path / "moved")
        made.bundles.write_bytes(b"a file where the folder was")
        _, one = await asked(made, {**JANUARY, "systems": ["lab"]})
        await made.make()
        _, one = await got(made, f"/{one['id']}")
        assert (one["state"], one["reason"]) == ("refused", "attestation.disk")


async def test_a_correction_approved_after_the_close_is_no_newer_evidence_for_it_counts_in_none(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async with attesting(sqlite_store, tmp_path) as made:
        await made.month.live(CLOSED)
        one = await issued(made)
        at = made.collector.clock.now_ms()
        signed = Signed("ops-1", at, "CHG-1")
        said = Correction(
            "cor-1", "ehr", LAST - DAY, LAST, CorrectAs.UP, CorrectionReason.CUSTOMER_POWER, signed
        )  # fmt: skip
        for fact in (acts.fact_of_request(said), acts.fact_of_approval("cor-1", signed)):
            await sqlite_store.write(journal.append, ORG, [fact], at)
        await made.month.live(CLOSED + HOUR, silent=["north-1", "south-1"])
        await made.make()
        evaluator = made.collector.service.parts.evaluator
        assert [each.id for each in evaluator.history.corrections] == ["cor-1"]
        assert (await got(made, f"/{one['id']}"))[1]["newer_evidence"] is False
        assert (await asked(made, JANUARY))[1]["id"] == one["id"]
