"""Full validation of a CapabilityStatement: rare, off the event loop, a number and no verdict.

`fhir.resources` is 130 times dearer than reading the elements a verdict needs, and an extra.
"""

from __future__ import annotations

import asyncio
import importlib

_PACKAGES = {"3": "fhir.resources.STU3", "4": "fhir.resources.R4B", "5": "fhir.resources"}
"""By the release's first number. R4B is the library's nearest to R4, and has no other of these."""


class Validation:
    """Counts the errors of the latest statement it was given, in a thread, one at a time.

    `errors` is None while not counted, for releases the library does not know, and without the extra.
    """

    def __init__(self) -> None:
        self._digest: bytes | None = None
        self._waiting: tuple[bytes, str] | None = None
        self._running: tuple[bytes, asyncio.Task[int | None]] | None = None
        self.errors: int | None = None

    def offer(self, digest: bytes, fhir_version: str, body: bytes) -> bool | None:
        """Take note of a statement; whether it differs from the one before, None for the first."""
        if digest == self._digest:
            return False
        first = self._digest is None
        known = fhir_version.partition(".")[0] in _PACKAGES
        self._waiting = (body, fhir_version) if known else None
        self._digest, self.errors = digest, None
        return None if first else True

    @property
    def pending(self) -> bool:
        return self._waiting is not None or self._running is not None

    async def wait(self, timeout_s: float) -> None:
        """Count, for at most so long; what is not done then is asked for by a later call."""
        if self._running is None and self._waiting is not None and self._digest is not None:
            work = asyncio.to_thread(validation_errors, *self._waiting)
            self._running, self._waiting = (self._digest, asyncio.create_task(work)), None
        if self._running is not None:
            digest, task = self._running
            await asyncio.wait({task}, timeout=timeout_s)
            if task.done():
                self._running = None
                self.errors = task.result() if digest == self._digest else None

    async def close(self) -> None:
        """A thread cannot be stopped: wait for it."""
        if self._running is not None:
            await asyncio.wait({self._running[1]})


def validation_errors(body: bytes, fhir_version: str) -> int | None:
    """How many errors the library finds, None without it. Not for the event loop.

    Each release is judged by its own classes: those of another one accept or refuse a statement for
    reasons that are none. An error that is none of the library's own (KeyError and TypeError are
    known) counts as one.
    """
    package = _PACKAGES[fhir_version.partition(".")[0]]
    try:
        # 0.2 s and 20 MB
        statement = importlib.import_module(f"{package}.capabilitystatement").CapabilityStatement
        from pydantic import ValidationError  # noqa: PLC0415 - beside its only use
    except ImportError:
        return None
    try:
        statement.model_validate_json(body)
    except ValidationError as error:
        return error.error_count()
    except Exception:  # noqa: BLE001 - whatever it is, its text quotes the body
        return 1
    return 0
