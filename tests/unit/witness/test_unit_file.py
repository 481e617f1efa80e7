"""The systemd unit of the witness as systemd itself reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from collector import witness

UNIT = Path(witness.__path__[0]) / "systemd" / "wardwatch-witness.service"
EXPOSURE = 20
"""Tenths of systemd's own scale, where 100 is bare; it calls up to 24 OK."""


def installed(folder: Path) -> Path:
    """With the program that is installed here."""
    command = Path(sys.executable).with_name("wardwatch")
    path = folder / UNIT.name
    path.write_text(UNIT.read_text().replace("/opt/wardwatch/bin/wardwatch", str(command)))
    return path


def test_systemd_takes_every_line_of_it(tmp_path: Path) -> None:
    path = installed(tmp_path)
    asked = ["systemd-analyze", "verify", str(path)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    path.write_text(path.read_text().replace("ProtectHome=", "ProtectHomes="))
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert "Unknown key 'ProtectHomes'" in told.stderr


def test_it_is_hardened_by_systemds_own_measure(tmp_path: Path) -> None:
    asked = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}"]
    path = str(installed(tmp_path))
    assert subprocess.run([*asked, path], capture_output=True, check=False).returncode == 0
