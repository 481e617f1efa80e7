"""`wardwatch audit`: the audit trail for a SIEM or an archive, the audit pack for an auditor, and the
drills that are in it.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from rich.console import Console
from rich.status import Status

from collector import show
from collector.audit.media import MEDIA, Format
from collector.audit.unpacking import BadPackError, unpack
from collector.client import UsageError, act, an_id, asking, download, print_json
from collector.commands.options import Parsers, asks, group
from collector.core.drills import DrillKind, DrillOutcome
from collector.exchange import Collector, UnansweredError
from collector.newfile import new_file

EXAMPLES = """\
Examples:
  wardwatch audit export --from 2026-01-01T00:00 --to 2026-02-01T00:00 --out january.jsonl
  wardwatch audit pack --from 2026-01-01T00:00 --to 2026-04-01T00:00 --out q1.zip
  wardwatch audit drill --kind restore --systems ehr --at 2026-03-14T09:00 --outcome passed \\
      --ref CHG0031
"""
EXPORT = """\
Examples:
  wardwatch audit export --from 2026-01-01T00:00 --to 2026-02-01T00:00 --out january.jsonl
  wardwatch audit export --from 2026-01-01T00:00 --to 2026-01-02T00:00 --format syslog > siem.log
  wardwatch audit export --from 2026-01-01T00:00 --to 2026-01-02T00:00 --format fhir --out a.ndjson

Every row that was recorded in that time, in the order of the journal: who did what when, what the
rules did, and what was read out before. jsonl holds each row's data as it stands, and its SHA-256;
syslog is RFC 5424, facility 13; fhir is one AuditEvent of FHIR R4 a line. What people typed is in
none of them, only its salted hash; of a version of the file only its hash is told.
The export is itself a row of the trail. A time without a zone is in the organization's.
Standard error says how far it is, and at the end how much was written and its SHA-256; --json says
that on standard output, where the trail itself goes to --out.
"""
PACK = """\
Examples:
  wardwatch audit pack --from 2026-01-01T00:00 --to 2026-04-01T00:00 --out q1.zip
  wardwatch audit pack --from 2026-01-01T00:00 --to 2026-04-01T00:00 --sample 40 --seed 7 --out q1/

Whole populations as CSV (systems in scope and out, checks, incidents, changes of the file, windows
with approvals, corrections, accesses, sign-ins, agents' keys, exports, duties, training and more), a
sample of each, what was asked, of which rows, and which entries of the audit log those are
(index.json), and which controls each is evidence for (controls.csv). The same range, sample and seed give the same bytes. FILE ends in .zip; anything
else is a new folder. The pack is itself a row of the trail. --json prints its length and SHA-256.
"""
DRILL = """\
Examples:
  wardwatch audit drill --kind restore --systems ehr --at 2026-03-14T09:00 --outcome passed \\
      --ref CHG0031
  wardwatch audit drill --kind downtime --systems ehr lab --at 2026-02-03T13:00 --outcome partial \\
      --ref BCP-7

Record an exercise that was held: a restore from a backup, a failover, work by the downtime
procedures, or an incident played through (tabletop). It becomes a row of the audit trail, and of the
population `drills` of audit packs; what was seen and learned stands in the document that REF names.
Whoever may propose maintenance may record it. A time without offset is in the organization's zone.
"""
SILENT_S = 900.0
"""A large population is written before any of it is sent."""
TOLD = 1 << 20
"""Bytes between two signs of progress."""


def add(subparsers: Parsers) -> None:
    actions = group(
        subparsers,
        "audit",
        "read the audit trail out, make audit packs, record drills",
        "The audit trail for a SIEM or an archive, and the audit pack for an auditor.",
        EXAMPLES,
    )
    export = asks(actions, "export", "read the audit trail out", EXPORT)
    _add_range(export)
    export.add_argument(
        "--format",
        choices=[one.value for one in Format],
        default=Format.JSONL.value,
        help="how it is written (default: jsonl)",
    )
    export.add_argument("--out", metavar="FILE", help="a new file (default: standard output)")
    export.set_defaults(func=lambda args: asking(_export, args))
    pack = asks(actions, "pack", "make an audit pack", PACK)
    _add_range(pack)
    pack.add_argument(
        "--sample", type=int, default=25, metavar="N", help="rows to draw of each (default: 25)"
    )
    pack.add_argument("--seed", type=int, default=0, metavar="N", help="draws others (default: 0)")
    pack.add_argument("--out", required=True, metavar="FILE", help="a new .zip, or a new folder")
    pack.set_defaults(func=lambda args: asking(_pack, args))
    drill = asks(actions, "drill", "record a drill that was held", DRILL)
    drill.add_argument(
        "--kind", required=True, choices=[one.value for one in DrillKind], help="what was exercised"
    )
    drill.add_argument(
        "--systems", required=True, nargs="+", type=an_id, metavar="ID", help="of which systems"
    )
    drill.add_argument("--at", required=True, metavar="T", help="when it began")
    drill.add_argument(
        "--outcome", required=True, choices=[one.value for one in DrillOutcome], help="how it went"
    )
    drill.add_argument("--ref", required=True, metavar="REF", help="the document behind it")
    drill.set_defaults(func=lambda args: asking(_drill, args))


def _add_range(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="start", required=True, metavar="T", help="from when")
    parser.add_argument(
        "--to", dest="end", required=True, metavar="T", help="up to, not including; over by now"
    )


def _export(to: Collector, args: argparse.Namespace) -> int:
    if args.json and args.out is None:
        raise UsageError("--json: says what was written to --out FILE; --format says how")
    query = {"from": args.start, "to": args.end, "format": args.format}
    media = MEDIA[Format(args.format)]
    with new_file(args.out) as file, _progress(to_terminal=args.out is None) as told:

        def take(data: bytes) -> None:
            file.write(data)
            told.add(data)

        download(to, "api/v1/audit", media, take, query, silent_s=SILENT_S)
    told.end({"rows": told.lines}, args)
    return 0


def _pack(to: Collector, args: argparse.Namespace) -> int:
    query = {
        "from": args.start,
        "to": args.end,
        "sample": str(args.sample),
        "seed": str(args.seed),
    }
    is_file = args.out.endswith(".zip")
    if not is_file and Path(args.out).exists():
        raise UsageError(f"--out: {args.out} is there already; name a new folder or a .zip")
    with _place(args.out if is_file else None) as file, _progress(to_terminal=False) as told:

        def take(data: bytes) -> None:
            file.write(data)
            told.add(data)

        download(to, "api/v1/audit/pack", "application/zip", take, query, silent_s=SILENT_S)
        if not is_file:
            try:
                unpack(file, Path(args.out))
            except BadPackError:
                raise UnansweredError("What the collector sent is no audit pack.") from None
            except OSError:
                raise UsageError(f"--out: {args.out} cannot be written") from None
    told.end({}, args)
    return 0


def _drill(to: Collector, args: argparse.Namespace) -> int:
    body = {
        "kind": args.kind,
        "systems": args.systems,
        "at": args.at,
        "outcome": args.outcome,
        "ref": args.ref,
    }
    made = act(to, "api/v1/drills", "row", body)
    if args.json:
        print_json(made)
        return 0
    systems = ", ".join(made["systems"])
    at = show.minute(made["at"])
    show.write(
        f"Row {made['row']}: {made['kind']} of {systems}, {at} UTC, {made['outcome']}.", (), ()
    )
    return 0


@contextmanager
def _place(out: str | None) -> Iterator[BinaryIO]:
    if out is not None:
        with new_file(out) as file:
            yield file
        return
    try:
        with TemporaryFile() as passing:
            yield passing
    except OSError:
        raise UsageError("--out: no room for temporary files; set TMPDIR, or name a .zip") from None


class _Told:
    """How much has come, and its SHA-256."""

    def __init__(self, status: Status | None) -> None:
        self._status, self._digest = status, hashlib.sha256()
        self.lines = self.bytes = 0

    def add(self, data: bytes) -> None:
        before = self.bytes // TOLD
        self.lines += data.count(b"\n")
        self.bytes += len(data)
        self._digest.update(data)
        if self._status is not None and self.bytes // TOLD > before:
            self._status.update(f"{self.bytes >> 20} MiB")

    def end(self, more: dict[str, int], args: argparse.Namespace) -> None:
        digest = self._digest.hexdigest()
        if args.json:
            print_json({"out": args.out, "bytes": self.bytes, "sha256": digest, **more})
            return
        counted = "".join(f"{count} {name}, " for name, count in more.items())
        sys.stderr.write(f"{counted}{self.bytes} bytes, SHA-256 {digest}\n")


@contextmanager
def _progress(*, to_terminal: bool) -> Iterator[_Told]:
    """A line that changes, on a terminal that nothing else is written to."""
    if not sys.stderr.isatty() or (to_terminal and sys.stdout.isatty()):
        yield _Told(None)
        return
    with Console(stderr=True).status("asking") as status:
        yield _Told(status)
