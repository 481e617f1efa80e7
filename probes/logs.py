"""Log lines: one line an event, time in UTC, and no way to forge another line.

Messages are words of ours with codes, ids and integers. Whatever reaches a line all the same has
its control characters written out, and an exception gives its type and places, never its text.
A line that looks like a patient's all the same is replaced by the alarm.
"""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

from probes.tripwire import tripped

QUIET = {"alembic": logging.WARNING, "aiohttp": logging.CRITICAL, "asyncio": logging.CRITICAL}
"""The last two log requests and exceptions with their texts, which may hold anything."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class OneLine(logging.Formatter):
    """`2026-01-01T00:00:00.123Z WARNING wardwatch.access access.refused code=...`"""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = record.getMessage()
        if record.exc_info:
            text += f" raised={self.formatException(record.exc_info)}"
        level = record.levelname
        if patterns := tripped(text):
            level = "ERROR"
            text = f"tripwire.hit boundary=log pattern={','.join(patterns)}"
        return printable(f"{at.removesuffix('+00:00')}Z {level} {record.name} {text}")

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's own name
        """`KeyError at evaluate.py:12`."""
        kind, _, trace = ei
        frames = traceback.extract_tb(trace)
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
        return f"{'nothing' if kind is None else kind.__name__} at {where}"


def printable(text: str) -> str:
    """Control characters, line ends of any alphabet and lone surrogates as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def set_up(stream: TextIO, level: int = logging.INFO) -> None:
    """For a process; whoever runs it sends the stream on to where logs are kept."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine())
    logging.basicConfig(handlers=[handler], level=level)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)
