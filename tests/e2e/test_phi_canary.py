"""Names and record numbers planted in every answer of every simulator reach no sink of ours.

A deliberately leaky control must be caught, or the search proves nothing.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import random
import sqlite3
import urllib.parse
import zlib
from pathlib import Path

import pytest
import zstandard

from tests.demo.stage import Stage

CANARIES = ("QUIBBLEWICK", "MRN-7749302186")
CONTROL = f"patient {CANARIES[0]} {CANARIES[1]}\n".encode()
FAULTS = {
    "ehr": ("html200", "500", "503_outcome", "outcome200_error", "wrong_resource", "truncated"),
    "engine": ("html200", "500", "cut_off", "wrong_types", "stopped", "backlog"),
    "lab": ("ae", "ar", "late_ack", "wrong_id", "malformed", "garbage"),
    "payer": (
        "foreign_trace",
        "aaa_42_payer",
        "999_rejected",
        "fault_login",
        "html200",
        "other_set",
    ),
    "pacs": ("match", "status_c123", "reject_1_1_3", "garbage", "late_abort_2_0", "other_message"),
    "portal": ("wrong_body", "500", "401", "redirect", "truncated", "not_http"),
    "scheduling": ("html200", "500", "other_patient", "wrong_resource", "truncated", "not_json"),
    "terminology": ("no_content", "500", "other_meaning", "422", "truncated", "outcome200_error"),
}


def forms(canary: str) -> set[bytes]:
    """The canary as it may hide: other encodings, and pieces of base64 at every offset."""
    raw = canary.encode()
    out = {raw, raw.lower(), canary.encode("utf-16-le"), raw.hex().encode()}
    out.add(urllib.parse.quote(canary).encode())
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw)
        out.add(text[4:-4])
    return out


def layers(data: bytes) -> list[bytes]:
    """The bytes, and what any zstd, gzip or zlib stream inside them holds."""
    out = [data]
    start = data.find(b"\x28\xb5\x2f\xfd")
    while start >= 0:
        with contextlib.suppress(zstandard.ZstdError):  # bytes that only look like a frame
            reader = zstandard.ZstdDecompressor().decompressobj()
            out.append(reader.decompress(data[start:]))
        start = data.find(b"\x28\xb5\x2f\xfd", start + 1)
    for magic, open_ in ((b"\x1f\x8b", gzip.decompress), (b"\x78\x9c", zlib.decompress)):
        position = data.find(magic)
        if position >= 0:
            with contextlib.suppress(OSError, EOFError, zlib.error):  # no stream after all
                out.append(open_(data[position:]))
    return out


def leaks(sinks: dict[str, bytes]) -> list[str]:
    return [
        f"{name}: {canary}"
        for name, data in sinks.items()
        for layer in layers(data)
        for canary in CANARIES
        if any(form in layer for form in forms(canary))
    ]


def blobs(database: Path) -> dict[str, bytes]:
    """Every value of every table, whole: a large one is broken over pages in the file itself."""
    out: dict[str, bytes] = {}
    with contextlib.closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our own names
            names = [column[0] for column in cursor.description]
            for number, row in enumerate(cursor.fetchall()):
                for name, value in zip(names, row, strict=True):
                    data = value if isinstance(value, bytes) else str(value).encode()
                    out[f"{table}.{name} {number}"] = data
    return out


@pytest.mark.parametrize("canary", CANARIES)
def test_the_search_finds_a_leak_in_every_disguise(canary: str) -> None:
    raw = f"patient {canary} arrived".encode()
    leaky = {
        "plain": raw,
        "lower": raw.lower(),
        "hex": raw.hex().encode(),
        "base64": base64.b64encode(raw),
        "zstd": b"header" + zstandard.ZstdCompressor().compress(raw),
        "gzip": gzip.compress(raw),
    }
    assert {leak.split(":")[0] for leak in leaks(leaky)} == set(leaky)


@pytest.mark.timeout(150)
async def test_no_planted_name_or_record_number_reaches_any_sink(tmp_path: Path) -> None:
    sinks: dict[str, bytes] = {}
    async with Stage(tmp_path, canaries=CANARIES) as stage:
        # The control first: the simulators do answer with the canaries.
        async with stage.session.get(
            f"http://127.0.0.1:{stage.ports['ehr']}/fhir/R4/Patient/zz-uptime-1"
        ) as reply:
            sinks_control = {"answer": await reply.read()}
        assert leaks(sinks_control) != []
        rounds = max(len(faults) for faults in FAULTS.values())
        for n in range(rounds):
            for simulator, faults in FAULTS.items():
                await stage.fault(simulator, faults[n % len(faults)])
            await asyncio.sleep(5.5)
        await asyncio.sleep(2)
        for name, port in (("collector", stage.port), *stage.agent_ports.items()):
            metrics = f"http://127.0.0.1:{port}/metrics"
            async with stage.session.get(metrics, headers=stage.headers) as reply:
                sinks[f"metrics of {name}"] = await reply.read()
        for path in ("systems", "incidents", "availability?period=month", "agents"):
            url = f"{stage.url}/api/v1/{path}"
            async with stage.session.get(url, headers=stage.headers) as reply:
                sinks[f"api {path}"] = await reply.read()
        for n, body in enumerate(stage.receiver.bodies):
            sinks[f"webhook {n}"] = body
        assert stage.receiver.bodies
        stage.kill("collector")
        await stage.processes["collector"].wait()
        for file in tmp_path.rglob("*"):
            # The hospital's own log is the simulator's; all else in the folder is ours.
            if file.is_file() and file.name != "hospital.log":
                sinks[file.name] = file.read_bytes()
        sinks |= blobs(tmp_path / "wardwatch.db")
    assert {"wardwatch.db", "collector.log", "north-1.log", "south-1.log"} <= set(sinks)
    assert sum(name.startswith("batches.") for name in sinks) > 5
    assert leaks(sinks) == []

    # The leaky control, through the real sinks: a row as large as a batch, a log line.
    leaky = zstandard.ZstdCompressor().compress(random.Random(7).randbytes(20_000) + CONTROL)
    with contextlib.closing(sqlite3.connect(tmp_path / "wardwatch.db")) as connection:
        connection.execute("UPDATE batches SET form = ? WHERE seq = 1", (leaky,))
        connection.commit()
    with (tmp_path / "north-1.log").open("ab") as log:
        log.write(CONTROL)
    caught = blobs(tmp_path / "wardwatch.db") | {
        "north-1.log": (tmp_path / "north-1.log").read_bytes()
    }
    assert {leak.split()[0].rstrip(":") for leak in leaks(caught)} >= {
        "batches.form",
        "north-1.log",
    }
