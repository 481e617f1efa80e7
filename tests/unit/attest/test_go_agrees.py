"""Go's golang.org/x/mod/sumdb, which we did not write, accepts our notes, heads, proofs and tiles,
refuses damaged ones, and makes the same of the same entries; what it signs, we accept.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from collector.attest import checkpoint, merkle, note, tiles, vkey
from collector.attest.checkpoint import Checkpoint
from collector.attest.merkle import CompactRange
from collector.attest.note import Note, SignatureLine
from collector.attest.vkey import SignatureType, VerifierKey
from collector.store.open import open_store
from collector.store.store import Store
from collector.tlog import checkpoints, epochs, reading, serving
from probes.wire.merkle import leaf_hash
from tests.support.rounds import ORG
from tests.support.signed_logs import fill, sign, verifier
from tests.support.soak import longer

GO = "/usr/bin/go"
LIBRARIES = "/usr/share/gocode"
"""Where Debian's golang-golang-x-mod-dev puts its source."""
DRIVER = Path(__file__).resolve().parents[2] / "peers" / "sumdb.go"
ORIGIN = "log.example/evidence"
SEED = 20261129
pytestmark = pytest.mark.xdist_group("go")


@dataclass(frozen=True)
class Log:
    """A tree of ours, as the driver reads it (tests/peers/sumdb.go)."""

    entries: tuple[bytes, ...]
    verifier: str
    note: bytes
    index: int
    old: int
    old_root: bytes
    inclusion: tuple[bytes, ...]
    consistency: tuple[bytes, ...]
    tiles: Mapping[str, bytes]
    seed: bytes

    def document(self) -> dict[str, Any]:
        return {
            "Entries": [_text(one) for one in self.entries],
            "Verifier": self.verifier,
            "Note": _text(self.note),
            "Index": self.index,
            "Old": self.old,
            "OldRoot": _text(self.old_root),
            "Inclusion": [_text(one) for one in self.inclusion],
            "Consistency": [_text(one) for one in self.consistency],
            "Tiles": {path: _text(data) for path, data in self.tiles.items()},
            "Seed": _text(self.seed),
        }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _data(texts: Sequence[str] | None) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(one) for one in texts or ())


def as_go_says(path: str) -> str:
    """tile/L/... of C2SP is tile/8/L/... of Go."""
    return path.replace("tile/", "tile/8/", 1)


def grown(chance: random.Random, size: int, index: int, old: int) -> Log:
    entries = tuple(chance.randbytes(chance.randrange(40)) for _ in range(size))
    state, full = CompactRange().extended(map(leaf_hash, entries))
    held = {(one.level, one.place): one.hash for one in full}

    def nodes(level: int, index: int) -> bytes:
        return held[level, index]

    key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
    text = checkpoint.write(Checkpoint(ORIGIN, size, state.root()))
    signed = Note(
        text,
        (
            SignatureLine("unknown.example", b"\0\0\0\1", chance.randbytes(2428)),
            note.sign(text, ORIGIN, key),
            note.cosign(text, "witness.example/w1", key, 1 + chance.randrange(1 << 40)),
        ),
    )
    public = key.public_key().public_bytes_raw()
    return Log(
        entries=entries,
        verifier=VerifierKey(ORIGIN, SignatureType.ED25519, public).text(),
        note=note.write(signed),
        index=index,
        old=old,
        old_root=merkle.root(nodes, old),
        inclusion=merkle.inclusion_path(nodes, index, size),
        consistency=merkle.consistency_path(nodes, old, size),
        tiles={
            as_go_says(tiles.path_of(tile)): tiles.hashes_in(nodes, tile)
            for tile in tiles.tiles_between(0, size)
        },
        seed=chance.randbytes(32),
    )


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("go")
    built = folder / "sumdb"
    subprocess.run(
        [GO, "build", "-o", built, DRIVER],
        check=True,
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "GOCACHE": str(folder / "cache"),
            "GOPATH": LIBRARIES,
            "GO111MODULE": "off",
            "CGO_ENABLED": "0",
        },
    )
    return built


def asked(driver: Path, logs: Sequence[Log]) -> list[dict[str, Any]]:
    text = json.dumps([one.document() for one in logs])
    done = subprocess.run([driver], input=text, capture_output=True, text=True, check=True)
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


VERDICTS = ("Signed", "Head", "Included", "Continued", "Tiled")


@pytest.fixture(scope="module")
def logs() -> list[Log]:
    chance = random.Random(SEED)
    sizes = [1, 2, 3, 4, 255, 256, 257, *(1 + chance.randrange(900) for _ in range(longer(8)))]
    return [
        grown(chance, size, chance.randrange(size), 1 + chance.randrange(size)) for size in sizes
    ]


def test_go_accepts_all_of_ours_and_makes_the_same(driver: Path, logs: list[Log]) -> None:
    answers = asked(driver, logs)
    assert len(answers) == len(logs) >= 15
    for ours, theirs in zip(logs, answers, strict=True):
        assert {one: theirs[one] for one in VERDICTS} == dict.fromkeys(VERDICTS, True)
        assert _data(theirs["Inclusion"]) == ours.inclusion
        assert _data(theirs["Consistency"]) == ours.consistency
        # Go lists the partial tiles of every smaller tree, too
        made = {path: base64.b64decode(theirs["Tiles"][path]) for path in ours.tiles}
        assert made == ours.tiles


async def of_a_store(store: Store, log: epochs.Log) -> Log:
    """A log that a collector's store holds: all of it read from there, two checkpoints after another."""
    await fill(store, 400, 130)
    await sign(store, log)
    await fill(store, 250, 60, epoch="later")
    published = await sign(store, log, cosigned=True)

    def read(conn: Connection) -> Log:
        (old, new) = checkpoints.between(conn, ORG, log, 0, published.size)
        nodes = reading.nodes(conn, ORG, log, new.size)
        epoch = epochs.current(conn, ORG, log)
        row = 302
        index = reading.index_of_row(conn, ORG, log, row)
        assert epoch is not None
        assert index is not None
        found = {
            tile: serving.tile(conn, ORG, epoch, tile) for tile in tiles.tiles_between(0, new.size)
        }
        proved = serving.proof(conn, ORG, new, index)
        return Log(
            entries=tuple(reading.entries(conn, ORG, log, 0, new.size)),
            verifier=verifier(log).text(),
            note=note.write(proved.checkpoint),
            index=index,
            old=old.size,
            old_root=checkpoint.parse(note.parse(old.note).text).root,
            inclusion=proved.path,
            consistency=merkle.consistency_path(nodes, old.size, new.size),
            tiles={as_go_says(tiles.path_of(tile)): data or b"" for tile, data in found.items()},
            seed=bytes(32),
        )

    return await store.read(read)


async def test_go_accepts_a_log_that_a_store_has_made(
    driver: Path, databases: Callable[[], str]
) -> None:
    made = []
    for log in epochs.Log:
        store = await open_store(databases())
        try:
            made.append(await of_a_store(store, log))
        finally:
            await store.close()
    for ours, theirs in zip(made, asked(driver, made), strict=True):
        assert len(ours.entries) > 400
        assert {one: theirs[one] for one in VERDICTS} == dict.fromkeys(VERDICTS, True)
        assert _data(theirs["Inclusion"]) == ours.inclusion
        assert _data(theirs["Consistency"]) == ours.consistency
        made_there = {path: base64.b64decode(theirs["Tiles"][path]) for path in ours.tiles}
        assert made_there == ours.tiles


def test_what_go_signs_and_proves_we_accept(driver: Path, logs: list[Log]) -> None:
    for ours, theirs in zip(logs, asked(driver, logs), strict=True):
        key = vkey.parse(theirs["Verifier"])
        signed = note.parse(base64.b64decode(theirs["Note"]))
        assert [one.key for one in note.verify(signed, [key])] == [key]
        head = checkpoint.parse(signed.text)
        assert head.root == base64.b64decode(theirs["Root"])
        leaf = leaf_hash(ours.entries[ours.index])
        path = _data(theirs["Inclusion"])
        assert merkle.included(leaf, ours.index, head.size, path, head.root)
        path = _data(theirs["Consistency"])
        assert merkle.consistent(ours.old, head.size, ours.old_root, head.root, path)
        assert (
            merkle.root(tiles.nodes_of(head.size, _reader(theirs["Tiles"])), head.size) == head.root
        )


def test_go_refuses_what_was_damaged(driver: Path) -> None:
    log = grown(random.Random(SEED), 300, 45, 123)
    signed = note.parse(log.note)
    others, ours = signed.signatures[::2], signed.signatures[1]
    wrong = replace(ours, signature=_flipped(ours.signature))
    damaged = {
        "Signed": replace(log, note=note.write(Note(signed.text, (wrong, *others)))),
        "Included": replace(log, inclusion=(_flipped(log.inclusion[0]), *log.inclusion[1:])),
        "Continued": replace(log, consistency=log.consistency[:-1]),
        "Tiled": replace(log, tiles={p: _flipped(data) for p, data in log.tiles.items()}),
        "Head": replace(log, entries=(*log.entries[:-1], b"changed")),
    }
    answers = asked(driver, list(damaged.values()))
    for verdict, theirs in zip(damaged, answers, strict=True):
        assert theirs[verdict] is False, verdict


def _reader(files: Mapping[str, str]) -> tiles.Reader:
    return lambda tile: base64.b64decode(files[as_go_says(tiles.path_of(tile))])


def _flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]
