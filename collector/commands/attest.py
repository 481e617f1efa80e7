"""`wardwatch attest`: attestations of availability, asked for, listed and fetched."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from collector import show
from collector.attesting.stages import WORDS, Stage
from collector.client import (
    UsageError,
    act,
    an_id,
    ask,
    ask_all,
    asking,
    download,
    print_json,
    where,
)
from collector.commands.options import Parsers, action, asks, group
from collector.exchange import Collector, UnansweredError
from collector.newfile import new_file
from probes.clock import SystemClock

EXAMPLES = """\
Examples:
  wardwatch attest create --period 2026-10 --out october.zip
  wardwatch attest create --period 2026-10 --systems ehr,lab
  wardwatch attest list
  wardwatch attest get 2026-10-1 --out october.zip
  wardwatch attest sample --out sample.zip
"""
CREATE = """\
Examples:
  wardwatch attest create --period 2026-10
  wardwatch attest create --period 2026-Q3 --systems ehr,lab --out q3.zip

The evidence of a period that has closed, 72 h after its end, every number that follows from it, and
what proves that none of it was changed or left out: one file, which `wardwatch verify FILE` checks
anywhere. It is made once: asked for again, the same one is the answer, and a revision where evidence
came since. Results and settings are those of the systems named; acts on windows and corrections,
with ids of systems and accounts, are in it whole. It waits until the file is made and says how far it
is on standard error; interrupted, the collector goes on. --out fetches it as `attest get` does.
"""
LIST = """\
Examples:
  wardwatch attest list
  wardwatch attest list --json

What was issued, by revision; what is being made; what was refused, and why. "newer evidence" stands
beside one of which a revision may say more.
"""
GET = """\
Examples:
  wardwatch attest get 2026-10-1 --out october.zip

Fetches the file and compares it with the SHA-256 the collector has of it. That you took it is a row
of the audit trail.
"""
SAMPLE = """\
Examples:
  wardwatch attest sample --out sample.zip
  wardwatch attest sample --out other.zip --seed 7

A small attestation of a hospital that does not exist, to try `wardwatch verify` and to show an
auditor. Everything in it is made up, and it says so; the same seed makes the same file. No collector
is asked.

Exit code: 0 made, 2 bad usage.
"""
POLL_MS = 1_000
BASE = "api/v1/attestations"
SILENT_S = 60.0
SEED_DIGITS = 9
SHOWN = 3
"""Systems named in a row of the list."""


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "attest",
        "make, list and fetch attestations of availability",
        "Attestations of availability: evidence, numbers and proofs of a period in one file.",
        EXAMPLES,
    )
    create = asks(actions, "create", "have an attestation made", CREATE)
    create.add_argument(
        "--period", required=True, metavar="P", help="such as 2026-10, 2026-Q3, 2026 or 2026-W31"
    )
    create.add_argument(
        "--systems", metavar="IDS", help="ids with commas between them (default: all)"
    )
    create.add_argument("--out", metavar="FILE", help="fetch it to a new file")
    create.set_defaults(func=lambda args: asking(_create, args))
    listed = asks(actions, "list", "list attestations", LIST)
    listed.set_defaults(func=lambda args: asking(_list, args))
    get = asks(actions, "get", "fetch an attestation", GET)
    get.add_argument("id", type=an_id, metavar="ID", help="as `wardwatch attest list` has it")
    get.add_argument("--out", required=True, metavar="FILE", help="a new file")
    get.set_defaults(func=lambda args: asking(_get, args))
    sample = action(actions, "sample", "make a simulated attestation, to try things with", SAMPLE)
    sample.add_argument("--out", required=True, metavar="FILE", help="a new file")
    sample.add_argument(
        "--seed", type=_seed, default=1, metavar="N", help="makes up another (default: 1)"
    )
    sample.set_defaults(func=_sample)


def _create(to: Collector, args: argparse.Namespace) -> int:
    try:
        one = _made(to, args)
    except _NothingMadeError as error:
        one = error.one
    return _shown(one, args)


def _made(to: Collector, args: argparse.Namespace) -> dict[str, Any]:
    """How it ended; _NothingMadeError where there is nothing for `--out`."""
    body: dict[str, Any] = {"period": args.period}
    if args.systems is not None:
        body["systems"] = [one.strip() for one in args.systems.split(",")]
    with _kept(args.out) as take, _telling() as tell:
        one = act(to, BASE, "state", body)
        while one["state"] == "asked":
            tell(one)
            asyncio.run(SystemClock().sleep_ms(POLL_MS))
            one = ask(to, f"{BASE}/{one['id']}", "state")
        if one["state"] == "unchanged":
            one = ask(to, f"{BASE}/{one['same_as']}", "state")
        if one["state"] == "issued" and take is not None:
            _fetch(to, one, take)
        elif take is not None:
            raise _NothingMadeError(one)
    return one


class _NothingMadeError(Exception):
    """There is nothing to fetch: the file that was to be is removed."""

    def __init__(self, one: dict[str, Any]) -> None:
        super().__init__(one["id"])
        self.one = one


def _get(to: Collector, args: argparse.Namespace) -> int:
    with new_file(args.out) as file:
        one = ask(to, f"{BASE}/{args.id}", "state")
        _fetch(to, one, file.write)
    return _shown(one, args)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= SEED_DIGITS):
        raise argparse.ArgumentTypeError("write a whole number from 0 on")
    return int(text)


def _sample(args: argparse.Namespace) -> int:
    """Nobody is asked: it is made here."""
    from collector.attesting.sampling import simulated  # noqa: PLC0415 - no other command needs it

    try:
        with new_file(args.out) as file, _telling() as tell:
            tell({"id": "simulated", "stage": Stage.DERIVING.value, "done": 0, "total": 0})
            data = simulated(args.seed)
            file.write(data)
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    digest = hashlib.sha256(data).hexdigest()
    if args.json:
        print_json({"out": args.out, "bytes": len(data), "sha256": digest, "simulated": True})
        return 0
    sys.stdout.write(
        "Simulated: nothing in it was measured, and its keys are known to everybody.\n"
    )
    sys.stdout.write(f"{len(data)} bytes, SHA-256 {digest}\n")
    sys.stdout.write(f"Next: wardwatch verify {args.out}\n")
    return 0


def _fetch(to: Collector, one: dict[str, Any], write: Callable[[bytes], object]) -> None:
    """UnansweredError where what came is not what was issued."""
    digest = hashlib.sha256()

    def take(data: bytes) -> None:
        digest.update(data)
        write(data)

    download(to, f"{BASE}/{one['id']}/bundle", "application/zip", take, {}, silent_s=SILENT_S)
    if one["bundle"] is None or digest.hexdigest() != one["bundle"]["sha256"]:
        raise UnansweredError("What came is not the file that was issued; ask again.")


def _list(to: Collector, args: argparse.Namespace) -> int:
    told = ask_all(to, BASE, "attestations")
    if args.json:
        print_json(told)
        return 0
    if not told["attestations"]:
        sys.stdout.write(
            f"None yet. Make one: wardwatch attest create --period P{where(args.url)}\n"
        )
        return 0
    rows = [_row(one) for one in told["attestations"]]
    show.write("Attestations", ("ID", "PERIOD", "SYSTEMS", "STATE", "SHA-256"), rows)
    return 0


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    systems = ", ".join(one["systems"][:SHOWN]) + (", ..." if len(one["systems"]) > SHOWN else "")
    bundle = one["bundle"]
    return (
        one["id"],
        one["period"],
        systems,
        _state(one),
        "" if bundle is None else bundle["sha256"],
    )


def _state(one: dict[str, Any]) -> str:
    match one["state"]:
        case "issued":
            newer = "; newer evidence" if one["newer_evidence"] else ""
            return f"revision {one['bundle']['revision']}{newer}"
        case "unchanged":
            return f"says what {one['same_as']} says"
        case "refused":
            return f"refused: {one['reason']}"
        case _:
            return _far(one)


def _far(one: dict[str, Any]) -> str:
    total = f", {100 * one['done'] // one['total']} %" if one["total"] else ""
    return f"{WORDS[Stage(one['stage'])]}{total}"


def _shown(one: dict[str, Any], args: argparse.Namespace) -> int:
    if args.json:
        print_json(one)
    if one["state"] != "issued":
        sys.stderr.write(f"{one['id']}: {one['meaning']} [{one['reason']}]\n")
        return 1
    if args.json:
        return 0
    bundle = one["bundle"]
    systems = ", ".join(
        f"{name} {said or 'no target'}" for name, said in bundle["verdicts"].items()
    )
    sys.stdout.write(f"{one['id']}: {one['period']}, revision {bundle['revision']}: {systems}\n")
    sys.stdout.write(f"{bundle['length']} bytes, SHA-256 {bundle['sha256']}\n")
    following = (
        f"wardwatch attest get {one['id']} --out {one['id']}.zip{where(args.url)}"
        if args.out is None
        else f"wardwatch verify {args.out}"
    )
    sys.stdout.write(f"Next: {following}\n")
    return 0


@contextmanager
def _kept(out: str | None) -> Iterator[Callable[[bytes], object] | None]:
    """A new file, from the beginning on: that there is no place for it shows before anything is made."""
    if out is None:
        yield None
        return
    with new_file(out) as file:
        yield file.write


@contextmanager
def _telling() -> Iterator[Callable[[dict[str, Any]], None]]:
    """A line that changes on a terminal, else one for each stage."""
    if sys.stderr.isatty():
        with Console(stderr=True).status("asking") as status:
            yield lambda one: status.update(f"{one['id']}: {_far(one)}")
        return
    said: list[str] = []

    def tell(one: dict[str, Any]) -> None:
        if one["stage"] not in said:
            said.append(one["stage"])
            sys.stderr.write(f"{one['id']}: {WORDS[Stage(one['stage'])]}\n")

    yield tell
