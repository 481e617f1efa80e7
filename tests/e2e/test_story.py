"""The demo as an end-to-end test: real processes, real sockets, the whole story once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(240)  # its start is not within the 90 s
def test_the_demo_tells_its_whole_story_and_keeps_every_promise() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo.story"],
        cwd=ROOT,
        env={**os.environ, "DEMO_SECONDS": "90"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "BROKEN" not in done.stdout
    assert done.stdout.count("kept:") == 7
    assert "\x1b[" not in done.stdout  # plain lines in a pipe


def test_a_wrong_length_of_the_demo_is_refused_before_anything_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo.story"],
        cwd=ROOT,
        env={**os.environ, "DEMO_SECONDS": "soon"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "whole number of seconds" in done.stderr
