"""The rota that operators learn from is what the program makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from collector.cli import main

README = Path(__file__).resolve().parents[2] / "alerts/README.md"
REST = """
version: 1
sites: {north: {name: North}}
agents: {north-1: {site: north}}
systems: {ehr: {name: EHR, impact: {class: clinical}}}
checks:
  page: {system: ehr, kind: http, every: 30s, timeout: 10s, spec: {url: "https://ehr.example.org/"}}
"""
WEEK = ("--from", "2026-01-05T08:00", "--to", "2026-01-12T08:00")


@pytest.fixture
def section() -> str:
    text = README.read_text(encoding="utf-8")
    return text.partition("## Writing a rota\n")[2].partition("\n## ")[0]


@pytest.fixture
def file(section: str, tmp_path: Path) -> str:
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    path = tmp_path / "wardwatch.yaml"
    path.write_text(block + REST, encoding="utf-8")
    return str(path)


def test_the_example_of_a_rota_means_what_is_printed_below_it(
    section: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "check", file]) == 0
    assert "is short" not in capsys.readouterr().out
    assert " ".join(("wardwatch rota show --config FILE", *WEEK)) in section
    assert main(["rota", "show", "--config", file, *WEEK]) == 0
    (table,) = re.findall(r"```\n(FROM.*?)```", section, re.DOTALL)
    assert table in capsys.readouterr().out
    assert main(["rota", "gaps", "--config", file, *WEEK]) == 0


def test_the_example_is_left_with_nobody_short_for_ever(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    years = ("--from", "2026-03-01T00:00", "--to", "2027-03-01T00:00", "--json")
    assert main(["rota", "gaps", "--config", file, *years]) == 0
    assert json.loads(capsys.readouterr().out)["gaps"] == []
