"""`wardwatch replay`: the document of the contract, its keys, and what bad input says."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from collector.cli import main

CONFIG = """\
version: 1
organization: {id: org, name: Org, timezone: America/Chicago}
sites:
  north: {name: North}
  south: {name: South}
agents:
  a: {site: north}
  s: {site: south}
systems:
  ehr:
    name: EHR
    impact: {class: clinical}
    slo: {target: "99.95", minimum: "99.5"}
  idle: {name: Idle, impact: {class: administrative}}
checks:
  c: {system: ehr, kind: http, every: 60s, timeout: 10s, from: [a], spec: {url: https://e.example.org/}}
  i: {system: idle, kind: http, every: 60s, timeout: 10s, from: [s], spec: {url: https://i.example.org/}}
maintenance:
  - id: w
    systems: [ehr, idle]
    start: 2026-07-01T00:08
    end: 2026-07-01T00:09
    timezone: America/Chicago
    proposed: {by: p, at: "2026-06-01T00:00:00Z"}
    approval: {by: q, at: "2026-06-02T00:00:00Z"}
"""
AMOUNTS = {
    "eligible_ms", "up_ms", "degraded_ms", "down_ms", "unknown_ms", "excluded_ms",
    "not_monitored_ms", "known", "min", "max", "coverage",
}  # fmt: skip
PERIOD = ["--from", "2026-07-01T05:00:00Z", "--to", "2026-07-01T05:10:00Z"]


def line(minute: int, outcome: str, check: str = "c", agent: str = "a", **more: Any) -> str:
    entry = {
        "check": check,
        "agent": agent,
        "at": f"2026-07-01T05:{minute:02d}:00.000Z",
        "outcome": outcome,
        "reason": "tcp.refused",
        "duration_ms": 12,
    }
    return json.dumps(entry | more)


DAY = [line(n, "down" if n in (2, 3) else "up") for n in range(10)]


class Desk:
    """Files in a directory and the command over them."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.capsys = path, capsys
        self.config = path / "wardwatch.yaml"
        self.results = path / "results.jsonl"
        self.config.write_text(CONFIG)

    def run(self, lines: list[str], *more: str, period: list[str] | None = None) -> int:
        self.results.write_text("\n".join(lines) + "\n")
        files = [] if "--config" in more else ["--config", str(self.config)]
        return main(["replay", *files, "--results", str(self.results), *(period or PERIOD), *more])

    def document(self, lines: list[str], *more: str) -> dict[str, Any]:
        assert self.run(lines, "--json", *more) == 0
        loaded: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return loaded

    def errors(self, lines: list[str], *more: str, period: list[str] | None = None) -> list[str]:
        assert self.run(lines, "--json", *more, period=period) == 2
        said = self.capsys.readouterr()
        assert said.out == ""
        return said.err.replace(f"{self.path}/", "").splitlines()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_the_document_has_the_keys_of_the_contract(desk: Desk) -> None:
    got = desk.document(DAY)
    assert set(got) == {
        "period", "formula", "tzdata", "systems", "incidents", "maintenance", "approval_basis", "conflicts",
        "ignored",
    }  # fmt: skip
    assert got["period"] == {
        "start": "2026-07-01T05:00:00.000Z",
        "end": "2026-07-01T05:10:00.000Z",
        "now": "2026-07-01T05:10:00.000Z",
        "finished": True,
    }
    assert set(got["systems"]) == {"ehr", "idle"}
    for one in got["systems"].values():
        assert set(one) == AMOUNTS | {
            "formula", "raw", "sites", "runs", "target", "verdict", "minimum", "minimum_verdict",
            "judged_by", "provisional", "outages", "blips", "worst_site", "user_weighted",
            "budget", "burn", "caqh", "corrected", "ruled",
        }  # fmt: skip
        assert set(one["raw"]) == AMOUNTS
        assert set(one["sites"]) == {"north", "south"}
        assert all(set(site) == AMOUNTS for site in one["sites"].values())
        assert set(one["runs"]) == {"judged", "good"}
    assert set(got["incidents"][0]) == {
        "system", "family", "causes", "category", "priority", "started_at", "detected_at",
        "recovered_at", "attached_to", "quiet", "reopened", "flapping", "sites",
    }  # fmt: skip
    assert set(got["maintenance"][0]) == {"id", "start", "end", "excludes", "why"}


def test_the_values_are_those_computed_by_hand(desk: Desk) -> None:
    got = desk.document(DAY)
    ehr = got["systems"]["ehr"]
    assert {key: ehr[key] for key in AMOUNTS} == {
        "eligible_ms": 540_000,
        "up_ms": 420_000,
        "degraded_ms": 0,
        "down_ms": 120_000,
        "unknown_ms": 0,
        "excluded_ms": 60_000,
        "not_monitored_ms": 0,
        "known": "77.7777",
        "min": "77.7777",
        "max": "77.7777",
        "coverage": "100.0000",
    }
    assert ehr["raw"]["known"] == "80.0000"
    assert ehr["runs"] == {"judged": 9, "good": 7}
    assert (ehr["target"], ehr["verdict"]) == ("99.95", "breached")
    # 0.05 % of 540 s are 270 ms; all of the time is gone, 120 s are spent
    assert ehr["budget"] == {
        "scope": "organization", "site": None, "unit": "ms", "total": 270, "spent": 120_000,
        "remaining": -119_730, "pace": "444.4444",
    }  # fmt: skip
    # a five-minute window that ends with the period: the outage is over, one hour still shows it
    assert [(row["long"], row["short"], row["firing"]) for row in ehr["burn"]] == [
        ("22.2222", "0.0000", False), ("22.2222", "22.2222", True),
        ("22.2222", "22.2222", True), ("22.2222", "22.2222", True),
    ]  # fmt: skip
    assert ehr["caqh"] is None
    assert (ehr["minimum"], ehr["minimum_verdict"]) == ("99.5", "breached")
    assert ehr["outages"] == [
        {
            "start": "2026-07-01T05:02:00.000Z",
            "end": "2026-07-01T05:04:00.000Z",
            "min_ms": 60_000,
            "max_ms": 180_000,
        }
    ]
    assert ehr["sites"]["south"]["not_monitored_ms"] == 600_000
    assert got["systems"]["idle"]["unknown_ms"] == 540_000
    assert got["systems"]["idle"]["verdict"] is None
    assert (got["formula"], got["approval_basis"]) == ("contract-v1", "claimed")
    assert got["maintenance"] == [
        {
            "id": "w",
            "start": "2026-07-01T05:08:00.000Z",
            "end": "2026-07-01T05:09:00.000Z",
            "excludes": True,
            "why": None,
        }
    ]
    incident, budget = got["incidents"]
    assert incident["causes"] == ["down"]
    assert incident["started_at"] == "2026-07-01T05:02:00.000Z"
    assert incident["detected_at"] == "2026-07-01T05:03:00.012Z"
    assert incident["recovered_at"] == "2026-07-01T05:04:00.000Z"
    # 31/30 of 0.05 % may be down: after two good minutes that is exceeded by 63 ms
    assert budget == {
        "system": "ehr", "family": "budget", "causes": ["burning"], "category": 1,
        "priority": "P4", "started_at": "2026-07-01T05:02:00.063Z",
        "detected_at": "2026-07-01T05:03:00.012Z", "recovered_at": None, "attached_to": None,
        "quiet": False, "reopened": 0, "flapping": False, "sites": [],
    }  # fmt: skip


def test_the_keys_are_sorted_and_order_and_duplicates_change_no_byte(desk: Desk) -> None:
    assert desk.run(DAY, "--json") == 0
    plain = desk.capsys.readouterr().out
    assert desk.run([*reversed(DAY), *DAY[:4]], "--json") == 0
    assert desk.capsys.readouterr().out == plain
    assert plain == json.dumps(json.loads(plain), sort_keys=True) + "\n"


def test_an_outage_whose_evidence_came_late_is_detected_when_it_came(desk: Desk) -> None:
    late = [*DAY[:3], line(3, "down", received="2026-07-01T06:30:00.000Z"), *DAY[4:]]
    incident, budget = desk.document(late)["incidents"]
    assert incident["started_at"] == "2026-07-01T05:02:00.000Z"
    assert incident["detected_at"] == "2026-07-01T06:30:00.000Z"
    assert (budget["family"], budget["detected_at"]) == ("budget", "2026-07-01T06:30:00.000Z")


def test_a_later_outage_seen_in_time_does_not_date_one_whose_evidence_came_later(
    desk: Desk,
) -> None:
    late = "2026-07-01T09:00:00.000Z"
    lines = [
        line(n, "down" if n in (2, 3, 50, 51) else "up", **({"received": late} if n == 3 else {}))
        for n in range(60)
    ]
    period = ["--from", "2026-07-01T05:00:00Z", "--to", "2026-07-01T06:00:00Z"]
    assert desk.run(lines, "--json", period=period) == 0
    found = json.loads(desk.capsys.readouterr().out)["incidents"]
    down = [i for i in found if (i["system"], i["family"]) == ("ehr", "availability")]
    seen = [(i["started_at"][11:16], i["detected_at"]) for i in down]
    assert seen == [("05:02", late), ("05:50", "2026-07-01T05:51:00.012Z")]


def test_blind_time_is_detected_when_its_timer_is_due_and_a_window_starts_it_anew(
    desk: Desk,
) -> None:
    got = desk.document([line(0, "up")], "--now", "2026-07-01T05:30:00Z")
    (ehr,) = [i for i in got["incidents"] if i["system"] == "ehr"]
    assert (ehr["family"], ehr["started_at"]) == ("blind", "2026-07-01T05:09:00.000Z")
    assert ehr["detected_at"] == "2026-07-01T05:19:00.000Z"


def test_conflicts_and_results_of_unassigned_agents_are_counted(desk: Desk) -> None:
    got = desk.document([*DAY, line(0, "down"), line(1, "up"), line(1, "down", agent="s")])
    assert (got["conflicts"], got["ignored"]) == (1, 1)


def test_a_conflict_counts_once_also_of_a_check_that_changed_systems(desk: Desk) -> None:
    moved = desk.path / "moved.yaml"
    moved.write_text(
        CONFIG.replace("c: {system: ehr", "c: {system: idle").replace(
            "i: {system: idle", "i: {system: ehr"
        )
    )
    files = [
        "--config", f"{desk.config}@2026-07-01T05:00:00Z",
        "--config", f"{moved}@2026-07-01T05:05:30Z",
    ]  # fmt: skip
    got = desk.document([*DAY, line(0, "down")], *files)
    assert got["conflicts"] == 1


def test_times_without_a_zone_are_in_the_zone_of_the_organization(desk: Desk) -> None:
    lines = [line(0, "up", at="2026-07-01T00:00:00")]
    assert (
        desk.run(lines, "--json", period=["--from", "2026-07-01T00:00", "--to", "2026-07-01T00:10"])
        == 0
    )
    got = json.loads(desk.capsys.readouterr().out)
    assert got["period"]["start"] == "2026-07-01T05:00:00.000Z"
    assert got["systems"]["ehr"]["raw"]["up_ms"] == 130_000


def test_systems_under_two_formulas_are_mixed(desk: Desk) -> None:
    desk.config.write_text(
        CONFIG.replace('minimum: "99.5"}', 'minimum: "99.5", formula: whole-period-v1}')
    )
    got = desk.document(DAY)
    assert got["formula"] == "mixed"
    assert got["systems"]["ehr"]["eligible_ms"] == 600_000


def test_versions_with_instants_judge_each_its_own_time(desk: Desk) -> None:
    strict = desk.path / "strict.yaml"
    strict.write_text(
        CONFIG.replace("timeout: 10s, from: [a]", "timeout: 10s, from: [a], confirm: {down: 1}")
    )
    files = [
        "--config",
        f"{desk.config}@2026-07-01T05:00:00Z",
        "--config",
        f"{strict}@2026-07-01T05:05:30Z",
    ]
    lines = [line(n, "down" if n in (3, 6) else "up") for n in range(10)]
    ehr = desk.document(lines, *files)["systems"]["ehr"]
    assert (ehr["degraded_ms"], ehr["down_ms"], ehr["blips"]) == (60_000, 60_000, 1)


def test_bad_lines_are_all_listed_with_their_number(desk: Desk) -> None:
    lines = [
        line(0, "up", check="nope"),
        line(1, "up"),
        line(2, "sideways"),
        line(3, "up", agent="nobody"),
        "{not json",
        line(4, "up", reason="Has Spaces"),
        line(5, "up", duration_ms=-1),
        line(6, "up", at="yesterday"),
        line(7, "up", at="0001-01-01T00:00:00+14:00"),
        line(8, "up", extra=1),
        line(9, "up", at="1999-12-31T23:59:59.999Z"),
        line(10, "up", at="2000-01-01T00:00:00Z"),
        line(11, "up", received="2026-07-01T05:06:00.000Z"),
        line(12, "up", received="2026-07-01T05:06:59.999Z"),
        "",
        json.dumps(["a", "list"]),
        line(13, "down", reason="tcp.refused\n"),
    ]
    said = desk.errors(lines)
    assert [s.split(":")[1] for s in said[:-2]] == [
        str(n) for n in (1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 16, 17)
    ]
    assert all(s.startswith("results.jsonl:") for s in said[:-2])
    why = {int(s.split(":")[1]): s.split(":", 2)[2].strip() for s in said[:-2]}
    assert why[1] == "check: no check of this id in the config"
    assert why[4] == "agent: no agent of this id in the config"
    assert why[5].startswith("JSON is malformed")
    assert why[7] == "Expected `int` >= 0 - at `$.duration_ms`"
    assert why[11] == "at: before the year 2000 or after the year 8999"
    assert why[14] == "at: more than 5 min after it was received"
    assert said[-2:] == ["results.jsonl: 13 of 16 results rejected", "Nothing was computed."]


def test_bad_times_and_bad_lines_are_listed_together(desk: Desk) -> None:
    said = desk.errors(["{"], "--now", "later", period=["--from", "noon", "--to", "2026-07-01"])
    assert [s.split(":")[0] for s in said] == [
        "--from", "--to", "--now", "results.jsonl", "results.jsonl", "Nothing was computed.",
    ]  # fmt: skip


def test_a_period_ends_after_it_starts(desk: Desk) -> None:
    said = desk.errors([], period=["--from", "2026-07-02T00:00Z", "--to", "2026-07-02T00:00Z"])
    assert said == ["--to: must be later than --from", "Nothing was computed."]


@pytest.mark.parametrize(
    ("period", "option"),
    [
        (["--from", "0001-01-01T00:00:00Z", "--to", "2026-07-01T05:00:00Z"], "--from"),
        (["--from", "2026-07-01T05:00:00Z", "--to", "9000-01-01T00:00:00Z"], "--to"),
        ([*PERIOD, "--now", "1969-12-31T23:59:59.999Z"], "--now"),
    ],
)
def test_a_period_lies_in_years_whose_months_can_be_named(
    desk: Desk, period: list[str], option: str
) -> None:
    said = desk.errors(DAY, period=period)
    assert said == [
        f"{option}: write an instant of the years 1970 to 8999",
        "Nothing was computed.",
    ]


def test_a_bad_config_is_listed_with_bad_times(desk: Desk) -> None:
    desk.config.write_text(CONFIG.replace("system: ehr", "system: none"))
    said = desk.errors([], period=["--from", "noon", "--to", "2026-07-02T00:00Z"])
    assert any(s.startswith("wardwatch.yaml:") for s in said)
    assert any(s.startswith("--from:") for s in said)


def test_several_configs_need_instants_that_differ(desk: Desk) -> None:
    one = ["--config", str(desk.config)]
    assert len(desk.errors([], *one, *one)) >= 3
    same = ["--config", f"{desk.config}@2026-07-01T00:00Z"]
    said = desk.errors([], *same, *same)
    assert said == ["--config: two files take effect at the same instant", "Nothing was computed."]


def test_missing_results_are_an_error(desk: Desk) -> None:
    arguments = [
        "replay",
        "--config",
        str(desk.config),
        "--results",
        str(desk.path / "none"),
        *PERIOD,
    ]
    assert main(arguments) == 2
    assert "none: cannot be read" in desk.capsys.readouterr().err


def test_without_json_it_prints_a_table(desk: Desk) -> None:
    assert desk.run(DAY) == 0
    said = desk.capsys.readouterr().out
    assert f"formula contract-v1, tzdata {version('tzdata')}" in said
    heading = "SYSTEM  KNOWN %  MIN %    MAX %    COVERAGE %  DOWN MS  TARGET  VERDICT"
    assert said.splitlines()[2] == heading
    assert [line.split() for line in said.splitlines()[3:4]] == [
        ["ehr", "77.7777", "77.7777", "77.7777", "100.0000", "120000", "99.95", "breached"],
    ]
    assert [line.split() for line in said.splitlines()[-2:]] == [
        ["2026-07-01T05:02:00.000Z", "ehr", "availability", "3", "P1", "2026-07-01T05:04:00.000Z"],
        ["2026-07-01T05:02:00.063Z", "ehr", "budget", "1", "P4", "not", "yet"],
    ]


def test_a_certificate_that_ends_within_seven_days_is_a_ticket_until_another_is_seen(
    desk: Desk,
) -> None:
    def certified(minute: int, days: int) -> str:
        return line(minute, "up", cert_days_left=days)

    lines = [*(certified(n, 6) for n in range(3)), *(certified(n, 364) for n in range(3, 30))]
    assert desk.run(lines, "--json", period=[*PERIOD[:3], "2026-07-01T05:30:00Z"]) == 0
    found = json.loads(desk.capsys.readouterr().out)["incidents"]
    (one,) = [i for i in found if i["system"] == "ehr"]
    assert (one["family"], one["causes"], one["priority"]) == ("expiry", ["expiring"], "P3")
    assert one["started_at"] == "2026-07-01T05:00:00.000Z"
    assert one["detected_at"] == "2026-07-01T05:00:00.012Z"
    # the tenth run that shows the new one
    assert one["recovered_at"] == "2026-07-01T05:12:00.000Z"


def test_a_period_of_which_nothing_is_known_yet_is_not_monitored(desk: Desk) -> None:
    got = desk.document(DAY, "--now", "2026-07-01T04:00:00Z")
    for one in got["systems"].values():
        assert (one["not_monitored_ms"], one["eligible_ms"]) == (600_000, 0)
        assert (one["known"], one["coverage"], one["outages"]) == (None, None, [])
    assert got["systems"]["ehr"]["verdict"] == "open"
    assert (got["period"]["finished"], got["incidents"]) == (False, [])


def test_a_config_recorded_after_the_period_monitors_nothing_in_it(desk: Desk) -> None:
    got = desk.document(DAY, "--config", f"{desk.config}@2026-08-01T00:00:00Z")
    ehr = got["systems"]["ehr"]
    assert (ehr["not_monitored_ms"], ehr["verdict"], ehr["runs"]["judged"]) == (
        600_000,
        "no_data",
        0,
    )
