"""`wardwatch log key`, `policy` and `restart`: what the logs are signed with, and whom to believe."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from collector import keyfile, show
from collector.attest import policyfile
from collector.attest.logkeys import LogKeyReason
from collector.attest.policyfile import PolicyError
from collector.client import act, ask, asking, download, print_json
from collector.commands.options import Parsers, action, asks
from collector.exchange import Collector, UnansweredError
from collector.newfile import new_file
from collector.tlog.reasons import RestartReason
from collector.tlog.signer import open_file, vkey_of
from probes.config_evidence_log import Origin

KEY = """\
Examples:
  wardwatch log key new /etc/wardwatch/log.key --origin st-elsewhere.example.org/wardwatch
  wardwatch log key revoke st-elsewhere.example.org/wardwatch/evidence+9b1c0e77+AXZk... \\
      --last-size 48211 --reason compromised
"""
NEW = """\
Examples:
  wardwatch log key new /etc/wardwatch/log.key --origin st-elsewhere.example.org/wardwatch

Makes a key that signs both logs: 32 bytes in a new file that only you can read. It asks no collector
and overwrites nothing. Keep a copy where backups of the database are not: with both, a second history
could be signed. To go over to a new key name both under `keys` until each log has been signed once
more, then the new one alone.

Exit code: 0 made, 2 bad usage or the file cannot be made.
"""
REVOKE = """\
Examples:
  wardwatch log key revoke st-elsewhere.example.org/wardwatch/evidence+9b1c0e77+AXZk... \\
      --last-size 48211 --reason compromised

For a key that somebody else may have. It signs nothing more, and whatever of this log has more
entries than N is not to be believed for its signature. N is the size of the last checkpoint that you
know is yours (`wardwatch log show`, or a witness). The key signs both logs under two names: revoke
both. Make and name a new key first, and give auditors the new policy by a way they trust.
"""
POLICY = """\
Examples:
  wardwatch log policy --out evidence.policy
  wardwatch log policy --log audit

The keys, the witnesses and how many of them it takes, as C2SP tlog-policy: what an auditor keeps, and
verifies attestations with (`wardwatch verify --policy`). To standard output without --out.
"""
RESTART = """\
Examples:
  wardwatch log restart --reason restored --ref CHG0042

Where the logs cannot be gone on with: the database was lost and an older copy is all there is. First
write another `origin` under evidence_log and start the collector with it. Both logs begin anew and
take everything in again; their first entry names the last signed head of the old one, which stays as
it is. Auditors and witnesses need the new policy.
"""
NOTE = "text/plain"
MOST = policyfile.MAX_BYTES
SILENT_S = 60.0
_ORIGIN = TypeAdapter[str](Origin)


def add_to(actions: Parsers) -> None:
    """To the actions of `wardwatch log`."""
    keys = actions.add_parser(
        "key",
        help="make a key of the logs, or revoke one",
        description="Keys that sign the evidence log and the audit log.",
        epilog=KEY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).add_subparsers(dest="key_action", required=True, metavar="ACTION")
    new = action(keys, "new", "make a key in a new file", NEW)
    new.add_argument("file", metavar="FILE", help="a new file")
    new.add_argument(
        "--origin", required=True, type=_origin, metavar="NAME", help="as evidence_log has it"
    )
    new.set_defaults(func=_new)
    revoked = asks(keys, "revoke", "say that a key is not to be believed any longer", REVOKE)
    revoked.add_argument("key", metavar="VKEY", help="the verifier key, name+id+base64")
    revoked.add_argument(
        "--last-size", required=True, type=int, metavar="N", help="entries it is good for at most"
    )
    _add_reason(revoked, [one.value for one in LogKeyReason])
    revoked.set_defaults(func=lambda args: asking(_revoke, args))
    policy = asks(actions, "policy", "print whom to believe, as a policy file", POLICY)
    policy.add_argument(
        "--log", choices=("evidence", "audit"), default="evidence", help="default: evidence"
    )
    # of the epoch that grows: an ended one is believed by the policy that was given then
    policy.add_argument("--out", metavar="FILE", help="a new file (default: standard output)")
    policy.set_defaults(func=lambda args: asking(_policy, args))
    restart = asks(actions, "restart", "begin both logs anew under another origin", RESTART)
    _add_reason(restart, [one.value for one in RestartReason])
    restart.add_argument("--ref", metavar="REF", help="a ticket's or change's number")
    restart.set_defaults(func=lambda args: asking(_restart, args))


def _add_reason(parser: argparse.ArgumentParser, words: list[str]) -> None:
    parser.add_argument(
        "--reason", required=True, choices=words, metavar="WORD", help=", ".join(words)
    )


def _origin(text: str) -> str:
    try:
        return _ORIGIN.validate_python(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(error.errors()[0]["msg"].partition(", ")[2]) from None


def _new(args: argparse.Namespace) -> int:
    path = Path(args.file)
    try:
        keyfile.make(path)
    except FileExistsError:
        sys.stderr.write(f"{path} is there already; name a new file\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{path} cannot be made: {os.strerror(error.errno or 0)}\n")
        return 2
    signer = open_file(path)
    keys = {log: vkey_of(signer, f"{args.origin}/{log}").text() for log in ("evidence", "audit")}
    if args.json:
        print_json({"file": args.file, "keys": keys})
        return 0
    sys.stdout.write("".join(f"{key}\n" for key in keys.values()))
    sys.stderr.write(
        f"{path} signs both logs, each under its name: those are its verifier keys, for witnesses.\n"
        "Next:\n"
        f"1. chown {path} to the collector's user; keep a copy, apart from the backups of the database.\n"
        f"2. In the operator's file:\n"
        f"     evidence_log: {{origin: {args.origin}, keys: [file:{path.absolute()}]}}\n"
        "3. Start the collector; after checkpoint_every: wardwatch log show\n"
        "4. For auditors, once: wardwatch log policy --out evidence.policy\n"
    )
    return 0


def _revoke(to: Collector, args: argparse.Namespace) -> int:
    body = {"key": args.key, "last_size": args.last_size, "reason": args.reason}
    answer = act(to, "api/v1/logs/revoke-key", "key", body)
    if args.json:
        print_json(answer)
        return 0
    name = str(answer["key"]).partition("+")[0]
    show.write(
        f"Revoked: of {name} its signatures are good for {answer['last_size']} entries at most.\n"
        "It signs the other log under another name: revoke that, too. Then give auditors the policy:\n"
        "wardwatch log policy",
        (),
        (),
    )
    return 0


def _policy(to: Collector, args: argparse.Namespace) -> int:
    if args.json and args.out is None:
        sys.stderr.write("--json: says what was written to --out FILE\n")
        return 2
    pieces: list[bytes] = []

    def take(data: bytes) -> None:
        pieces.append(data)
        if sum(map(len, pieces)) > MOST:
            raise UnansweredError("The collector sends more than a policy has.")

    growing = [one for one in ask(to, "api/v1/logs", "logs")["logs"] if one["closed_at"] is None]
    prefix = next((one["prefix"] for one in growing if one["log"] == args.log), f"/log/{args.log}")
    with new_file(args.out) as file:
        download(to, f"{prefix[1:]}/policy", NOTE, take, {}, silent_s=SILENT_S)
        data = b"".join(pieces)
        try:
            found = policyfile.parse(data)
        except PolicyError:
            raise UnansweredError("What the collector sent is no policy.") from None
        file.write(data)
    if args.json:
        told: dict[str, Any] = {"keys": [key.text() for key in found.logs]}
        print_json({"out": args.out, "log": args.log, **told, "witnesses": len(found.witnesses)})
    return 0


def _restart(to: Collector, args: argparse.Namespace) -> int:
    body = {"reason": args.reason, "ref": args.ref}
    answer = act(to, "api/v1/logs/restart", "epoch", body)
    if args.json:
        print_json(answer)
        return 0
    old = [one for one in (answer["evidence"], answer["audit"]) if one is not None]
    show.write(
        f"Both logs begin anew as {answer['origin']}, epoch {answer['epoch']}; they go on from:",
        ("OLD LOG", "ENTRIES", "ROOT"),
        [(one["origin"], str(one["size"]), one["root"]) for one in old],
    )
    sys.stdout.write("Witnesses and auditors need the new policy: wardwatch log policy\n")
    return 0
