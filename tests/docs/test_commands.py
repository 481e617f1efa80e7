"""Every command says how it ends and what it looks like; scripts can read each of them."""

from __future__ import annotations

import argparse

import pytest

from collector.cli import COMMANDS, build_parser
from tests.docs.generate import below, codes, leaves

LEAVES = {leaf.prog: leaf for leaf in leaves(build_parser())}
PRINT_NO_ANSWER = {"wardwatch collector", "wardwatch completion"}


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


@pytest.mark.parametrize("name", LEAVES)
def test_the_help_of_every_command_has_examples_and_its_exit_codes(name: str) -> None:
    parser = LEAVES[name]
    assert (parser.epilog or "").startswith(f"Examples:\n  {name}") or name in (
        "wardwatch completion",
        "wardwatch maintenance approve",
    )
    told = codes(parser)
    asks = "--url" in options(parser)
    judges = name == "wardwatch verify"  # a bundle that is refused is no bad usage
    assert set(told) - {1} == ({0, 2, 3, 4} if asks else {0, 2, 3} if judges else {0, 2})
    if asks:
        assert told[3].startswith("the collector does not answer")
        assert told[4] == "not logged in or not allowed"


@pytest.mark.parametrize("name", sorted(set(LEAVES) - PRINT_NO_ANSWER))
def test_every_command_that_answers_has_json(name: str) -> None:
    assert "--json" in options(LEAVES[name])


@pytest.mark.parametrize("name", LEAVES)
def test_no_option_takes_a_secret_itself(name: str) -> None:
    secret = ("--password", "--totp", "--code", "--token")
    metavars = {
        option: action.metavar
        for action in LEAVES[name]._actions
        for option in action.option_strings
    }
    assert {metavars[option] for option in secret if option in metavars} <= {"REF"}


def test_every_command_is_found_in_its_module() -> None:
    assert [sub.prog for sub in below(build_parser())] == [
        f"wardwatch {name}"
        for module in dict.fromkeys(COMMANDS.values())
        for name in COMMANDS
        if COMMANDS[name] == module
    ]
    for name in COMMANDS:
        assert f"wardwatch {name}" in [sub.prog for sub in below(build_parser(name))]
