"""`wardwatch collector`: takes in batches, evaluates, delivers, answers."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import secrets
import signal
import sys

from alerts.channels import registry
from collector.api.accounts import enrolment_link
from collector.loopback import is_loopback
from collector.service import DefectError, Service, World
from collector.store.open import open_store, parse_database
from collector.store.store import StoreRefusedError, StoreUnavailableError
from collector.tls import ServerTls, TlsError, server_context
from probes import logs
from probes.clock import SystemClock
from probes.config import Config
from probes.configfile import ConfigErrors, canonical, load, read_secret

DEFAULT_LISTEN = "127.0.0.1:8460"

EXAMPLES = """\
Examples:
  wardwatch collector --config wardwatch.yaml --database sqlite:///wardwatch.db
  wardwatch collector --config wardwatch.yaml --database postgresql://wardwatch@db/wardwatch
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
    logs.set_up(sys.stderr)
    try:
        tls = server_context(args.tls_cert, args.tls_key)
        host, port = parse_listen(args.listen, allow=args.plain_http or tls is not None)
        parse_database(args.database)
        config = load(args.config, channel_check=registry.check)
    except (ListenError, TlsError, StoreRefusedError, ConfigErrors) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        return asyncio.run(_main(args, config, host, port, tls))
    except StoreRefusedError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StoreUnavailableError as error:
        # the address may hold a password
        shown = parse_database(args.database).render_as_string(hide_password=True)
        sys.stderr.write(f"The database cannot be used ({error.fault.value}): {shown}\n")
        return 1
    except DefectError as error:
        logging.getLogger("wardwatch.service").critical("service.defect %s", error)
        return 1


async def _main(
    args: argparse.Namespace, config: Config, host: str, port: int, tls: ServerTls | None
) -> int:
    store = await open_store(args.database)
    try:
        if args.migrate_only:
            return 0
        world = World(SystemClock(), random.SystemRandom(), read_secret, secrets.token_hex(8))
        service = Service(store, config, canonical(config), world, file=args.config, tls=tls)
        await service.prepare()
        try:
            bound = await service.listen(host, port)
        except OSError:
            sys.stderr.write(f"--listen: cannot listen on {args.listen}; is the port taken?\n")
            return 2
        scheme = "http" if tls is None else "https"
        sys.stderr.write(f"Listening on {scheme}://{_shown(host)}:{bound}; try: wardwatch status\n")
        await _print_link(service, f"{scheme}://{_shown(host)}:{bound}", new=args.new_admin_link)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await service.run(stop)
        return 0
    finally:
        await store.close()


async def _print_link(service: Service, listening: str, *, new: bool) -> None:
    """On standard error, never in the log: a log is read by many and kept for long."""
    access = service.parts.access
    code = await access.new_admin_link() if new else await access.first_link()
    if code is not None:
        public = service.parts.door.public
        link = enrolment_link(str(public.origin()) if public is not None else listening, code)
        sys.stderr.write(f"Within 24 hours, once, this makes an admin: {link}\n")
        sys.stderr.write("Open it in a browser, or: wardwatch enrol\n")


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


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
