"""What commands ask people for: on a terminal, or where a reference leads, never in an argument.

Arguments are in the list of processes and in the shell's history. Questions go to standard error,
so that a redirected standard output holds the answer alone.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

from yarl import URL

from collector.client import UsageError
from probes.addresses import is_loopback
from probes.configfile import read_given

TRIES = 3
"""How often somebody at a terminal may mistype."""


def at_terminal() -> bool:
    return sys.stdin.isatty()


def referred(ref: str, option: str) -> str:
    """What `file:/path` or `env:NAME` holds, without the line's end; UsageError."""
    try:
        found = read_given(ref).decode()
    except (OSError, KeyError, UnicodeDecodeError):
        found = ""
    if not found.strip():
        raise UsageError(f"{option}: write file:/path or env:NAME, of a text that is there")
    return found.rstrip("\r\n")


def hidden(question: str, ref: str | None, option: str) -> str:
    """A secret: what is typed is not shown."""
    if ref is not None:
        return referred(ref, option)
    _somebody(option, "file:/path or env:NAME")
    return _typed(lambda: getpass.getpass(f"{question}: "), option)


def shown(question: str, given: str | None, option: str, instead: str) -> str:
    """What may be seen; `given` is the answer already. `instead`: what to write without a terminal."""
    if given is not None:
        return given
    _somebody(option, instead)
    sys.stderr.write(f"{question}: ")
    sys.stderr.flush()
    return _typed(sys.stdin.readline, option).strip()


def code(ref: str | None) -> str:
    """What the authenticator shows now."""
    given = None if ref is None else referred(ref, "--totp")
    return shown("Code of the authenticator", given, "--totp", "file:/path or env:NAME")


def twice(ref: str | None, option: str) -> str:
    """A new password, typed twice."""
    if ref is not None:
        return referred(ref, option)
    for _ in range(TRIES):
        first = hidden("New password", None, option)
        if first == hidden("The same again", None, option):
            return first
        sys.stderr.write("These are two different ones.\n")
    raise UsageError("Nothing was sent.")


def _somebody(option: str, instead: str) -> None:
    if not at_terminal():
        raise UsageError(f"{option}: write {instead}; without a terminal nobody can be asked")


def _typed(read: Callable[[], str], option: str) -> str:
    try:
        found = read()
    except (EOFError, KeyboardInterrupt):
        found = ""
    if not found.strip():
        raise UsageError(f"{option}: nothing was typed, and nothing was sent")
    return found


def warn_of_clear_text(url: URL) -> None:
    """Before a password is asked for that others on the way could read."""
    if url.scheme == "http" and not is_loopback(url.host or ""):
        sys.stderr.write(
            f"Warning: {url.origin()} is not https://; who is on the way can read the password.\n"
        )
