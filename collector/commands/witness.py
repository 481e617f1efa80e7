"""`wardwatch witness`: cosigns the checkpoints of other organizations' logs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from collector.attest import vkey
from collector.commands.options import Parsers

DEFAULT_LISTEN = "127.0.0.1:9620"

EXAMPLES = """\
Examples:
  wardwatch witness key new witness.key --name witness.example.net
  wardwatch witness --key witness.key --state /var/lib/wardwatch-witness \\
      --log st-elsewhere.example.org/wardwatch/evidence+1234abcd+AX... \\
      --log st-elsewhere.example.org/wardwatch/audit+5678ef01+AY...
  wardwatch witness --key witness.key --state /var/lib/wardwatch-witness --logs policy.txt \\
      --listen 0.0.0.0:9620 --tls-cert cert.pem --tls-key key.pem

It remembers the last checkpoint of each log and cosigns only what continues it, so a log cannot show
two pasts. GET / tells its key and what it has cosigned last; GET /health whether it works. A log's
verifier key has the log's origin as its name: `wardwatch log show` prints it where the log is.

Keep the state folder as you keep the key: a witness that forgets may cosign a fork. It is read once:
a key or a log that is added needs a restart, which loses nothing.

Exit code: 0 stopped as told, 1 the disk failed, 2 bad usage, or a key or state that cannot be used.
"""
KEY_EXAMPLES = """\
Examples:
  wardwatch witness key new witness.key --name witness.example.net

The name is the witness's for ever; take a host name that is yours, with a path if there are several.
Give the verifier key that is printed to the logs: it stands in their `evidence_log.witnesses`.

Exit code: 0 made, 2 bad usage, or a file that is there already.
"""


def add(subparsers: Parsers) -> None:
    parser = subparsers.add_parser(
        "witness",
        help="run a witness for logs of others",
        description="Cosign checkpoints of logs, each only if it continues the one before.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--key", metavar="FILE", help="the witness's key, as `key new` made it")
    parser.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="VKEY",
        help="verifier key of a log to cosign; again for each log, and for each key of one log",
    )
    parser.add_argument(
        "--logs", metavar="FILE", help="a C2SP policy file: the keys of its `log` lines, likewise"
    )
    parser.add_argument(
        "--state", metavar="DIR", help="folder of what was cosigned last, made on first use"
    )
    parser.add_argument(
        "--listen",
        default=DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help=f"where to listen (default {DEFAULT_LISTEN}; port 0 takes a free one)",
    )
    parser.add_argument(
        "--tls-cert", metavar="FILE", help="certificate chain in PEM, read again when it changes"
    )
    parser.add_argument("--tls-key", metavar="FILE", help="its private key in PEM")
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help="listen without TLS on an address others can reach: a proxy in front has it",
    )
    parser.set_defaults(func=run)
    key = parser.add_subparsers(metavar="key").add_parser(
        "key",
        help="make the witness's key",
        description="The key that a witness signs with.",
    )
    new = key.add_subparsers(dest="action", required=True, metavar="ACTION").add_parser(
        "new",
        help="make a key in a new file",
        description="Make a key in a new file that only you can read; prints its verifier key.",
        epilog=KEY_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    new.add_argument("file", metavar="FILE", help="where the key goes")
    new.add_argument("--name", required=True, metavar="NAME", help="who signs, for all to see")
    new.add_argument("--json", action="store_true", help="print the answer as JSON")
    new.set_defaults(func=run_new)


def run(args: argparse.Namespace) -> int:
    from collector.witness import running  # noqa: PLC0415 - a server, which no other command needs

    return running.run(args)


def run_new(args: argparse.Namespace) -> int:
    from collector.witness import keyfile  # noqa: PLC0415 - as above

    if not vkey.is_name(args.name):
        sys.stderr.write("--name: no blanks, no plus and no control characters\n")
        return 2
    try:
        key = keyfile.make(Path(args.file), args.name)
    except keyfile.KeyFileError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    text = key.verifier.text()
    sys.stdout.write(f"{json.dumps({'key': text}) if args.json else text}\n")
    if not args.json:
        sys.stderr.write(
            "That is the verifier key: give it to the logs. Now: wardwatch witness --help\n"
        )
    return 0
