from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from collector.commands import config
from probes.configfile import load

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests/unit/config_corpus/dangling-references.yaml"


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    config.add(parser.add_subparsers())
    args = parser.parse_args(["config", *words])
    code: int = args.func(args)
    return code


NOT_AGREED = "no business associate agreement with the receivers of: " + ", ".join(
    sorted(load(str(ROOT / "wardwatch.example.yaml")).channels)
)

NOT_TRAINED = (
    "no date of HIPAA training: service-desk, liaison-1, liaison-2, engineer-1, engineer-2"
)
NO_LOG_KEY = (
    "evidence_log.keys[0]: its key: no such file on this host (create it where the collector runs, "
    "readable for its user); until it is there nothing is signed"
)
NOT_HERE = (
    "secrets of channels: no such file on this host (create it where the collector runs, readable for "
    "its user): desk.secret, nurses.password, mail.password, wards.password, pager.inbound.secret, "
    "pager.routing_key, room.url, floor.url, events.password, oncall.key, cases.key, itsm.password, "
    "board.inbound.secret, board.token, helpdesk.token, support.api_key, frontdesk.api_key"
)


def test_a_right_file_is_summed_up_in_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", str(ROOT / "wardwatch.example.yaml")) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert ": St Elsewhere Health, version " in lines[0]
    assert lines[1:] == [
        "sites 2, agents 3, systems 7, checks 22, maintenance windows 1, channels 16, routes 5",
        "note: no key pinned, so no results are taken from: north-1, south-1",
        f"note: {NOT_AGREED}",
        f"note: {NOT_TRAINED}",
        f"note: {NOT_HERE}",
        f"note: {NO_LOG_KEY}",
    ]
    assert printed.err == ""


def test_a_wrong_file_gets_all_problems_and_the_next_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("check", str(BAD)) == 2
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert lines[0] == (
        f"{BAD}:4: agents.north-1.site: there is no site of this id under sites; did you mean north?"
    )
    assert lines[-2:] == [
        "9 problems, nothing is started. Mend them, then check again.",
        "What may be written: probes/README.md and `wardwatch config schema`.",
    ]
    assert printed.out == ""


def test_the_json_forms_hold_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", "--json", str(BAD)) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert len(answer["problems"]) == 9
    assert answer["problems"][1]["line"] == 8
    assert answer["problems"][1]["path"] == "systems.ehr.impact.workaround.requires[0]"
    assert command("check", "--json", str(ROOT / "wardwatch.example.yaml")) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert answer["counts"]["checks"] == 22


def test_the_schema_is_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("schema") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "checks" in printed["required"]
