"""Which token a command sends: the one named, the environment's, or that of `wardwatch login`.

The file of logins belongs to one user of this host; who else may read it makes it refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from yarl import URL

from probes.configfile import read_given

VARIABLE = "WARDWATCH_TOKEN"


class CredentialError(Exception):
    """The text names the option, variable or file, never the token."""


def token_for(url: URL, named: str | None, environ: Mapping[str, str]) -> str | None:
    """`named` is `file:/path` or `env:NAME`; None where nobody has logged in."""
    if named is not None:
        try:
            return _a_token("--token", read_given(named).decode("ascii"))
        except (OSError, KeyError, UnicodeDecodeError):
            raise CredentialError(
                "--token: write file:/path or env:NAME, of a token that is there"
            ) from None
    if environ.get(VARIABLE):
        return _a_token(VARIABLE, environ[VARIABLE])
    return kept(url, environ)


def kept(url: URL, environ: Mapping[str, str]) -> str | None:
    """The token of `wardwatch login` at this collector."""
    return logins(path(environ)).get(str(url.origin()))


def _a_token(where: str, text: str) -> str:
    """What fits into a header, whatever else it may be."""
    found = text.strip()
    if not (found.isascii() and found.isprintable() and found and " " not in found):
        raise CredentialError(f"{where}: this is no token, but several words, lines or nothing")
    return found


def path(environ: Mapping[str, str]) -> Path:
    """Where logins are kept: below XDG_STATE_HOME, else ~/.local/state."""
    home = Path(environ.get("HOME", "/nonexistent"))
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return state / "wardwatch" / "logins.json"


def logins(file: Path) -> dict[str, str]:
    """Tokens by the collector's origin; none where there is no file."""
    try:
        if file.stat().st_mode & 0o077:
            raise CredentialError(f"{file}: others can read it; chmod 600, or log in again")
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise CredentialError(f"{file}: cannot be read; remove it and log in again") from None
    if not isinstance(found, dict):
        raise CredentialError(f"{file}: cannot be read; remove it and log in again")
    return {str(origin): str(token) for origin, token in found.items()}


def keep(file: Path, url: URL, token: str | None) -> None:
    """Remember the token of a collector, or forget it; nobody else can ever read the file."""
    try:
        known = logins(file)
    except CredentialError:
        if token is None:
            raise
        known = {}  # what others could read, or nobody can, is worth nothing
    known.pop(str(url.origin()), None)
    if token is not None:
        known[str(url.origin())] = token
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(f".{file.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as written:
        json.dump(known, written, indent=2, sort_keys=True)
    beside.replace(file)
