from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPORTS = ("report.css", "report.html", "report.typ", "strip.svg")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(out.glob("wardwatch-*.whl"))


def test_the_wheel_holds_exactly_the_four_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "agent",
        "alerts",
        "collector",
        "probes",
    }
    assert "collector/SEMANTICS.md" in names
    assert {"alerts/templates/letter.txt", "alerts/templates/letter.html"} <= set(names)
    reports = {f"collector/reports/templates/{name}" for name in REPORTS}
    assert reports <= set(names)
    assert "agent/systemd/wardwatch-agent.service" in names
    assert any(name.startswith("collector/store/migrations/versions/") for name in names)


def test_an_agent_only_installation_names_the_missing_extra(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next((venv / "lib").glob("python3*")) / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    done = subprocess.run(
        [venv / "bin" / "python", "-c", "from collector.cli import main; raise SystemExit(main())"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'wardwatch[collector]'" in done.stderr
