from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from probes import ownership


def test_our_own_distribution_is_no_stranger() -> None:
    assert ownership.foreign_owners({"agent": ["wardwatch"], "yaml": ["PyYAML"]}) == {}


def test_a_second_owner_of_one_of_our_names_is_named() -> None:
    owners = {"agent": ["wardwatch", "agent"], "alerts": ["alerts"]}
    assert ownership.foreign_owners(owners) == {"agent": ("agent",), "alerts": ("alerts",)}


def test_a_command_refuses_to_start_beside_a_foreign_package(tmp_path: Path) -> None:
    info = tmp_path / "agent-0.1.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: agent\nVersion: 0.1.3\n")
    (info / "top_level.txt").write_text("agent\n")
    (info / "RECORD").write_text("agent/__init__.py,,\n")
    command = Path(sys.executable).parent / "wardwatch"
    done = subprocess.run(
        [command, "--version"],
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "The Python package 'agent' also belongs to: agent" in done.stderr


def test_the_check_passes_on_this_installation(capsys: pytest.CaptureFixture[str]) -> None:
    ownership.refuse_foreign_owner()
    assert capsys.readouterr().err == ""
