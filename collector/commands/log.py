"""`wardwatch log`: the evidence log and the audit log, their checkpoints, and proofs from them."""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
from typing import Any

from collector import show
from collector.attest import checkpoint, note, proof
from collector.attest.faults import AttestError
from collector.client import UsageError, ask, asking, download, print_json
from collector.commands import log_keys
from collector.commands.options import Parsers, asks, group
from collector.exchange import Collector, UnansweredError
from collector.newfile import new_file

EXAMPLES = """\
Examples:
  wardwatch log show
  wardwatch log checkpoint --out evidence.note
  wardwatch log proof --row 4711 --log audit --out 4711.tlog-proof
  wardwatch log policy --out evidence.policy
  wardwatch log key new /etc/wardwatch/log.key --origin st-elsewhere.example.org/wardwatch
"""
SHOW = """\
Examples:
  wardwatch log show
  wardwatch log show --json

A line for each epoch of each log: how many entries it has, how many of them are signed, since when,
and whether enough witnesses have cosigned that. --json has the roots and the state rows, too.
"""
CHECKPOINT = """\
Examples:
  wardwatch log checkpoint --out evidence.note
  wardwatch log checkpoint --log audit --print

The newest checkpoint, a signed note: keep it, and whatever you are shown later can be held against
it (`wardwatch verify --since`). --print writes what to print or to dictate: the same in words, with
the root in groups. To standard output without --out.
"""
PROOF = """\
Examples:
  wardwatch log proof --row 4711 --out 4711.tlog-proof
  wardwatch log proof --row 4711 --log audit --out 4711.tlog-proof

The place of a row of the journal in a log, as a C2SP tlog-proof: with the entry and the log's key
anybody can verify it without asking. The evidence log has the rows that numbers depend on, the audit
log has all. IDs are those of `wardwatch audit export`.
"""
NOTE = "text/plain"
LOGS = ("evidence", "audit")
_PREFIX = re.compile(r"(?:evidence|audit)(?:-[1-9][0-9]{0,8})?")
MOST = 2 << 20
"""Bytes of a note or a proof; both have limits of their own, far below."""
SILENT_S = 60.0
NOTHING_SIGNED = (
    "Nothing of it is signed: without evidence_log in the operator's file nothing ever is,"
    " and with it the first checkpoint comes with checkpoint_every."
)


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "log",
        "look at the evidence log and the audit log",
        "The evidence log and the audit log: append-only, signed, and readable by anybody's tools.",
        EXAMPLES,
    )
    shown = asks(actions, "show", "show both logs as they stand", SHOW)
    shown.set_defaults(func=lambda args: asking(_show, args))
    newest = asks(actions, "checkpoint", "fetch the newest checkpoint", CHECKPOINT)
    _add_log(newest)
    newest.add_argument("--print", action="store_true", help="as text to print or to dictate")
    newest.add_argument("--out", metavar="FILE", help="a new file (default: standard output)")
    newest.set_defaults(func=lambda args: asking(_checkpoint, args))
    proved = asks(actions, "proof", "prove where a row of the journal stands", PROOF)
    _add_log(proved)
    proved.add_argument("--row", type=_row, required=True, metavar="ID", help="the row's id")
    proved.add_argument("--out", required=True, metavar="FILE", help="a new file")
    proved.set_defaults(func=lambda args: asking(_proof, args))
    log_keys.add_to(actions)


def _add_log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--log",
        type=_log,
        default=LOGS[0],
        metavar="LOG",
        help="evidence (default) or audit; an epoch of it as evidence-2",
    )


def _log(text: str) -> str:
    if _PREFIX.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("evidence or audit, or an epoch of one: evidence-2")
    return text


def _row(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 63:
        raise argparse.ArgumentTypeError("the id of a row of the journal, from 1 on")
    return int(text)


def _show(to: Collector, args: argparse.Namespace) -> int:
    found = ask(to, "api/v1/logs", "logs")
    if args.json:
        print_json(found)
        return 0
    rows = [_line(one) for one in found["logs"]]
    if not rows:
        show.write("There are no logs yet: they begin with the first evaluation.", (), ())
        return 0
    show.write(
        _title(found["logs"]), ("LOG", "ENTRIES", "SIGNED", "AT (UTC)", "COSIGNED", "ORIGIN"), rows
    )
    return 0


def _title(logs: list[dict[str, Any]]) -> str:
    growing = [one for one in logs if one["closed_at"] is None]
    unsigned = [one["log"] for one in growing if one["checkpoint"] is None]
    if not unsigned:
        return "Both logs are signed." if len(growing) == len(LOGS) else "The log is signed."
    return f"{' and '.join(unsigned)}: {NOTHING_SIGNED}"


def _line(one: dict[str, Any]) -> tuple[str, ...]:
    signed = one["checkpoint"]
    name = one["prefix"].rpartition("/")[2]
    name = name if one["closed_at"] is None else f"{name} (ended)"
    if signed is None:
        return name, str(one["size"]), "-", "-", "-", one["origin"]
    cosigned = "no" if signed["cosigned_at"] is None else show.minute(signed["cosigned_at"])
    at = show.minute(signed["signed_at"])
    return name, str(one["size"]), str(signed["size"]), at, cosigned, one["origin"]


def _checkpoint(to: Collector, args: argparse.Namespace) -> int:
    if args.json and args.out is None:
        raise UsageError("--json: says what was written to --out FILE")
    with new_file(args.out) as file:
        data = _fetched(to, f"log/{args.log}/checkpoint")
        try:
            signed = note.parse(data)
            head = checkpoint.parse(signed.text)
        except AttestError:
            raise UnansweredError("What the collector sent is no checkpoint.") from None
        file.write(_in_words(signed, head).encode() if args.print else data)
    if args.json:
        root = base64.b64encode(head.root).decode()
        print_json({"out": args.out, "origin": head.origin, "size": head.size, "root": root})
    return 0


def _in_words(signed: note.Note, head: checkpoint.Checkpoint) -> str:
    """The root in groups of eight hexadecimal digits; the hash is of the text that was signed."""
    digest = hashlib.sha256(signed.text.encode()).hexdigest()
    lines = [
        f"Log         {head.origin}",
        f"Entries     {head.size}",
        f"Root        {_grouped(head.root.hex())}",
        f"SHA-256     {_grouped(digest)}",
        *(f"Signed by   {line.name} {line.id.hex()}" for line in signed.signatures),
    ]
    return "".join(f"{line}\n" for line in lines)


def _grouped(digits: str) -> str:
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))


def _proof(to: Collector, args: argparse.Namespace) -> int:
    with new_file(args.out) as file:
        data = _fetched(to, f"log/{args.log}/proof/{args.row}")
        try:
            found = proof.parse(data)
        except AttestError:
            raise UnansweredError("What the collector sent is no proof.") from None
        file.write(data)
    head = checkpoint.parse(found.checkpoint.text)
    told = {"row": args.row, "index": found.index, "origin": head.origin, "size": head.size}
    if args.json:
        print_json({"out": args.out, **told})
    else:
        text = "Row {row} is entry {index} of {origin}, whose checkpoint has {size} entries."
        show.write(text.format(**told), (), ())
    return 0


def _fetched(to: Collector, path: str) -> bytes:
    """UnansweredError where more comes than a note or a proof may have."""
    pieces: list[bytes] = []

    def take(data: bytes) -> None:
        pieces.append(data)
        if sum(map(len, pieces)) > MOST:
            raise UnansweredError("The collector sends more than a checkpoint or a proof has.")

    download(to, path, NOTE, take, {}, silent_s=SILENT_S)
    return b"".join(pieces)
