"""`wardwatch verify`: an attestation judged without trusting whoever issued it, offline."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from cryptography.x509 import Certificate
from rich.console import Console
from rich.text import Text

from collector import show
from collector.attest import checkpoint, note, policyfile
from collector.attest.faults import AttestError
from collector.attest.policy import Policy
from collector.attest.policyfile import POLICY_MEANINGS, PolicyError
from collector.attesting.algorithm import algorithm
from collector.commands.options import Parsers
from collector.reports.timestamps import read_roots
from collector.verifying import report
from collector.verifying.telling import QUESTIONS, Doing, Told
from collector.verifying.verify import Given, Outcome, verify

USAGE = 3

EXAMPLES = """\
Examples:
  wardwatch verify attestation.zip --policy policy.txt --since checkpoint.txt
  wardwatch verify attestation.zip
  wardwatch verify attestation.zip --json

POLICY is a C2SP tlog-policy: the keys of the log and of the witnesses that you trust, and how many
of these must have cosigned. Without --policy the bundle's own is used, and the last lines say whose
keys you have to compare. CHECKPOINT is a file that you kept of an earlier visit (`checkpoint.txt` of
an earlier bundle): with it, nothing up to then was changed. Nothing is asked over a network.

Exit code: 0 verified, 1 the evidence is wrong, 2 it is incomplete, untrusted or malformed, 3 bad
usage. Every failure has a name, see collector/verifying/README.md.
"""


class UsageError(Exception):
    """What is given beside the bundle cannot be used; the text says why."""


class _Parser(argparse.ArgumentParser):
    """Bad usage ends in 3: 2 says something of a bundle."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")

    def parse_known_args(self, *words: Any, **more: Any) -> Any:
        found, unknown = super().parse_known_args(*words, **more)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def add(subparsers: Parsers) -> None:
    parser = subparsers.add_parser(
        "verify",
        help="verify an attestation bundle, offline",
        description="Verify an attestation bundle and recompute its figures, offline.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", metavar="BUNDLE", help="the bundle, a zip")
    parser.add_argument("--policy", metavar="FILE", help="trust policy of your own")
    parser.add_argument("--since", metavar="FILE", help="checkpoint of an earlier visit")
    parser.add_argument("--tsa", metavar="FILE", help="roots of time stamping authorities, PEM")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(func=run)
    parser.__class__ = _Parser  # a sub-parser is made by its parent


def run(args: argparse.Namespace) -> int:
    told: list[Told] = []
    screen = _Screen(quiet=args.json)

    def tell(one: Told | Doing) -> None:
        if isinstance(one, Told):
            told.append(one)
        screen.show(one)

    try:
        own_policy, kept = _policy(args.policy), _kept(args.since)
        given = Given(own_policy, kept, _roots(args.tsa), algorithm())
        with Path(args.bundle).open("rb") as file:
            if not file.seekable():
                return _refuse(f"{args.bundle}: not a file that can be read again")
            outcome = verify(file, given, tell)
    except UsageError as problem:
        return _refuse(str(problem))
    except OSError:
        return _refuse(f"{args.bundle}: cannot be read")
    screen.clear()
    own = args.policy is not None
    if args.json:
        document = report.document(outcome, told, own_policy=own)
        sys.stdout.write(json.dumps(document, sort_keys=True) + "\n")
    else:
        _show(outcome, own=own)
    return report.exit_code(outcome)


def _show(outcome: Outcome, *, own: bool) -> None:
    if outcome.failure is not None:
        _lines(["", *report.failed(outcome.failure)])
        return
    sys.stdout.write("\n")
    show.write(report.plain(report.headline(outcome)), report.COLUMNS, report.rows(outcome))
    _lines(["", *report.details(outcome, own_policy=own)])


def _lines(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{report.plain(line)}\n" for line in lines))


class _Screen:
    """A line for each thing checked, on standard output; how far it is, on a terminal's other."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._asked: set[str] = set()

    def show(self, one: Told | Doing) -> None:
        if isinstance(one, Doing):
            self._progress(one)
        elif not self._quiet:
            self.clear()
            self._told(one)

    def clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _told(self, one: Told) -> None:
        mark, text = "note" if one.note else "ok", report.plain(one.text)
        if one.check not in self._asked and sys.stdout.isatty():
            self._asked.add(one.check)
            Console().print(Text(QUESTIONS[one.check], style="dim"))
        if sys.stdout.isatty():
            style = "yellow" if one.note else "green"
            Console().print(Text(f"{mark:<5}", style=style), Text(f"{one.check}: {text}"))
        else:
            sys.stdout.write(f"{mark:<4}  {one.check:<10}  {text}\n")
            sys.stdout.flush()

    def _progress(self, one: Doing) -> None:
        if self._live:
            share = f" {one.done * 100 // one.whole} %" if one.whole else f" {one.done}"
            sys.stderr.write(f"\r\x1b[K{one.check} ...{share}")
            sys.stderr.flush()


def _policy(name: str | None) -> Policy | None:
    if name is None:
        return None
    try:
        return policyfile.parse(_read(name, policyfile.MAX_BYTES))
    except PolicyError as refused:
        problems = [f"{name}:{one.line}: {POLICY_MEANINGS[one.code]}" for one in refused.problems]
        raise UsageError("\n".join(problems)) from None


def _kept(name: str | None) -> bytes | None:
    if name is None:
        return None
    data = _read(name, note.MAX_BYTES)
    try:
        checkpoint.parse(note.parse(data).text)
    except AttestError:
        raise UsageError(f"{name}: not a checkpoint, as `checkpoint.txt` of a bundle is") from None
    return data


def _roots(name: str | None) -> list[Certificate]:
    if name is None:
        return []
    try:
        return read_roots(_read(name, _MAX_ROOTS))
    except ValueError:
        raise UsageError(f"{name}: no certificate in PEM") from None


_MAX_ROOTS = 1 << 20


def _read(name: str, limit: int) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(limit + 1)
    except OSError:
        raise UsageError(f"{name}: cannot be read") from None


def _refuse(problem: str) -> int:
    sys.stderr.write(f"wardwatch verify: {problem}\n")
    return USAGE
