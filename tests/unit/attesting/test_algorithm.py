"""The hash of the program that makes the numbers, and what a verifier says of another one."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys

from collector.attesting.algorithm import ROOTS, algorithm, sources
from collector.attesting.sampling import simulated
from collector.verifying.telling import Check, Doing, Told
from collector.verifying.verify import Given, verify
from tests.support import bundles

LOADED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([n for n in sys.modules if n.split(".")[0] in ("alerts", "collector", "probes")]))
"""


def test_every_module_that_makes_the_numbers_is_in_it() -> None:
    """What a fresh process has loaded when it can make them; nothing that may stay another."""
    told = subprocess.run(
        [sys.executable, "-c", LOADED, *ROOTS], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(told.stdout))
    assert {"collector.core.truth", "probes.recurrence", "probes.segments"} <= loaded
    assert loaded <= sources().keys()
    assert (
        not {"collector.attesting.making", "collector.tlog.keys", "probes.net"} & sources().keys()
    )


def test_it_is_over_the_names_and_contents_of_the_sources_in_their_order() -> None:
    found = sources()
    assert [*found] == sorted(found)
    lines = [f"{name} {hashlib.sha256(data).hexdigest()}\n" for name, data in found.items()]
    assert algorithm() == f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def notes(data: bytes, here: str | None) -> list[str]:
    told: list[Told | Doing] = []
    assert verify(io.BytesIO(data), Given(algorithm=here), told.append).failure is None
    return [
        one.text
        for one in told
        if isinstance(one, Told) and one.note and one.check is Check.STATEMENT
    ]


def test_a_statement_of_another_program_is_verified_and_a_note_says_so() -> None:
    data = simulated(1)
    assert notes(data, algorithm()) == []
    other = "sha256:" + "ab" * 32
    (note,) = notes(data, other)
    assert note.startswith(f"another version of the program made the numbers ({algorithm()}; ")
    assert f"here is {other})" in note


def test_a_claim_that_is_no_hash_is_not_repeated() -> None:
    (note,) = notes(bundles.whole().zip, algorithm())
    assert "(which it does not say; here is sha256:" in note
    assert notes(bundles.whole().zip, None) == []
