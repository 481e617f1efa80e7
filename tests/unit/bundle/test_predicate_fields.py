"""What the predicate says beside the figures: gaps and their causes, windows, keys, lateness."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from collector.bundle import evidencefile, layout
from collector.bundle.derive import derive
from collector.bundle.gaps import Cause
from collector.bundle.members import Held
from collector.bundle.opening import open_evidence
from collector.bundle.sample import asked_of
from collector.bundle.samplestory import EVERY_FAULT, HOUR_MS, Fault, Story
from probes import agentkeys
from probes.schedule import offset_ms
from tests.support import bundles

QUIET = replace(bundles.SMALL, noise=0, faults=frozenset[Fault]())


def said(story: Story = bundles.SMALL) -> dict[str, Any]:
    _, evidence, asked = bundles.opened(story)
    return dict(derive(evidence, asked))


def only(*faults: Fault) -> Story:
    return replace(QUIET, faults=frozenset(faults))


def test_a_hospital_without_trouble_is_up_and_nothing_is_missing() -> None:
    found = said(QUIET)
    assert found["gaps"] == []
    assert found["outages"] == found["exclusions"] == found["incidents"] == []
    assert found["lateEvidence"] == {"batches": 0, "results": 0, "longestMs": 0, "afterClose": 0}
    ehr, lab = found["results"]
    slots = 6 * 96
    assert (ehr["expected"], ehr["received"]) == (3 * slots + slots // 2, 3 * slots + slots // 2)
    assert (lab["expected"], lab["received"]) == (3 * slots, 3 * slots)
    assert ehr["outcomes"] == {
        "up": ehr["received"],
        "degraded": 0,
        "down": 0,
        "misconfigured": 0,
        "unknown": 0,
    }
    assert ehr["figures"]["worstCase"]["percent"] == "100.0000"
    assert ehr["runs"] == {"judged": ehr["received"], "good": ehr["received"]}


@pytest.mark.parametrize(
    ("fault", "causes"),
    [
        (Fault.SILENCE, {Cause.AGENT_SILENT}),
        (Fault.RESTART, {Cause.AGENT_RESTARTED}),
        (Fault.HOLE, {Cause.CHAIN_HOLE}),
        (Fault.TOMBSTONE, {Cause.TOMBSTONE}),
        (Fault.VERSION, set()),
        (Fault.LATE, set()),
        (Fault.AWAY, set()),
    ],
)
def test_what_is_missing_has_the_cause_that_befell_it(fault: Fault, causes: set[Cause]) -> None:
    found = said(only(fault))
    assert {gap["cause"] for gap in found["gaps"]} == causes
    missing = sum(gap["slots"] for gap in found["gaps"])
    assert missing == sum(one["expected"] - one["received"] for one in found["results"])
    assert found["gapsLeftOut"] == 0


def test_a_gap_says_which_runs_are_missing() -> None:
    story = only(Fault.SILENCE)
    (ours,) = [
        gap
        for gap in said(story)["gaps"]
        if gap["check"] == "ehr-write" and gap["agent"] == "north-1"
    ]
    every = 2 * story.every
    offset = offset_ms("north-1", "ehr-write", every)
    silence = story.silence
    first = silence.start + (offset - silence.start) % every
    slots = len(range(first, silence.end, every))
    assert ours == {
        "system": "ehr",
        "check": "ehr-write",
        "agent": "north-1",
        "start": first,
        "end": first + slots * every,
        "slots": slots,
        "cause": "agent_silent",
    }


def test_runs_that_are_left_out_of_a_bundle_are_not_recorded() -> None:
    """Somebody keeps back the segments of a day: the batches are in the log all the same."""

    world, parts = bundles.disclosed(QUIET)
    name = layout.evidence_of("lab")
    out = io.BytesIO()
    writer = evidencefile.Writer(out)
    for n, one in enumerate(evidencefile.read(io.BytesIO(parts[name]), name)):
        if not 100 <= n < 110:
            writer.put(one)
    writer.close()
    evidence = open_evidence(Held({**parts, name: out.getvalue()}))
    found: dict[str, Any] = dict(derive(evidence, asked_of(world)))
    assert {gap["cause"] for gap in found["gaps"]} == {"not_recorded"}
    assert {gap["system"] for gap in found["gaps"]} == {"lab"}


def test_each_verdict_has_its_formula_and_the_number_it_was_judged_by() -> None:
    """The second system's contract is of scope `worst_site`: the number is that of one site."""
    ehr, lab = said()["results"]
    assert (ehr["formula"], lab["formula"]) == ("contract-v1", "contract-v1")
    eligible, down = (ehr["milliseconds"][name] for name in ("eligible", "down"))
    assert 1_000_000 * (eligible - down) // eligible == 976_079
    assert ehr["judgedBy"] == {
        "scope": "organization",
        "site": None,
        "known": ehr["figures"]["afterExclusions"]["percent"],
        "min": ehr["figures"]["worstCase"]["percent"],
        "max": "97.6079",
    }
    assert (
        ehr["corrected"]["judgedBy"]["known"]
        == (ehr["corrected"]["figures"]["afterExclusions"]["percent"])
    )
    (site,) = [one for one in lab["sites"] if one["site"] == lab["judgedBy"]["site"]]
    assert (
        min(one["figures"]["worstCase"]["percent"] for one in lab["sites"])
        == (site["figures"]["worstCase"]["percent"])
    )
    assert site["figures"] != lab["figures"]
    assert lab["judgedBy"]["scope"] == "worst_site"
    assert lab["judgedBy"]["min"] == site["figures"]["worstCase"]["percent"]


def test_a_check_says_how_it_counts_and_a_version_what_the_log_has_of_it() -> None:
    world, evidence, asked = bundles.opened()
    found: Any = derive(evidence, asked)
    checks = {one["id"]: one for one in found["scope"]["systems"][0]["checks"]}
    assert checks["ehr-write"] == {
        "id": "ehr-write",
        "kind": "tcp",
        "agents": ["north-1"],
        "every": 1_800_000,
        "timeout": 30_000,
        "role": "supporting",
        "quorum": None,
    }
    assert checks["ehr-read"]["role"] == "critical"
    changes = found["configChanges"]
    assert [one["changed"] for one in changes] == [True, False]
    for one in changes:
        (entry,) = [s.entry for s in evidence.rows.shown if s.entry.id == one["row"]]
        assert one["commitment"] == entry.commitment.hex()
        assert one["row"] in world.rows


def test_an_approved_window_names_its_row_and_who_had_seen_it() -> None:
    story = only(Fault.WINDOW)
    world, evidence, asked = bundles.opened(story)
    (window,) = dict[str, Any](derive(evidence, asked))["exclusions"]
    (row,) = [row for row in world.rows.values() if row.kind == "window.approved"]
    index = world.indexes[row.id]
    assert window == {
        "window": "patch-night",
        "system": "ehr",
        "start": story.window.start,
        "end": story.window.end,
        "excludes": True,
        "why": None,
        "proposedBy": "change-1",
        "approvedBy": "approver-1",
        "approvedAt": row.recorded_at,
        "row": row.id,
        "logIndex": index,
        "preRegistered": True,
        "witnessedAt": evidence.witnessed.rows[index],
        "appliedMs": 2 * HOUR_MS,
    }
    assert evidence.witnessed.rows[index] < story.window.start


def test_without_witnesses_nobody_knows_whether_it_was_approved_before() -> None:
    (window,) = said(replace(only(Fault.WINDOW), witnesses=0))["exclusions"]
    assert (window["excludes"], window["preRegistered"], window["witnessedAt"]) == (
        True,
        None,
        None,
    )


def test_an_approval_that_witnesses_saw_only_later_is_not_registered_before() -> None:
    (window,) = said(replace(only(Fault.WINDOW), checkpoint=1_000 * HOUR_MS))["exclusions"]
    assert (window["excludes"], window["preRegistered"]) == (True, False)
    assert window["witnessedAt"] > window["start"]


def test_a_window_that_nobody_approved_is_listed_and_excludes_nothing() -> None:
    (window,) = said(only(Fault.UNAPPROVED))["exclusions"]
    assert (window["window"], window["why"], window["appliedMs"]) == (
        "never-approved",
        "unapproved",
        0,
    )
    assert window["row"] is window["logIndex"] is window["approvedBy"] is None


def test_vantage_points_are_agents_with_their_operators_and_keys() -> None:
    world, evidence, asked = bundles.opened(only(Fault.ROTATION))
    found = dict[str, Any](derive(evidence, asked))["vantagePoints"]
    assert [(one["agent"], one["site"], one["operator"]) for one in found] == [
        ("north-1", "north", "Simulated Hospital"),
        ("outside-1", "north", "Simulated Auditors"),
        ("south-1", "south", "Simulated Hospital"),
    ]
    names = ("north-1", "rotated"), ("outside-1",), ("south-1",)
    for one, keys in zip(found, names, strict=True):
        assert one["keys"] == [
            agentkeys.fingerprint(agentkeys.text_of(world.dice.key(name).public_key()))
            for name in keys
        ]
    assert {one["clockErrorMaxMs"] for one in found} == {7}


def test_what_came_late_is_counted_and_counts() -> None:
    story = only(Fault.LATE)
    found = said(story)
    assert found["gaps"] == []
    late = found["lateEvidence"]
    assert late["batches"] == 3
    assert late["longestMs"] > 20 * HOUR_MS
    assert [one["late"] for one in found["vantagePoints"]] == [3, 0, 0]
    assert found["results"][0]["figures"] == said(QUIET)["results"][0]["figures"]


def test_versions_of_the_period_say_whether_they_changed_a_disclosed_system() -> None:
    changes = said(only(Fault.VERSION))["configChanges"]
    assert [one["changed"] for one in changes] == [True, False]
    assert [one["at"] for one in changes] == [QUIET.at(330), QUIET.at(370)]


def test_an_outage_has_its_incident_from_the_rows() -> None:
    story = only(Fault.OUTAGE)
    found = said(story)
    (incident,) = found["incidents"]
    assert incident == {
        "id": f"ehr.availability.{story.outage.start}",
        "system": "ehr",
        "family": "availability",
        "category": 3,
        "priority": "P1",
        "startedAt": story.outage.start,
        "detectedAt": story.outage.start + 2 * story.every,
        "acknowledgedAt": story.outage.start + 2 * story.every + 240_000,
        "recoveredAt": story.outage.end,
        "resolvedAt": story.outage.end + 360_000,
    }
    (outage,) = found["outages"]
    assert story.outage.start <= outage["start"] < story.outage.start + story.every
    assert outage["maxMs"] > outage["end"] - outage["start"] > outage["minMs"] > 0


def test_a_blip_is_degraded_and_no_outage() -> None:
    found = said(only(Fault.BLIP))
    assert found["outages"] == []
    assert [one["milliseconds"]["down"] for one in found["results"]] == [0, 0]
    assert found["results"][1]["milliseconds"]["degraded"] > 0


def test_a_correction_stands_beside_the_number_and_changes_it_not() -> None:
    with_one = said(only(Fault.OUTAGE, Fault.CORRECTION))["results"][0]
    without = said(only(Fault.OUTAGE))["results"][0]
    assert with_one.pop("corrected")["corrections"] == ["power-cut"]
    assert without.pop("corrected") is None
    assert with_one == without


@pytest.mark.parametrize(
    ("story", "level"),
    [
        (QUIET, "L3"),
        (replace(QUIET, agents=2), "L2"),
        (replace(QUIET, witnesses=0), "L1"),
        (replace(QUIET, witnesses=0, agents=2), "L1"),
    ],
)
def test_the_level_follows_from_witnesses_and_operators(story: Story, level: str) -> None:
    found = said(story)["assurance"]
    assert found["level"] == level
    assert ("times_by_collector" in found["limits"]) is (level == "L1")
    assert {"collusion", "operators_declared", "between_checkpoints"} <= set(found["limits"])


def test_witnesses_of_the_organization_itself_are_no_third_level() -> None:
    world, evidence, asked = bundles.opened(QUIET)
    for operators in ({}, {"w0": "Simulated Hospital"}):
        own = replace(asked, operators=operators)
        found = dict[str, Any](derive(evidence, own))["assurance"]
        assert found["level"] == "L2"
        assert found["witnesses"] == [{"name": "w0", "operator": operators.get("w0")}]
    assert world.witnesses


def test_scope_says_what_is_shown_and_that_there_is_more() -> None:
    found = said()["scope"]
    assert [one["id"] for one in found["systems"]] == ["ehr", "lab"]
    assert found["undisclosedSystems"] is True
    assert found["systems"][1]["checks"] == [
        {
            "id": "lab-read",
            "kind": "tcp",
            "agents": ["north-1", "south-1", "outside-1"],
            "every": 1_800_000,
            "timeout": 30_000,
            "role": "critical",
            "quorum": None,
        }
    ]
    assert said(replace(QUIET, systems=2))["scope"]["undisclosedSystems"] is False


def test_the_log_is_named_from_size_to_size() -> None:
    world, evidence, asked = bundles.opened()
    found = dict[str, Any](derive(evidence, asked))["log"]
    first = evidence.log.start.before.size
    assert found["from"] == {"size": first}
    assert found["to"]["size"] == world.log.size
    assert found["entries"] == world.log.size - first
    assert found["origin"] == "simulated.example/wardwatch/evidence"


def test_everything_at_once_has_every_cause_but_those_that_need_none() -> None:
    assert set(Fault) == EVERY_FAULT
    assert {gap["cause"] for gap in said()["gaps"]} == {
        "agent_restarted",
        "agent_silent",
        "chain_hole",
        "tombstone",
    }
