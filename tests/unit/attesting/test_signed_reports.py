"""The reports of an issued bundle: signed where the file says so, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from collector.attesting import assembling
from collector.bundle import layout
from collector.child import ChildError
from collector.store.store import Store
from probes.configfile import read_secret
from tests.support.attested import CLOSED, Attesting, attesting
from tests.unit.attesting.test_attestations_api import JANUARY, asked, got
from tests.unit.attesting.test_issuing import bundle, issued, members, verified
from tests.unit.reports.test_pades import chain, judged, pem

KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def signing(folder: Path, certificate: bytes) -> dict[str, Any]:
    """The section of the file, and what it refers to."""
    (folder / "pdf.key").write_bytes(pem(KEY))
    (folder / "pdf.pem").write_bytes(certificate)
    key, own = (f"file:{folder}/pdf.{ending}" for ending in ("key", "pem"))
    return {"pdf_signature": {"key": key, "certificate": own}}


def with_files(made: Attesting) -> Attesting:
    """The collector reads what its file refers to, as it does outside of tests."""
    maker = made.collector.service.parts.attesting._maker
    assert maker is not None
    maker._assembler._read_secret = read_secret
    return made


async def refused(made: Attesting) -> str:
    _, one = await asked(made, {**JANUARY, "systems": ["lab"]})
    await made.make()
    _, one = await got(made, f"/{one['id']}")
    assert one["state"] == "refused", one
    return str(one["reason"])


async def test_the_pdf_of_a_bundle_is_signed_before_the_statement_names_its_digest(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path, attestations=signing(tmp_path, chain(KEY))) as made:
        await with_files(made).month.live(CLOSED)
        one = await issued(made, systems=["lab"])
        data = await bundle(made, one["id"])
        assert verified(data) is None
        status = await judged(members(data)[layout.REPORT_PDF])
        assert status.bottom_line
        assert status.coverage.name == "ENTIRE_FILE"


async def test_a_key_and_a_certificate_of_others_sign_nothing(store: Store, tmp_path: Path) -> None:
    async with attesting(store, tmp_path, attestations=signing(tmp_path, chain(OTHER))) as made:
        await with_files(made).month.live(CLOSED)
        assert await refused(made) == "attestation.pdf_signature"


async def test_reports_whose_process_dies_are_not_left_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        raise ChildError(-9)

    monkeypatch.setattr(assembling, "rendered", dies)
    async with attesting(store, tmp_path) as made:
        await made.month.live(CLOSED)
        assert await refused(made) == "attestation.report"
