"""`wardwatch witness` at work: what it refuses, starts and ends. Functions return exit codes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from collector.attest import policyfile, vkey
from collector.attest.faults import AttestError
from collector.attest.policyfile import PolicyError
from collector.attest.vkey import SignatureType, VerifierKey
from collector.commands.collector import ListenError, parse_listen
from collector.tls import ServerTls, TlsError, server_context
from collector.witness import keyfile
from collector.witness.answers import Answers
from collector.witness.disk import Folder, InUseError
from collector.witness.judging import Logs
from collector.witness.kept import Kept, StateError
from collector.witness.keyfile import KeyFileError, WitnessKey
from collector.witness.witnessing import Witnessing
from probes import logs
from probes.addresses import is_loopback
from probes.clock import Clock, SystemClock

log = logging.getLogger("wardwatch.witness")
silent = logging.getLogger("wardwatch.http")
silent.disabled = True  # aiohttp logs broken requests with their text, which may hold anything

MOST_KEYS = 32
"""Of one log."""
RENEW_MS = 60_000
STOP_S = 5.0


class UsageError(Exception):
    """The text has a line for each problem."""


def run(args: argparse.Namespace) -> int:
    logs.set_up(sys.stderr)
    try:
        _all_there(args)
        tls = server_context(args.tls_cert, args.tls_key)
        host, port = _listen(args.listen, allow=args.plain_http or tls is not None)
        known = logs_of(args.log, args.logs)
        key = keyfile.load(Path(args.key))
        folder = Folder(Path(args.state))
    except (UsageError, ListenError, TlsError, KeyFileError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except InUseError:
        sys.stderr.write(f"--state: another witness runs on {args.state}; two would be a fork\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"--state: {args.state}: {os.strerror(error.errno or 0)}\n")
        return 2
    clock = SystemClock()
    try:
        witnessing = Witnessing(key, known, Kept(folder, key.verifier), clock)
    except (StateError, OSError) as error:
        said = error if isinstance(error, StateError) else os.strerror(error.errno or 0)
        sys.stderr.write(f"--state: {args.state}: {said}\n")
        return 2
    return asyncio.run(serve(witnessing, host, port, tls, clock))


async def serve(
    witnessing: Witnessing, host: str, port: int, tls: ServerTls | None, clock: Clock
) -> int:
    """Until SIGTERM or SIGINT, or until the disk fails."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        Answers(witnessing).app(),
        access_log=None,
        logger=silent,
        auto_decompress=False,  # strangers unpack nothing
        shutdown_timeout=STOP_S,
        handle_signals=False,
    )
    await runner.setup()
    tasks = [asyncio.create_task(one) for one in (stop.wait(), witnessing.lost.wait())]
    renewing = asyncio.create_task(_renew(tls, clock))
    try:
        context = None if tls is None else tls.context
        try:
            await web.TCPSite(runner, host, port, ssl_context=context).start()
        except OSError:
            sys.stderr.write(f"--listen: cannot listen on {host}:{port}; is the port taken?\n")
            return 2
        _say(witnessing.key, host, runner.addresses[0][1], tls)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await runner.cleanup()
        for task in (*tasks, renewing):
            task.cancel()
        await asyncio.gather(*tasks, renewing, return_exceptions=True)
    if witnessing.lost.is_set():
        log.critical("witness.disk_lost")
        return 1
    return 0


def logs_of(texts: list[str], file: str | None) -> Logs:
    """By origin; UsageError with every problem."""
    problems: list[str] = []
    keys: list[VerifierKey] = []
    for number, text in enumerate(texts, 1):
        try:
            keys.append(vkey.parse(text))
        except AttestError:
            problems.append(f"--log {number}: not a verifier key: name+hexadecimal id+base64")
    if file is not None:
        try:
            with Path(file).open("rb") as opened:
                keys += policyfile.parse(opened.read(policyfile.MAX_BYTES + 1)).logs
        except OSError as error:
            problems.append(f"--logs: {file}: {os.strerror(error.errno or 0)}")
        except PolicyError as error:
            problems += [f"--logs: {file}: line {one.line}: {one.code}" for one in error.problems]
    found: dict[str, list[VerifierKey]] = {}
    for key in dict.fromkeys(keys):
        found.setdefault(key.name, []).append(key)
        if key.type is not SignatureType.ED25519:
            problems.append(f"{key.name}: the key of a witness, not of a log")
    problems += [
        f"{name}: two keys with one id"
        for name, its in found.items()
        if len({key.id for key in its}) != len(its)
    ]
    problems += [
        f"{n}: more than {MOST_KEYS} keys" for n, its in found.items() if len(its) > MOST_KEYS
    ]
    if not keys and not problems:
        problems.append("--log, --logs: name a log; its key is shown by `wardwatch log show` there")
    if problems:
        raise UsageError("\n".join(problems))
    return found


def _all_there(args: argparse.Namespace) -> None:
    missing = [name for name in ("key", "state") if getattr(args, name) is None]
    if missing:
        raise UsageError("\n".join(f"--{name}: needed; see --help" for name in missing))


def _listen(text: str, *, allow: bool) -> tuple[str, int]:
    host, port = parse_listen(text, allow=True)
    if not (allow or is_loopback(host)):
        raise ListenError(
            f"--listen: {host} can be reached from outside, and logs ask a witness by TLS alone; add "
            "--tls-cert and --tls-key, or --plain-http behind a proxy that has TLS"
        )
    return host, port


def _say(key: WitnessKey, host: str, port: int, tls: ServerTls | None) -> None:
    shown = f"[{host}]" if ":" in host else host
    scheme = "http" if tls is None else "https"
    sys.stderr.write(f"Listening on {scheme}://{shown}:{port}\n")
    sys.stderr.write(f"Cosigns as {key.verifier.text()}\n")
    log.info("witness.listening port=%d", port)


async def _renew(tls: ServerTls | None, clock: Clock) -> None:
    while tls is not None:
        await clock.sleep_ms(RENEW_MS)
        # In the loop: a handshake between certificate and key would be refused.
        if tls.renew():
            log.info("witness.certificate_renewed")
