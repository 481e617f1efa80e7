"""`wardwatch completion`: what a shell needs to complete these commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import shtab

EXAMPLES = """\
Examples:
  source <(wardwatch completion bash)
  wardwatch completion bash > ~/.local/share/bash-completion/completions/wardwatch
  wardwatch completion zsh > ~/.zfunc/_wardwatch

Exit code: 0 printed, 2 bad usage.
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "completion",
        help="print completion for bash or zsh",
        description="Print completion for a shell.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=("bash", "zsh"), help="which shell")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    from collector.cli import build_parser  # noqa: PLC0415 - it imports this command

    parser = build_parser()
    for action in _actions(parser):
        if str(action.metavar).startswith("FILE"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # what shtab looks for
    sys.stdout.write(shtab.complete(parser, shell=args.shell) + "\n")
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Of the command and of all below it."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to walk it
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - likewise
            for below in action.choices.values():
                yield from _actions(below)
