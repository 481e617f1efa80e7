"""As whom an agent has enrolled: a file beside its key."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from agent.identity import IdentityError, sync_folder
from agent.owning import hand_over

FILE = "enrolled.json"


class Enrolled(msgspec.Struct, frozen=True):
    """`config_key`: fingerprint of the key that signs what the collector serves, as the token told
    it; None where the token had none.
    """

    organization: str
    agent: str
    config_key: str | None = None


def is_enrolled(state: Path) -> bool:
    return (state / FILE).exists()


def load(state: Path) -> Enrolled | None:
    """None where nobody has enrolled; IdentityError for a file that is none of ours."""
    path = state / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Enrolled)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"{path}: {os.strerror(error.errno or 0)}") from None
    except (msgspec.MsgspecError, ValueError):
        raise IdentityError(f"{path}: cannot be read; remove it, and enrol again") from None


def keep(state: Path, enrolled: Enrolled) -> None:
    """Whole or not at all; IdentityError."""
    path = state / FILE
    aside = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        hand_over(handle, state)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(enrolled))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(state)
    except OSError as error:
        raise IdentityError(f"{path}: {os.strerror(error.errno or 0)}") from None
