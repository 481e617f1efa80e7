"""A version's part of one system: the same numbers, and no word of the others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.attest import projection
from collector.core import document
from collector.core.availability import availability
from collector.core.truth import fold_system
from probes import configfile
from probes.config import Config
from probes.history import History, Version
from tests.support.soak import longer
from tests.support.stories import T0, result
from tests.unit.core import test_twin_history as twin_history
from tests.unit.core.test_twin_history import Story
from tests.unit.core.twin import UNIT

CONFIG = configfile.load("wardwatch.example.yaml")


def test_a_part_names_one_system_and_nothing_of_the_others() -> None:
    whole = configfile.canonical(CONFIG)
    parts = projection.projections(whole)
    assert [*parts] == sorted(CONFIG.systems)
    for system, data in parts.items():
        told = json.loads(data)
        assert [*told] == [
            "agents",
            "checks",
            "maintenance",
            "organization",
            "sites",
            "systems",
            "version",
        ]
        assert [*told["systems"]] == [system]
        assert sorted(told["checks"]) == sorted(CONFIG.checks_of(system))
        windows = [w for w in CONFIG.maintenance if system in w.systems]
        assert [w["id"] for w in told["maintenance"]] == [w.id for w in windows]
        shared = {one for w in windows for one in w.systems}
        for other in CONFIG.systems.keys() - {system} - shared:
            assert f'"{other}"' not in data.decode()
        for name in (*CONFIG.contacts, *CONFIG.channels):
            assert f'"{name}"' not in data.decode()


def test_a_check_keeps_what_a_number_reads_and_not_what_it_asks() -> None:
    (part,) = {s: projection.projection(CONFIG, s) for s in [*CONFIG.systems][:1]}.values()
    for name, check in part.checks.items():
        whole = CONFIG.checks[name]
        assert check.spec == {}
        assert check.model_copy(update={"spec": whole.spec, "cost": whole.cost}) == whole
        assert part.agents_of(name) == CONFIG.agents_of(name)


def test_windows_stay_whole_for_an_approval_is_of_their_exact_content() -> None:
    told = CONFIG.maintenance
    assert told
    for window in told:
        for system in window.systems:
            assert window in projection.projection(CONFIG, system).maintenance


def test_a_part_of_a_part_is_the_part() -> None:
    parts = projection.projections(configfile.canonical(CONFIG))
    for system, data in parts.items():
        assert projection.projections(data) == {system: data}


def test_what_no_number_reads_of_a_file_is_left_out_also_where_it_is_new() -> None:
    whole = json.loads(configfile.canonical(CONFIG))
    parts = projection.projections(configfile.canonical(CONFIG))
    whole["novelty"] = {"of": "a newer program"}
    for system in whole["systems"].values():
        system["novelty"] = 1
    assert projection.projections(json.dumps(whole).encode()) == parts


def test_a_system_that_is_not_there_has_no_part() -> None:
    with pytest.raises(KeyError):
        projection.projection(CONFIG, "no-such-system")


@settings(max_examples=longer(150), deadline=None)
@given(twin_history.stories(), st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_a_system_has_the_same_numbers_under_its_parts(story: Story, asked: list[int]) -> None:
    whole = History(
        Version(v.at, asks(v.config, asked[n]), n)
        for n, v in enumerate(twin_history.version(plan, story) for plan in story.plans)
    )
    known = [v.config for v in whole.versions if "ehr" in v.config.systems]
    if not known:
        return
    absent = projection.without(projection.projection(known[0], "ehr"))
    cut = History(
        Version(
            v.at,
            projection.projection(v.config, "ehr") if "ehr" in v.config.systems else absent,
            v.id,
        )
        for v in whole.versions
    )
    assert numbers(whole, story) == numbers(cut, story)


def asks(config: Config, what: int) -> Config:
    """Checks that ask something else, and another way round: a version that no number reads."""
    checks = {
        name: check.model_copy(update={"spec": {"url": f"http://h/{what}"}})
        for name, check in config.checks.items()
    }
    systems = {
        name: one.model_copy(update={"runbook": f"https://h/{what}"})
        for name, one in config.systems.items()
    }
    return config.model_copy(update={"checks": checks, "systems": systems})


def numbers(history: History, story: Story) -> object:
    results = {
        (name, agent): [result(T0 + t * UNIT, o, name, agent) for t, o in line]
        for (name, agent), line in story.lines.items()
    }
    now = T0 + story.now * UNIT
    truth = fold_system("ehr", history, results, now, None)
    found = availability(truth, history, T0, now, now)
    return (document.fields(found), truth.states, truth.sites, truth.outages, truth.blips)
