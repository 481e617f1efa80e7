"""`wardwatch collector`: takes in batches, evaluates, delivers, answers."""

from __future__ import annotations

import argparse

from probes.addresses import is_loopback

DEFAULT_LISTEN = "127.0.0.1:8460"

EXAMPLES = """\
Examples:
  wardwatch collector --config wardwatch.yaml --database sqlite:///wardwatch.db
  wardwatch collector --config wardwatch.yaml --database postgresql://wardwatch@db/wardwatch \
      --config-key /etc/wardwatch/config-key
  wardwatch collector --config wardwatch.yaml --database sqlite:///wardwatch.db --migrate-only

  wardwatch collector --config wardwatch.yaml --database sqlite:///wardwatch.db \\
      --listen 0.0.0.0:8460 --tls-cert cert.pem --tls-key key.pem

The first start prints a one-time link that makes the first admin; whoever else enters is given an
account by an admin, or comes by the OpenID provider of the config. Addresses others can reach are
listened on with TLS only, or with --plain-http behind a proxy that has it.
Agents' batches are always verified against the keys pinned in the config.

Exit code: 0 stopped as told, 1 a defect or no store, 2 bad usage or config (all errors listed).
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "collector",
        help="run the collector",
        description="Store agents' signed batches, evaluate them, deliver incidents, answer questions.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="the operator's YAML file")
    parser.add_argument(
        "--database",
        required=True,
        metavar="URL",
        help="sqlite:///folder/file.db (one process) or postgresql://user@host/database (any number)",
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
        "--config-key",
        metavar="FILE",
        help="key that signs what agents are served, made on first use; left out: beside the SQLite "
        "file, as NAME.config-key. On PostgreSQL it is needed, the same on every replica",
    )
    parser.add_argument(
        "--log-guard",
        metavar="FILE",
        help="what of the evidence log was signed last, by this host; left out: beside the config key, as "
        "NAME.log-signed. Never bring it back from a backup",
    )
    parser.add_argument(
        "--attestations",
        metavar="DIR",
        help="folder for the bundles of attestations, made on first use; left out: beside the SQLite "
        "file, as NAME.attestations. On PostgreSQL none are made without it, and every replica needs "
        "the same one",
    )
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help="listen without TLS on an address others can reach: a proxy in front has it",
    )
    parser.add_argument(
        "--new-admin-link",
        action="store_true",
        help="print a one-time link that makes an admin, whoever else there is",
    )
    parser.add_argument(
        "--migrate-only",
        action="store_true",
        help="bring the database's schema up to date and exit",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    from collector import running  # noqa: PLC0415 - most of the program, which no other command needs

    return running.run(args)


class ListenError(Exception):
    """The text names the option and what may be written."""


def parse_listen(text: str, *, allow: bool) -> tuple[str, int]:
    """Host and port; ListenError for others than loopback unless they are allowed."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise ListenError(f"--listen: write HOST:PORT, such as {DEFAULT_LISTEN}")
    if not (allow or is_loopback(host)):
        raise ListenError(
            f"--listen: {host} can be reached from outside, and passwords would pass in the clear; "
            "add --tls-cert and --tls-key, or --plain-http behind a proxy that has TLS"
        )
    return host, int(port)
