"""Secrets we hand out: 256 random bits behind a prefix that says what they open.

They are kept as SHA-256 only and found by it; so much chance needs no slow hash. The prefix lets
a scanner of repositories and logs know a leaked one.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

RandomBytes = Callable[[int], bytes]
"""So many unpredictable bytes; in production `secrets.token_bytes`."""

TOKEN = "wwt_"  # noqa: S105 - a prefix
SESSION = "wws_"
INVITATION = "wwi_"
_BYTES = 32
_BODY = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME_BYTES = 8
_NAME = re.compile(r"[0-9a-f]{16}")


def mint(prefix: str, random_bytes: RandomBytes) -> str:
    return prefix + base64.urlsafe_b64encode(random_bytes(_BYTES)).rstrip(b"=").decode()


def name(random_bytes: RandomBytes) -> str:
    """An id of a token or a session, to speak of it without the secret."""
    return random_bytes(_NAME_BYTES).hex()


def is_name(text: str) -> bool:
    """Could `name` have made this?"""
    return _NAME.fullmatch(text) is not None


def hashed(secret: str) -> str:
    """SHA-256, hex. Any text has one, that no UTF-8 can spell too."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def well_formed(prefix: str, text: str) -> bool:
    """Could `mint` have made this? Anything else is not worth a look into the store."""
    return text.startswith(prefix) and _BODY.fullmatch(text, len(prefix)) is not None
