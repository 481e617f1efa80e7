"""Integration engines as data: whole, closed, and told to people."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main
from probes.engineaccess import EngineSpec
from probes.engines.table import PRODUCTS
from probes.registry import load
from probes.testing import engine_products
from probes.wire.engine import SIGNS, State

FOLDER = Path(__file__).resolve().parents[2] / "probes" / "engines"


def test_every_engine_has_a_file_something_to_ask_for_and_a_kind_that_knows_it() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "product", "table"}
    assert set(PRODUCTS) == files == set(load("engine").profiles)
    for product in PRODUCTS.values():
        assert product.ask
        assert product.quirks
        assert product.tells <= set(SIGNS)
        assert ("state" in product.tells) == (product.name == "generic" or bool(product.states))
        assert State.OTHER not in product.states.values()


def test_only_one_that_was_tried_against_a_real_engine_says_so() -> None:
    tried = {name for name, one in PRODUCTS.items() if "tried by hand" in one.basis}
    assert tried == {"mirth"}
    assert all("simulator only" in PRODUCTS[name].basis for name in set(PRODUCTS) - tried)
    assert "imulated" in str(engine_products.__doc__)


def test_what_openhim_is_asked_for_begins_at_midnight_and_only_grows_in_a_day() -> None:
    evening = PRODUCTS["openhim"].paths("x", 1_767_311_999_000)
    assert evening == (
        "channels",
        "metrics/channels?startDate=2026-01-01T00%3A00%3A00.000Z&endDate=2026-01-02T00%3A00%3A00.000Z",
    )
    assert PRODUCTS["openhim"].paths("x", 1_767_312_000_000) != evening


def test_an_id_is_asked_for_as_it_is_written_and_leads_nowhere_else() -> None:
    assert PRODUCTS["rhapsody"].paths("../a b", 0) == ("api/commpoint/..%2Fa%20b",)


def test_limits_are_those_of_the_file() -> None:
    spec = EngineSpec.model_validate(
        {
            "engine": "mirth",
            "base_url": "https://e.example.org/",
            "channel": "A",
            "max_queued": "5",
            "down_oldest": "1h",
            "moving": {"within": "15m"},
            "drain": {"within": "30m"},
        }
    )
    assert spec.base_url == "https://e.example.org"
    limits = spec.limits
    assert (limits.max_queued, limits.max_errors, limits.rising) == (5, 0, None)
    assert (limits.down_oldest_ms, limits.within_ms, limits.drain_ms) == (
        3_600_000,
        900_000,
        1_800_000,
    )
    assert not limits.expects_always


def test_the_command_tells_what_to_ask_the_engines_team_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kinds", "engine", "--profile", "mirth"]) == 0
    told = capsys.readouterr().out
    assert "tried by hand against Open Integration Engine 4.5.2" in told
    assert "  - The id of each channel: it stays when the channel is renamed." in told
    assert "  PAUSED       stopped" in told
    assert main(["kinds", "engine", "--profile", "iris", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["states"]["Inactive"] == "started"
    assert document["tells"] == ["connected", "idle_s", "queued", "state"]
    assert main(["kinds", "engine", "--profile", "epic"]) == 2
    assert "--profile: there are cloverleaf, generic, iguana" in capsys.readouterr().err


def test_an_agent_with_such_checks_loads_no_keys_and_nothing_of_fhir() -> None:
    code = (
        "import sys, probes.kinds.engine; "
        "print([m for m in sys.modules if m.startswith(('cryptography', 'probes.fhir'))])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert run.stdout == "[]\n"
