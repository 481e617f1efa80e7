"""Bombs end by name within a gibibyte, whoever signed them."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from collector.bundle import layout, ziphead
from collector.bundle.ziphead import Member
from collector.facts import canonical
from collector.verifying.failures import Failure
from tests.unit.verifying.ledgers import zipped
from tests.unit.verifying.tampering import members, resealed

MIB = 1 << 20
WIDE = b'{"a":[' + b"[]," * (20 * MIB) + b"[]]}\n"


def chunked(data: bytes) -> bytes:
    return b"WWE1" + len(data).to_bytes(4, "big") + data


def rows(**changes: object) -> bytes:
    """The rows, the version with other fields."""
    found = members()[layout.ROWS].splitlines(keepends=True)
    version = json.loads(found[0])
    return canonical({**version, **changes}) + b"\n" + b"".join(found[1:])


def bombs() -> dict[str, tuple[bytes, Failure]]:
    evidence = layout.evidence_of("ehr")
    directory = b"".join(
        ziphead.central(Member(layout.proof_of(n), 0, 0, 0)) for n in range(60_000)
    )
    zeros = zlib.compress(bytes(512 * MIB), 9)
    return {
        "a chunk that unpacks to half a gibibyte": (
            resealed({**members(), evidence: chunked(zeros)}),
            Failure.SEGMENT_MALFORMED,
        ),
        "a chunk that says it is large": (
            resealed({**members(), evidence: b"WWE1\xff\xff\xff\xff"}),
            Failure.SEGMENT_MALFORMED,
        ),
        "sixty thousand members": (
            directory + ziphead.end(60_000, len(directory), 0),
            Failure.BUNDLE_LIMIT,
        ),
        "a statement of empty lists": (
            zipped({**members(), layout.STATEMENT: WIDE[: 15 * MIB]}),
            Failure.STATEMENT_MALFORMED,
        ),
        "a line of twenty million empty lists": (
            resealed({**members(), layout.ROWS: WIDE}),
            Failure.ROWS_MALFORMED,
        ),
        "a start of empty lists": (
            resealed({**members(), layout.LOG_START: WIDE[:MIB]}),
            Failure.BUNDLE_LIMIT,
        ),
        "a checkpoint of twenty million empty lists": (
            resealed({**members(), layout.CHECKPOINTS: WIDE}),
            Failure.LOG_MALFORMED,
        ),
        "a version at an index that no log has": (
            resealed({**members(), layout.ROWS: rows(index=2**53 - 1)}),
            Failure.ROWS_ORDER,
        ),
        "ten million entries of nothing": (
            resealed({**members(), layout.ENTRIES: bytes(20 * MIB)}),
            Failure.LOG_ENTRY,
        ),
    }


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, Failure]]:
    """How each ended, in one process of little memory."""
    folder, made = tmp_path_factory.mktemp("bombs"), bombs()
    names: list[Path] = []
    for n, (data, _) in enumerate(made.values()):
        names.append(folder / f"{n}.zip")
        names[-1].write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.verifying.bounded", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(made), (lines, done.stderr[-2_000:])
    return {
        name: (line, expected)
        for (name, (_, expected)), line in zip(made.items(), lines, strict=True)
    }


@pytest.mark.parametrize("name", list(bombs()))
def test_it_ends_by_name_within_a_gibibyte(
    name: str, endings: dict[str, tuple[str, Failure]]
) -> None:
    line, expected = endings[name]
    assert line == expected
