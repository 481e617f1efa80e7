"""Secrets that are shown once: alone on standard output, or in a new file of one user."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from collector.client import UsageError


@contextmanager
def place(out: str | None) -> Iterator[TextIO]:
    """Where the secret goes. A file is made before anything is asked: no secret is lost for want
    of a place. When nothing came of it the file goes again.
    """
    if out is None:
        yield sys.stdout
        return
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"--out: {out} is there already; name a new file") from None
    except OSError:
        raise UsageError(f"--out: {out} cannot be written") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        Path(out).unlink()
        raise
