"""Secrets that are shown once: alone on standard output, or in a new file of one user."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from collector.newfile import made


@contextmanager
def place(out: str | None) -> Iterator[TextIO]:
    """Where the secret goes. A file is made before anything is asked: no secret is lost for want
    of a place. When nothing came of it the file goes again.
    """
    if out is None:
        yield sys.stdout
        return
    handle = made(out)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        Path(out).unlink()
        raise
