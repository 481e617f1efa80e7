"""`wardwatch verify` of a month of 26.8 million results, beside the limits it was given.

Three agents probe 200 checks of ten systems each minute and seal a batch each minute. Making the
bundle takes about as long as verifying it. A tenth of it is verified, too: twice the time for twice
the evidence is what lets a bundle be larger.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.attested import Size, make
from tests.bench.machine import MEASURED
from tests.bench.row import Row

LIMIT_S, LIMIT_MIB = 120, 1_024
LINEAR = 1.15
"""Time for a result of the whole beside one of the tenth, at most."""
CODE = (
    "import sys; from collector.cli import main; sys.exit(main(['verify', sys.argv[1], '--json']))"
)


@dataclass(frozen=True, slots=True)
class Used:
    cpu_s: float
    peak_mib: float


def rows() -> list[Row]:
    whole, part = Size(), Size(days=3)
    used, of_part = verified(whole), verified(part)
    more = {"results": whole.results, "batches": whole.batches, "peak_mib": round(used.peak_mib)}
    return [
        Row("verify a month, one core", used.cpu_s, "a limit of 120 s", LIMIT_S, "s", 1, more=more),
        Row("the same, memory", used.peak_mib, "a limit of 1 GiB", LIMIT_MIB, "MiB", 1),
        Row(
            "time for a result of it",
            used.cpu_s / whole.results * 1e6,
            f"of {part.days} days",
            of_part.cpu_s / part.results * 1e6,
            "us",
            LINEAR,
        ),
    ]


def verified(size: Size) -> Used:
    """CPU and peak of a process of its own on the measured core."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "parts").mkdir()
        begun = time.monotonic()
        with (folder / "bundle.zip").open("wb") as out:
            make(folder / "parts", size, out)
        sys.stderr.write(f"a bundle of {size.days} days: {time.monotonic() - begun:.0f} s\n")
        process = subprocess.Popen(
            ["taskset", "-c", str(MEASURED), sys.executable, "-c", CODE, folder / "bundle.zip"],
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError("the bundle is not verified")
    return Used(used.ru_utime + used.ru_stime, used.ru_maxrss / 1_024)
