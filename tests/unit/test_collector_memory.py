"""What a collector holds of thousands of checks, it holds once; and it has few heaps."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from probes.config_checks import Check, Confirm, Quorum
from probes.configfile import canonical, parse_canonical
from tests.support.rounds import config, document

HEAPS = """\
import ctypes, threading
from collector import memory

memory.share_heaps()
together = threading.Barrier(6)

def take():
    together.wait()
    kept = [bytes(5_000) for _ in range(200)]
    together.wait()

threads = [threading.Thread(target=take) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def test_checks_that_are_confirmed_alike_share_one_value_across_versions() -> None:
    check = document()["checks"]["ehr-read"]
    checks = {
        f"c{number}": {**check, "confirm": {"down": "3"}, "quorum": {"need": need}}
        for number, need in enumerate(("1", "1", "2"))
    }
    one, other = config(checks=checks), parse_canonical(canonical(config(checks=checks)))
    found = [c for each in (one, other) for c in each.checks.values()]
    assert [c.confirm for c in found] == [Confirm(down=3, up=1)] * 6
    assert len({id(c.confirm) for c in found}) == 1
    assert [c.quorum for c in found] == [Quorum(need=n) for n in (1, 1, 2)] * 2
    assert len({id(c.quorum) for c in found}) == 2


def test_checks_of_a_recorded_version_share_the_set_of_what_was_given() -> None:
    written = canonical(config())
    (check,) = parse_canonical(written).checks.values()
    (again,) = parse_canonical(written).checks.values()
    assert check.model_fields_set == set(Check.model_fields)
    assert check.model_fields_set is again.model_fields_set
    # a version that an earlier release wrote has fewer fields
    older = json.loads(written)
    del older["checks"]["ehr-read"]["quorum"]
    (check,) = parse_canonical(json.dumps(older).encode()).checks.values()
    assert check.model_fields_set == set(Check.model_fields) - {"quorum"}


def test_threads_take_turns_on_two_heaps() -> None:
    said = subprocess.run(
        [sys.executable, "-c", HEAPS], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    heaps = re.findall(r'<heap nr="(\d+)">', said)
    assert heaps == ["0", "1"]
