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
from collector.loopback import is_loopback
from collector.service import DefectError, Service, World
from collector.store.open import open_store, parse_database
from collector.store.store import StoreRefusedError, StoreUnavailableError
from probes.clock import SystemClock
from probes.config import Config
from probes.configfile import ConfigErrors, canonical, load, read_secret

DEFAULT_LISTEN = "127.0.0.1:8460"

EXAMPLES = """\
Examples:
  wardwatch collector --config wardwatch.yaml --database sqlite:///wardwatch.db
  wardwatch collector --config wardwatch.yaml --database postgresql://wardwatch@db/wardwatch
  wardwatch collector --config wardwatch.yaml --database sqlite:///wardwatch.db --migrate-only

There is no login yet: whoever reaches the port reads everything. It therefore listens on loopback
only; put an authenticating proxy in front, or say --allow-unauthenticated on a trusted network.
What people do (windows, corrections) is taken from this host only, and not with that option.
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
        "--allow-unauthenticated",
        action="store_true",
        help="allow --listen on an address others can reach, without any login",
    )
    parser.add_argument(
        "--migrate-only",
        action="store_true",
        help="bring the database's schema up to date and exit",
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        host, port = parse_listen(args.listen, allow=args.allow_unauthenticated)
        parse_database(args.database)
        config = load(args.config, channel_check=registry.check)
    except (ListenError, StoreRefusedError, ConfigErrors) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        return asyncio.run(_main(args, config, host, port))
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


async def _main(args: argparse.Namespace, config: Config, host: str, port: int) -> int:
    store = await open_store(args.database)
    try:
        if args.migrate_only:
            return 0
        world = World(SystemClock(), random.SystemRandom(), read_secret, secrets.token_hex(8))
        service = Service(store, config, canonical(config), world, file=args.config)
        await service.prepare()
        try:
            bound = await service.listen(host, port)
        except OSError:
            sys.stderr.write(f"--listen: cannot listen on {args.listen}; is the port taken?\n")
            return 2
        sys.stderr.write(f"Listening on http://{_shown(host)}:{bound}; try: wardwatch status\n")
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await service.run(stop)
        return 0
    finally:
        await store.close()


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
            f"--listen: {host} can be reached from outside and there is no login yet; "
            "listen on 127.0.0.1 behind a proxy, or add --allow-unauthenticated"
        )
    return host, int(port)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
