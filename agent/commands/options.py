"""What the words of `wardwatch-agent` share: options, and how an address is read."""

from __future__ import annotations

import argparse
import os
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from yarl import URL

from agent.allowing import Address, Entry, parse_entry
from agent.disk import StateLock
from probes.addresses import is_loopback, place

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name

BAD_INPUT = 2
UNAVAILABLE = 69
"""What another process holds: unlike bad input, another start may mend it."""


def described(
    parser: argparse.ArgumentParser, description: str, epilog: str
) -> argparse.ArgumentParser:
    parser.description = description
    parser.epilog = epilog
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def add_config(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--config", required=required, metavar="FILE", help="the operator's YAML file"
    )


def add_state(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--state", required=required, metavar="DIR", help="folder of the agent's key"
    )


def locked(state: Path) -> StateLock | int:
    """The lock of a state folder; the exit code where it is not to be had, which is said."""
    try:
        return StateLock(state)
    except BlockingIOError:
        sys.stderr.write(
            f"{state}: another wardwatch-agent runs on this state; stop it, or use another folder\n"
        )
        return UNAVAILABLE
    except OSError as error:
        sys.stderr.write(f"{state}: cannot be locked: {os.strerror(error.errno or 0)}\n")
        return BAD_INPUT


def add_allow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow",
        action="append",
        metavar="NETWORK[:PORT[:SCHEME]]",
        help="all that checks may reach, repeated; left out: everything but loopback, link-local, "
        "cloud metadata and multicast, which need an entry inside their own range",
    )


def allowed(texts: Sequence[str] | None, problems: list[str]) -> list[Entry] | None:
    """The entries behind `--allow`; None where it was left out."""
    if texts is None:
        return None
    entries: list[Entry] = []
    for text in texts:
        try:
            entries.append(parse_entry(text))
        except ValueError as error:
            problems.append(f"--allow: {error}")
    return entries


def add_allow_listen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-listen",
        action="append",
        metavar="ADDRESS:PORT",
        help="where checks may listen, repeated; left out: nowhere",
    )


def allowed_listen(
    texts: Sequence[str] | None, problems: list[str]
) -> tuple[tuple[Address, int], ...]:
    """The places behind `--allow-listen`."""
    found = []
    for text in texts or ():
        try:
            found.append(place(text))
        except ValueError as error:
            problems.append(f"--allow-listen: {error}")
    return tuple(found)


def add_ca(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ca", metavar="FILE", help="the one CA to trust, in PEM (default: what the host trusts)"
    )


def trusted(ca: str | None, problems: list[str]) -> ssl.SSLContext | None:
    """Trusts the CA of `--ca` and no other; None for what the host trusts."""
    try:
        return None if ca is None else ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError, ValueError):
        problems.append(f"--ca: {ca} holds no certificate in PEM that can be read")
        return None


def warn_of_clear_text(url: URL) -> None:
    """Before a token is sent that others on the way could read."""
    if url.scheme == "http" and not is_loopback(url.host or ""):
        sys.stderr.write(
            f"Warning: {url.origin()} is not https://; who is on the way can read the token, and "
            "enrol in this agent's name. Compare the fingerprint with care.\n"
        )


def usage(
    args: argparse.Namespace,
    needed: Sequence[str] = ("config", "agent", "collector", "state"),
    optional: Sequence[str] = ("allow", "allow_listen", "listen"),
) -> list[str]:
    """Either `--host`, or what stands in its place."""
    if args.host is None:
        missing = [f"--{name}" for name in needed if getattr(args, name) is None]
        return [f"{name}: missing; or give --host FILE" for name in missing]
    other = [*needed, *optional]
    return [
        f"--{name.replace('_', '-')}: with --host it stands in the host's file"
        for name in other
        if getattr(args, name, None) is not None
    ]


def collector(text: str, problems: list[str]) -> URL | None:
    """The address behind `--collector`; what is wrong with it goes into `problems`."""
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme in ("http", "https") and url.host and not (url.query_string or url.user):
        return url
    problems.append("--collector: write an address such as https://wardwatch.example.org")
    return None


def listen(text: str | None, problems: list[str]) -> tuple[str, int] | None:
    """HOST:PORT behind `--listen`."""
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if host and port.isascii() and port.isdigit() and int(port) <= 65_535:
        return host, int(port)
    problems.append("--listen: write HOST:PORT, such as 127.0.0.1:9101")
    return None
