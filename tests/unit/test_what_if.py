"""`wardwatch what-if`: a period under another config, from files and from a running collector."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.access.policy import Role
from collector.api.app import build_app
from collector.api.what_if import COMPARING, YAML
from collector.cli import main
from collector.core.what_if import JUDGED, MILLISECONDS, compare, differs
from collector.replay import Input, replay
from collector.service import Service, World
from collector.store.store import Store
from collector.what_if import lines, what_if
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import canonical
from probes.contract import Outcome
from probes.history import History, Version
from tests.support.batches import seal
from tests.support.known import Known, bearer, token
from tests.support.promises import checked
from tests.support.rounds import KEYS, ORG, START, config, document, result
from tests.support.soak import longer
from tests.support.stories import T0, at, check, system
from tests.support.stories import config as hospital

HALF = "every: 30s, timeout: 10s, from: [a]"
OLD = f"""\
version: 1
organization: {{id: org, name: Org, timezone: UTC}}
sites: {{north: {{name: North}}}}
agents: {{a: {{site: north}}}}
systems:
  ehr: {{name: EHR, impact: {{class: clinical}}, slo: {{target: "99.9"}}}}
  lab: {{name: Lab, impact: {{class: administrative}}}}
checks:
  c: {{system: ehr, kind: any, {HALF}, confirm: {{down: 1}}}}
  l: {{system: lab, kind: any, {HALF}}}
"""
NEW = OLD.replace("confirm: {down: 1}", "confirm: {down: 2}")
PERIOD = ["--from", "2026-07-01T05:00:00Z", "--to", "2026-07-01T05:10:00Z"]
SAYS = (
    "what-if: reading results\n"
    "what-if: folding under the recorded versions\n"
    "what-if: folding under the new file\n"
)


def slot(n: int, outcome: str, check_id: str) -> str:
    at_ = f"2026-07-01T05:{n // 2:02d}:{n % 2 * 30:02d}.000Z"
    entry = {"check": check_id, "agent": "a", "at": at_, "outcome": outcome, "reason": "any"}
    return json.dumps(entry | {"duration_ms": 5})


class Desk:
    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.capsys = path, capsys
        (path / "old.yaml").write_text(OLD)
        (path / "new.yaml").write_text(NEW)
        told = [slot(n, "down" if n == 4 else "up", "c") for n in range(20)]
        told += [slot(n, "up", "l") for n in range(20)]
        (path / "results.jsonl").write_text("\n".join(told))

    def run(self, *more: str, period: list[str] | None = None) -> int:
        files = [
            ("--old", "old.yaml"),
            ("--config", "new.yaml"),
            ("--results", "results.jsonl"),
        ]
        named = [word for option, name in files for word in (option, str(self.path / name))]
        return main(["what-if", *named, *(period or PERIOD), *more])

    def said(self) -> list[str]:
        return self.capsys.readouterr().err.replace(f"{self.path}/", "").splitlines()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_a_second_confirmation_moves_30_s_from_down_to_degraded_and_an_incident_is_gone(
    desk: Desk,
) -> None:
    assert desk.run() == 0
    said = desk.capsys.readouterr()
    assert said.err == SAYS
    assert said.out.splitlines() == [
        (
            "2026-07-01T05:00:00.000Z to 2026-07-01T05:10:00.000Z, known up to "
            "2026-07-01T05:10:00.000Z: recorded versions -> new file"
        ),
        "",
        (
            "ehr: known 95.0000 % -> 100.0000 %, min 95.0000 % -> 100.0000 %, "
            "max 95.0000 % -> 100.0000 %, verdict breached -> met, minimum verdict breached -> met"
        ),
        "  degraded 0 s -> 30 s (+30 s)",
        "  down 30 s -> 0 s (-30 s)",
        "  outage gone: 2026-07-01T05:02:00.000Z to 2026-07-01T05:02:30.000Z",
        "The same numbers: lab",
        "",
        (
            "Incident gone: ehr availability (down), 2026-07-01T05:02:00.000Z to "
            "2026-07-01T05:02:30.000Z, category 3, P1"
        ),
        (
            "Incident gone: ehr budget (burning), 2026-07-01T05:02:00.125Z to now, still open, "
            "category 1, P4"
        ),
    ]


def test_as_json_it_is_one_document(desk: Desk) -> None:
    assert desk.run("--json") == 0
    found = json.loads(desk.capsys.readouterr().out)
    assert set(found) == {"period", "approval_basis", "systems", "incidents"}
    ehr = found["systems"]["ehr"]
    assert ehr["change"] == {
        "eligible_ms": 0,
        "up_ms": 0,
        "degraded_ms": 30_000,
        "down_ms": -30_000,
        "unknown_ms": 0,
        "excluded_ms": 0,
        "not_monitored_ms": 0,
    }
    assert (ehr["before"]["known"], ehr["after"]["known"]) == ("95.0000", "100.0000")
    assert [o["min_ms"] for o in ehr["outages"]["gone"]] == [0]
    assert [(i["system"], i["family"]) for i in found["incidents"]["gone"]] == [
        ("ehr", "availability"),
        ("ehr", "budget"),
    ]
    assert found["incidents"]["new"] == found["incidents"]["changed"] == []


def test_the_new_file_holds_from_the_first_version_on_and_waits_for_nothing(desk: Desk) -> None:
    (desk.path / "later.yaml").write_text(NEW)
    dated = [
        "--old",
        f"{desk.path}/old.yaml@2026-07-01T05:00:00Z",
        "--old",
        f"{desk.path}/later.yaml@2026-07-01T05:02:10Z",
    ]
    files = ["--config", f"{desk.path}/new.yaml", "--results", f"{desk.path}/results.jsonl"]
    assert main(["what-if", *dated, *files, *PERIOD, "--json"]) == 0
    ehr = json.loads(desk.capsys.readouterr().out)["systems"]["ehr"]
    # the later version was recorded while the system was down, and waited
    assert (ehr["before"]["down_ms"], ehr["after"]["down_ms"]) == (30_000, 0)


def test_a_system_on_one_side_only_is_listed_so(desk: Desk) -> None:
    lab = "  lab: {name: Lab, impact: {class: administrative}}\n"
    (desk.path / "new.yaml").write_text(OLD.replace(lab, "").replace("system: lab", "system: ehr"))
    assert desk.run() == 0
    assert desk.capsys.readouterr().out.splitlines()[2:6] == [
        "lab: only in the recorded versions",
        "  up 600 s, eligible 600 s",
        "The same numbers: ehr",
        "",
    ]


def test_every_problem_of_the_input_is_listed(desk: Desk) -> None:
    (desk.path / "old.yaml").write_text(OLD.replace("every: 30s", "every: soon", 1))
    (desk.path / "new.yaml").write_text(NEW.replace("confirm:", "confirms:"))
    assert desk.run(period=["--from", "noon", "--to", "2026-07-01T05:10:00Z"]) == 2
    assert desk.said() == [
        "old.yaml:9: checks.c.every: write a duration with its unit, such as 30s, 10m, 4h or 1h30m",
        "new.yaml:9: checks.c.confirms: unknown key",
        "--from: write a date and a time, such as 2026-01-05T02:00",
        "Nothing was computed.",
    ]


def test_another_organization_is_refused(desk: Desk) -> None:
    (desk.path / "new.yaml").write_text(NEW.replace("id: org", "id: other"))
    assert desk.run() == 2
    assert (
        "new.yaml: organization.id: another organization than that of the recorded versions"
        in desk.said()
    )


def test_one_source_is_named(desk: Desk) -> None:
    new = ["--config", str(desk.path / "new.yaml")]
    assert main(["what-if", *new, *PERIOD, "--results", str(desk.path / "results.jsonl")]) == 2
    assert desk.said()[0] == ("write --old and --results together, or neither to ask the collector")
    assert desk.run("--url", "http://127.0.0.1:9") == 2
    assert desk.said()[0] == "--url: the collector has its own versions, results and now"
    assert main(["what-if", *new, *PERIOD, "--url", "http://127.0.0.1:9"]) == 3
    assert "does not answer" in desk.said()[1]
    none = ["--config", str(desk.path / "none.yaml"), "--url", "http://127.0.0.1:9"]
    assert main(["what-if", *none, *PERIOD]) == 2
    assert desk.said()[0] == "none.yaml:1: the file cannot be read"


# The comparison


def entry(start: int, end: int | None, **more: Any) -> dict[str, Any]:
    clock = "2026-01-01T00:{:02d}:00.000Z".format
    return {
        "system": "ehr",
        "family": "availability",
        "causes": ["down"],
        "category": 2,
        "priority": "P2",
        "started_at": clock(start),
        "detected_at": clock(start + 1),
        "recovered_at": None if end is None else clock(end),
        "attached_to": None,
        "quiet": False,
        "reopened": 0,
        "flapping": False,
        "sites": ["north"],
    } | more


def side(*incidents: dict[str, Any]) -> dict[str, Any]:
    period = {"start": "s", "end": "e", "now": "n"}
    return {
        "period": period,
        "approval_basis": "claimed",
        "systems": {},
        "incidents": list(incidents),
    }


def test_incidents_that_overlap_are_the_same_one_and_say_what_changed() -> None:
    before = side(entry(1, 5), entry(10, 12), entry(20, None), entry(30, 31, family="blind"))
    after = side(
        entry(3, 8, priority="P1", category=3, quiet=True),
        entry(12, 14),
        entry(20, None),
        entry(30, 31, family="access", causes=["misconfigured"]),
    )
    found = compare(before, after)
    assert lines(found)[3:] == [
        (
            "Incident gone: ehr availability (down), 2026-01-01T00:10:00.000Z to "
            "2026-01-01T00:12:00.000Z, category 2, P2"
        ),
        (
            "Incident gone: ehr blind (down), 2026-01-01T00:30:00.000Z to 2026-01-01T00:31:00.000Z, "
            "category 2, P2"
        ),
        (
            "Incident new: ehr availability (down), 2026-01-01T00:12:00.000Z to "
            "2026-01-01T00:14:00.000Z, category 2, P2"
        ),
        (
            "Incident new: ehr access (misconfigured), 2026-01-01T00:30:00.000Z to "
            "2026-01-01T00:31:00.000Z, category 2, P2"
        ),
        (
            "Incident changed: ehr availability (down) from 2026-01-01T00:01:00.000Z: category 2 -> 3, "
            "priority P2 -> P1, started at 2026-01-01T00:01:00.000Z -> 2026-01-01T00:03:00.000Z, "
            "detected at 2026-01-01T00:02:00.000Z -> 2026-01-01T00:04:00.000Z, recovered at "
            "2026-01-01T00:05:00.000Z -> 2026-01-01T00:08:00.000Z, quiet no -> yes"
        ),
    ]


def test_an_incident_that_starts_at_the_same_instant_is_preferred() -> None:
    before = side(entry(1, 9), entry(5, 6))
    found = compare(before, side(entry(5, 6), entry(7, 8)))["incidents"]
    assert (found["gone"], found["new"]) == ([], [])
    (changed,) = found["changed"]
    assert changed["fields"] == ["started_at", "detected_at", "recovered_at"]
    assert changed["after"]["started_at"] == "2026-01-01T00:07:00.000Z"


def test_incidents_of_two_systems_are_two() -> None:
    found = compare(side(entry(1, 9)), side(entry(1, 9, system="lab")))["incidents"]
    assert (len(found["gone"]), len(found["new"]), found["changed"]) == (1, 1, [])


def test_what_changed_is_told_in_the_order_in_which_it_began_before() -> None:
    before = side(entry(1, 20), entry(3, 4), entry(5, 9))
    after = side(entry(15, 20), entry(8, 10), entry(3, 5))
    found = compare(before, after)["incidents"]
    assert (found["gone"], found["new"]) == ([], [])
    started = [(one["before"], one["after"]) for one in found["changed"]]
    assert [(b["started_at"][14:16], a["started_at"][14:16]) for b, a in started] == [
        ("01", "15"),
        ("03", "03"),
        ("05", "08"),
    ]


def test_a_system_of_one_side_only_has_nothing_on_the_other() -> None:
    outage = {"start": "s", "end": None, "min_ms": None, "max_ms": None}
    of = dict.fromkeys(MILLISECONDS, 0) | dict.fromkeys(JUDGED) | {"outages": [outage]}
    numbers = {key: value for key, value in of.items() if key != "outages"}
    one, none = side() | {"systems": {"ehr": of}}, side()
    nothing: dict[str, list[Any]] = {"gone": [], "new": [], "changed": []}
    assert compare(none, one)["systems"] == {
        "ehr": {
            "before": None,
            "after": numbers,
            "change": None,
            "outages": nothing | {"new": [outage]},
        }
    }
    assert compare(one, none)["systems"] == {
        "ehr": {
            "before": numbers,
            "after": None,
            "change": None,
            "outages": nothing | {"gone": [outage]},
        }
    }


def test_incidents_that_only_touch_are_two() -> None:
    found = compare(side(entry(20, 22)), side(entry(18, 20)))["incidents"]
    assert (len(found["gone"]), len(found["new"]), found["changed"]) == (1, 1, [])


UNMOVED: dict[str, Any] = {
    "before": dict.fromkeys(JUDGED),
    "after": dict.fromkeys(JUDGED),
    "change": {"up_ms": 0, "down_ms": 0},
    "outages": {"gone": [], "new": [], "changed": []},
}


@pytest.mark.parametrize(
    "difference",
    [
        {"change": {"up_ms": 0, "down_ms": 1}},
        {"change": None},
        {"after": dict.fromkeys(JUDGED) | {"target": "99.5"}},
        {"outages": {"gone": [{}], "new": [], "changed": []}},
    ],
)
def test_any_one_difference_makes_a_system_differ(difference: dict[str, Any]) -> None:
    assert not differs(UNMOVED)
    assert differs(UNMOVED | difference)


def strict(n: int, formula: str = "contract-v1") -> Config:
    slo = {"target": "99.9", "formula": formula}
    return hospital(
        systems={"ehr": system(slo=slo)}, checks={"c": check(confirm={"down": n, "up": 1})}
    )


def given_words(words: str) -> Input:
    return Input({("c", "a"): at(words)}, ignored=0)


def test_an_outage_whose_start_moves_is_changed() -> None:
    now = T0 + 600_000
    patient = hospital(checks={"c": check(timeout="60s")})
    recorded = History([Version(None, hospital())])
    # a hold of 180 s leaves no gap between the first failing result and the second
    found = what_if(recorded, patient, given_words("ud..ddu"), T0, now, now)
    assert lines(found)[2:7] == [
        (
            "ehr: known 61.2903 % -> 44.4444 %, min 31.6666 % -> 40.0000 %, "
            "max 80.0000 % -> 50.0000 %, verdict breached"
        ),
        "  up 190 s -> 240 s (+50 s)",
        "  down 120 s -> 300 s (+180 s)",
        "  unknown 290 s -> 60 s (-230 s)",
        (
            "  outage changed: 2026-01-01T00:04:00.000Z to 2026-01-01T00:06:00.000Z -> "
            "2026-01-01T00:01:00.000Z to 2026-01-01T00:06:00.000Z"
        ),
    ]


@settings(max_examples=longer(40), deadline=None)
@given(st.text(alphabet="udgmx.", max_size=20), st.integers(1, 3), st.integers(1, 3))
def test_differences_add_up_and_the_same_config_makes_none(words: str, n: int, m: int) -> None:
    recorded = History([Version(None, strict(n))])
    now = T0 + 1_800_000
    found = what_if(recorded, strict(m), given_words(words), T0, now, now)
    change = found["systems"]["ehr"]["change"]
    columns = ("up_ms", "degraded_ms", "down_ms", "unknown_ms")
    assert sum(change[c] for c in columns) == change["eligible_ms"] == 0
    told = replay(recorded, given_words(words), T0, now, now)
    before = found["systems"]["ehr"]["before"]
    assert before == {key: told["systems"]["ehr"][key] for key in before}
    if n == m:
        assert not differs(found["systems"]["ehr"])
        assert not any(found["incidents"].values())
        assert lines(found)[2:] == ["The same numbers: ehr", "", "The same incidents."]


def test_approvals_count_from_their_claimed_time_on_both_sides() -> None:
    window = {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-01T00:02:00",
        "end": "2026-01-01T00:04:00",
        "timezone": "UTC",
        "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
        "approval": {"by": "q", "at": "2025-12-31T00:00:00Z"},
    }
    approved = hospital(maintenance=[window])
    # recorded only when the window had begun
    recorded = History([Version(T0, hospital()), Version(T0 + 180_000, approved)])
    now = T0 + 600_000
    found = what_if(recorded, approved, given_words("uuuuuuuuuu"), T0, now, now)
    ehr = found["systems"]["ehr"]
    assert (ehr["before"]["excluded_ms"], ehr["after"]["excluded_ms"]) == (60_000, 120_000)
    assert found["approval_basis"] == "claimed"


# A running collector


class Collector:
    """Up at 1 s, down at 11 s, up at 21 s; asked 30 s after the start."""

    def __init__(self, service: Service, client: TestClient[Request, Application]) -> None:
        self.service = service
        self.client = client
        self.url = str(client.make_url("")).rstrip("/")

    async def post(self, body: bytes, query: str = "", kind: str = YAML) -> tuple[int, Any]:
        period = query or "from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:30Z"
        response = await self.client.post(
            f"/api/v1/what-if?{period}",
            data=io.BytesIO(body),
            headers={"Content-Type": kind} | bearer("operator-1", Role.OPERATOR),
        )
        return response.status, await response.json(content_type=None)


@pytest.fixture
async def collector(sqlite_store: Store) -> AsyncIterator[Collector]:
    clock = ManualClock(START)
    used = config()
    world = World(clock, random.Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    ingesting = asyncio.create_task(service.parts.ingest.run())
    await clock.advance(30_000)
    story = [(1_000, Outcome.UP), (11_000, Outcome.DOWN), (21_000, Outcome.UP)]
    batch = seal(KEYS["north-1"], ORG, "north-1", "e1", 1, [result(t, o) for t, o in story])
    await service.parts.ingest.accept(batch)
    async with TestClient(TestServer(checked(build_app(service.parts, Known())))) as client:
        yield Collector(service, client)
    ingesting.cancel()
    await asyncio.gather(ingesting, return_exceptions=True)


def impatient() -> dict[str, Any]:
    """One failing run is an outage."""
    changed = document()
    changed["checks"]["ehr-read"]["confirm"] = {"down": "1"}
    return changed


async def test_a_running_collector_compares_and_records_nothing(collector: Collector) -> None:
    status, found = await collector.post(json.dumps(impatient()).encode())
    assert status == 200
    assert found["systems"]["ehr"]["change"]["down_ms"] == 10_000
    assert found["systems"]["ehr"]["change"]["degraded_ms"] == -10_000
    assert [i["started_at"] for i in found["incidents"]["new"]] == ["2026-01-01T00:00:11.000Z"]
    await collector.service.parts.evaluator.refold()
    assert len(collector.service.parts.evaluator.history.versions) == 1


async def test_the_command_asks_a_running_collector(
    collector: Collector,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "new.yaml"
    period = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:00:30Z"]
    asked = ["what-if", "--config", str(file), *period, "--url", collector.url]
    monkeypatch.setenv("WARDWATCH_TOKEN", token("operator-1", Role.OPERATOR))
    file.write_text(json.dumps(impatient()))
    assert await asyncio.to_thread(main, asked) == 0
    said = capsys.readouterr()
    assert said.err == "what-if: the collector compares\n"
    assert "  down 0 s -> 10 s (+10 s)" in said.out.splitlines()
    file.write_text(json.dumps(impatient() | {"colour": "red"}))
    assert await asyncio.to_thread(main, asked) == 2
    assert f"{file}:1: colour: unknown key" in capsys.readouterr().err
    file.write_text(json.dumps(document(organization={"id": "b", "name": "B", "timezone": "UTC"})))
    assert await asyncio.to_thread(main, asked) == 2
    assert "another organization" in capsys.readouterr().err
    file.write_bytes(b"#" * 1_048_577)
    assert await asyncio.to_thread(main, asked) == 2
    assert "larger than 1 MiB" in capsys.readouterr().err
    async with collector.client.app[COMPARING]:
        file.write_text(json.dumps(impatient()))
        assert await asyncio.to_thread(main, asked) == 3
    assert "for somebody else" in capsys.readouterr().err


async def test_every_problem_of_the_file_is_a_problem_with_line_and_path(
    collector: Collector,
) -> None:
    bad = OLD.replace("every: 30s", "every: soon", 1).replace(
        "version: 1", "version: 1\ncolour: red"
    )
    status, body = await collector.post(bad.encode())
    assert (status, body["code"]) == (400, "what_if.config")
    assert body["problems"] == [
        {"line": 2, "path": "colour", "message": "unknown key"},
        {
            "line": 10,
            "path": "checks.c.every",
            "message": "write a duration with its unit, such as 30s, 10m, 4h or 1h30m",
        },
    ]


@pytest.mark.parametrize(
    ("body", "query", "kind", "status", "code"),
    [
        (b"{}", "from=noon&to=2026-01-02T00:00Z", YAML, 400, "api.query"),
        (b"{}", "from=2026-01-02T00:00Z&to=2026-01-02T00:00Z", YAML, 400, "api.query"),
        (b"{}", "from=2026-01-01T00:00Z", YAML, 400, "api.query"),
        (b"{}", "", "application/json", 415, "what_if.content_type"),
        (b"#" * 1_048_577, "", YAML, 413, "http.413"),
        (b"", "", YAML, 400, "what_if.config"),
        (OLD.encode(), "", YAML, 400, "what_if.organization"),
    ],
)
async def test_a_question_that_is_wrong_is_a_problem_with_a_code(
    collector: Collector, body: bytes, query: str, kind: str, status: int, code: str
) -> None:
    got, told = await collector.post(body, query, kind)
    assert (got, told["code"]) == (status, code)


async def test_one_comparison_runs_at_a_time(collector: Collector) -> None:
    async with collector.client.app[COMPARING]:
        status, body = await collector.post(json.dumps(impatient()).encode())
    assert (status, body["code"]) == (429, "what_if.busy")
    assert (await collector.post(json.dumps(impatient()).encode()))[0] == 200
