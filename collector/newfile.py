"""A file that is made anew for one user, and goes again when nothing came of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from collector.client import UsageError


@contextmanager
def new_file(out: str | None) -> Iterator[BinaryIO]:
    """`out`, or standard output. A file is made before anything is asked, and must be a new one;
    UsageError where it cannot be made, or takes no more.
    """
    if out is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # whoever read has gone
            raise
        except OSError:
            # what it could not take would be tried again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise UsageError("standard output cannot be written: what came is not all") from None
        return
    handle = made(out)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
    except BaseException as error:
        Path(out).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UsageError(f"--out: {out} cannot be written") from None
        raise


def made(out: str) -> int:
    """Its handle; UsageError."""
    try:
        return os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"--out: {out} is there already; name a new file") from None
    except OSError:
        raise UsageError(f"--out: {out} cannot be written") from None
