"""The maturity card of a kind: what its page says at the top agrees with its tests and its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from probes import registry
from probes.contract import Place

ROOT = Path(__file__).resolve().parents[2]
ROWS = ("proved against", "releases", "does", "load per run", "PHI in the request", "ask")
WRITING = re.compile(r'"(?:POST|PUT|PATCH|DELETE)"')
KINDS = sorted(registry.KINDS)


def card(text: str) -> dict[str, str]:
    """The rows of the table that stands right below the title; ValueError where there is none."""
    title, _, rest = text.partition("\n\n")
    table = rest.partition("\n\n")[0].splitlines()
    if not title.startswith("# `") or table[:2] != ["| maturity | |", "|---|---|"]:
        raise ValueError("no maturity card below the title")
    rows = [line.strip("| ").split(" | ", 1) for line in table[2:]]
    return {row[0]: row[1] for row in rows}


def page(name: str) -> dict[str, str]:
    return card((ROOT / f"probes/kinds/{name}.md").read_text(encoding="utf-8"))


def source(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_card_with_the_same_rows(name: str) -> None:
    rows = page(name)
    assert tuple(rows) == ROWS
    assert [row for row, text in rows.items() if not text.strip()] == []
    assert rows["PHI in the request"].startswith(("none", "test patient"))


@pytest.mark.parametrize("name", KINDS)
def test_what_a_kind_was_proved_against_stands_in_its_tests(name: str) -> None:
    told = page(name)["proved against"]
    tests = source(f"tests/contract/test_{name}.py")
    simulators = re.findall(r"`(probes/testing/\w+)\.py`", told)
    assert simulators
    assert [s for s in simulators if f"from {s.replace('/', '.')} import" not in tests] == []
    real = re.findall(r"`([^`]+)` in `(tests/[^`]+)`", told)
    more = bool(real) or "; by hand: " in told  # by hand: no test says so, the page does
    assert told.startswith("simulated: " if more else "simulated only: ")
    page_text = (ROOT / f"probes/kinds/{name}.md").read_text(encoding="utf-8")
    assert ("; by hand: " in told) == ("Tried by hand against " in page_text)
    assert [peer for peer, where in real if peer not in source(where)] == []


def waits(name: str) -> bool:
    """It opens no connection: what it judges comes to it."""
    kind = registry.load(name)
    return kind.passive or kind.place is Place.COLLECTOR


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_that_can_send_more_than_questions_says_that_it_writes(name: str) -> None:
    does = page(name)["does"]
    if waits(name):
        assert does.startswith("waits: ")
        return
    assert does.startswith(("reads only: ", "writes: ", "writes on request: "))
    if WRITING.search(source(f"probes/kinds/{name}.py")):
        assert does.startswith("writes")


@pytest.mark.parametrize("name", KINDS)
def test_the_load_of_a_run_is_the_highest_its_tests_allow(name: str) -> None:
    """`connections=N` of the contract tests bounds what a run makes."""
    if waits(name):
        assert page(name)["load per run"].startswith("no connection")
        return
    tests = (ROOT / "tests/contract").glob(f"test_{name}*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in tests)
    most = max([1, *map(int, re.findall(r"\bconnections=(\d+)", text))])
    plural = "s" if most > 1 else ""
    assert page(name)["load per run"].startswith(f"at most {most} connection{plural}, ")


@pytest.mark.parametrize(
    "text",
    [
        "# `x`: y\n\nProse.\n",
        "Prose\n\n| maturity | |\n|---|---|\n| does | reads only: `GET` |\n",
        "# `x`: y\n\nProse.\n\n| maturity | |\n|---|---|\n| does | reads only: `GET` |\n",
    ],
)
def test_a_card_elsewhere_than_below_the_title_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no maturity card"):
        card(text)
