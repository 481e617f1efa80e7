from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from probes.fhir_validation import Validation, validation_errors
from probes.testing.fhir_statement import capability_statement

REMOVED_IN_R4B = b'{"resourceType":"MedicinalProduct"}'


async def test_a_validation_that_outlasts_the_run_is_told_by_a_later_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(body: bytes, _release: str) -> int:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return len(body)

    monkeypatch.setattr("probes.fhir_validation.validation_errors", slow)
    validation = Validation()
    assert validation.offer(b"1", "4.0.1", b"a") is None
    await validation.wait(0.01)
    assert (validation.pending, validation.errors) == (True, None)
    assert validation.offer(b"1", "4.0.1", b"a") is False
    assert validation.offer(b"2", "4.0.1", b"bb") is True
    await started.wait()
    release.set()
    await validation.wait(1)
    assert (validation.pending, validation.errors) == (True, None)
    await validation.wait(1)
    assert (validation.pending, validation.errors) == (False, 2)
    assert validation.offer(b"3", "1.0.2", b"ccc") is True
    assert (validation.pending, validation.errors) == (False, None)
    await validation.close()


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b'{"resourceType":"CapabilityStatement"}', 5),
        (b'{"resourceType":"CapabilityStatement","contained":[{"resourceType":5}]}', 1),
        (b'{"resourceType":"CapabilityStatement","contained":[%s]}' % REMOVED_IN_R4B, 1),
        (b"\xff", 1),
    ],
)
def test_schema_errors_are_a_number_whatever_the_library_raises(body: bytes, errors: int) -> None:
    assert validation_errors(body, "4.0.1") == errors


def test_a_release_is_not_judged_by_the_classes_of_another() -> None:
    stu3 = capability_statement("http://x", fhir_version="3.0.2", without=None, text="t")
    body = json.dumps(stu3).encode()
    found = {release: validation_errors(body, release) for release in ("3.0.2", "4.0.1", "5.0.0")}
    assert found["3.0.2"] == 0
    assert found["4.0.1"]
    assert found["5.0.0"]


def test_without_the_extra_there_is_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fhir.resources.R4B.capabilitystatement", None)
    assert validation_errors(b"{}", "4.0.1") is None


def test_importing_the_kind_does_not_import_the_heavy_library() -> None:
    code = (
        "import sys, probes.kinds.fhir; sys.exit(any(m.startswith('fhir.') for m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
