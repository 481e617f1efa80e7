from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


def as_nobody(*pairs: str) -> subprocess.CompletedProcess[str]:
    """The package script, as somebody who may not install."""
    return subprocess.run(
        ["/bin/sh", "-s", "--", *pairs],
        input=(ROOT / ".ci/debian-packages").read_text(encoding="utf-8"),
        user=NOBODY if os.geteuid() == 0 else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_root_the_exact_command_is_printed_and_set_up_fails() -> None:
    done = as_nobody("no-such-command=no-such-package", "/no/such/*/path=another-package")
    assert done.returncode == 1
    assert "apt-get install --yes --no-install-recommends no-such-package another-package" in (
        done.stderr
    )


def test_nothing_is_asked_for_when_everything_is_there() -> None:
    done = as_nobody("sh=dash", "/bin/s*h=dash", "python:json=python3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_pinned_requirements_have_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9][a-z0-9._-]*==\S+", text, re.MULTILINE | re.IGNORECASE)
    assert len(pins) > 30
    assert text.count(" \\\n    --hash=sha256:") >= len(pins)
    assert "://" not in text
    assert "--index" not in text
    assert "--extra-index" not in text
