"""`wardwatch collector` at work: what it refuses, starts and ends. Functions return exit codes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import platform
import random
import secrets
import signal
import sys
from pathlib import Path

from alerts.channels import registry
from collector import configkey, memory, versions
from collector.access.opening import MissingExtraError
from collector.api.accounts import enrolment_link
from collector.attesting import folder
from collector.businesshours import holiday_problem
from collector.commands.collector import ListenError, parse_listen
from collector.configkey import ConfigKeyError
from collector.service import DefectError, Service, World
from collector.store.open import open_store, parse_database
from collector.store.store import Store, StoreRefusedError, StoreUnavailableError
from collector.tls import ServerTls, TlsError, server_context
from probes import logs
from probes.agentconfig import public_text
from probes.clock import SystemClock
from probes.config import Config
from probes.configfile import ConfigErrors, canonical, load, read_secret

log = logging.getLogger("wardwatch.service")

EVERY = ("0.0.0.0", "::")  # noqa: S104 - what was asked for is recognised, not chosen


def run(args: argparse.Namespace) -> int:
    logs.set_up(sys.stderr)
    try:
        tls = server_context(args.tls_cert, args.tls_key)
        host, port = parse_listen(args.listen, allow=args.plain_http or tls is not None)
        parse_database(args.database)
        config, doubtful = _loaded(args.config)
        key_file = None if args.migrate_only else configkey.place(args.config_key, args.database)
    except (ListenError, TlsError, StoreRefusedError, ConfigErrors, ConfigKeyError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    memory.look_seldom()
    memory.share_heaps()
    try:
        return asyncio.run(_main(args, config, doubtful, host, port, tls, key_file))
    except (StoreRefusedError, MissingExtraError, ConfigKeyError) as error:
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


def _loaded(path: str) -> tuple[Config, ConfigErrors | None]:
    """The file's value, and what names it has that trip the wire; ConfigErrors for all else.

    It is the very value that the history will hold of it.
    """
    config, doubtful = _read(path)
    return versions.parsed(canonical(config)), doubtful


def _read(path: str) -> tuple[Config, ConfigErrors | None]:
    try:
        return load(path, channel_check=registry.check, holiday_check=holiday_problem), None
    except ConfigErrors as error:
        try:
            config = load(
                path, channel_check=registry.check, holiday_check=holiday_problem, names=False
            )
        except ConfigErrors:
            raise error from None
        return config, error


async def _admitted(store: Store, config: Config, doubtful: ConfigErrors) -> bool:
    """A new version with such names is refused; one that is in force goes on.

    A later release may know a pattern that an earlier one let pass: its messages leave in
    minimal form, which is less harm than a hospital nobody watches.
    """
    sys.stderr.write(f"{doubtful}\n")
    if not await store.read(versions.in_force, config.organization.id, canonical(config)):
        return False
    log.error("tripwire.names count=%d", len(doubtful.problems))
    sys.stderr.write("This version is in force already, so it is kept; mend the names soon.\n")
    return True


async def _main(
    args: argparse.Namespace,
    config: Config,
    doubtful: ConfigErrors | None,
    host: str,
    port: int,
    tls: ServerTls | None,
    key_file: Path | None,
) -> int:
    store = await open_store(args.database)
    try:
        if doubtful is not None and not await _admitted(store, config, doubtful):
            return 2
        if key_file is None:
            return 0
        key = configkey.load_or_make(key_file)
        world = World(SystemClock(), random.SystemRandom(), read_secret, secrets.token_hex(8))
        guard = configkey.guard_beside(key_file) if args.log_guard is None else args.log_guard
        service = Service(
            store,
            config,
            canonical(config),
            world,
            file=args.config,
            tls=tls,
            config_key=key,
            log_guard=Path(guard),
            attestations=folder.place(args.attestations, args.database),
        )
        await service.prepare()
        try:
            bound = await service.listen(host, port)
        except OSError:
            sys.stderr.write(f"--listen: cannot listen on {args.listen}; is the port taken?\n")
            return 2
        scheme = "http" if tls is None else "https"
        at = f"{scheme}://{_shown(host)}:{bound}"
        sys.stderr.write(f"Listening on {at}; try: wardwatch status --url {at}\n")
        sys.stderr.write(f"Agents' configs are signed with {public_text(key)}\n")
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


def _shown(host: str) -> str:
    """As an address has it; for all addresses of this host its name."""
    if host in EVERY:
        return platform.node()
    return f"[{host}]" if ":" in host else host
