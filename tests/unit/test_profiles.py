"""Vendors' profiles as data: whole, closed, and told to people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.cli import main
from probes.fhiraccess import FhirAccess
from probes.profiles.table import PROFILES, SIMULATED
from probes.reasons import MEANINGS
from probes.testing.fhir_personality import PERSONALITIES

FOLDER = Path(__file__).resolve().parents[2] / "probes" / "profiles"


def test_every_profile_has_a_file_a_personality_and_something_to_ask_for() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "profile", "table"}
    assert set(PROFILES) == files == set(PERSONALITIES)
    for profile in PROFILES.values():
        assert profile.ask
        assert profile.quirks


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_codes_are_numbers_with_an_effect_that_exists(name: str) -> None:
    for number, code in PROFILES[name].codes.items():
        assert number == str(int(number))
        assert code.outcome is None or code.outcome.value in MEANINGS[code.reason][0]


def test_a_spec_has_the_budget_of_its_profile_unless_it_writes_one() -> None:
    base = {"base_url": "https://ehr.example.org/r4"}
    assert FhirAccess.model_validate(base).allowance is None
    epic = FhirAccess.model_validate({**base, "profile": "epic"})
    assert epic.allowance == (20, 60_000)
    own = {**base, "profile": "epic", "budget": {"requests": "7", "per": "10s"}}
    assert FhirAccess.model_validate(own).allowance == (7, 10_000)


def test_the_command_tells_what_to_ask_the_vendors_team_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kinds", "fhir", "--profile", "epic"]) == 0
    told = capsys.readouterr().out
    assert SIMULATED in told
    assert "The Epic user (ECSA) our client id is mapped to" in told
    assert "4131   misconfigured, fhir.break_glass: behind break-the-glass" in told
    assert main(["kinds", "fhir", "--profile", "epic", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["codes"]["4101"] == {"effect": "none", "meaning": "the search found nothing"}
    assert document["budget"] == {"requests": 20, "per_ms": 60_000}


def test_the_command_lists_the_reasons_and_profiles_of_a_kind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kinds", "fhir"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("fhir: ")
    assert any(line.split() == ["ok", "A", "right", "answer", "in", "time."] for line in told)
    assert told[-1] == "Profiles: epic, generic, oracle, veradigm; see --profile."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gopher"], "KIND: no kind of this name"),
        (["--profile", "epic"], "--profile: name the kind, too"),
        (["http", "--profile", "epic"], "--profile: http has none"),
        (["fhir", "--profile", "cerner"], "--profile: there are epic, generic, oracle, veradigm"),
    ],
)
def test_the_command_says_what_it_does_not_know(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["kinds", *words]) == 2
    assert capsys.readouterr().err.startswith(said)
