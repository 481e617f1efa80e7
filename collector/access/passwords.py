"""Passwords: argon2id in a thread of its own, one at a time, and few waiting.

A hash takes 64 MiB and a good part of a second on purpose. One thread keeps that away from the
event loop, and a bounded queue keeps a flood of logins from taking the memory of the host.
"""

from __future__ import annotations

import asyncio
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import (
    DEFAULT_MEMORY_COST,
    DEFAULT_PARALLELISM,
    DEFAULT_TIME_COST,
    PasswordHasher,
)
from argon2.exceptions import VerifyMismatchError

T = TypeVar("T")

SHORTEST, LONGEST = 15, 128
WAITING = 8
_FEWEST_DIFFERENT = 6
_LONGEST_UNIT = 10
_SHORTEST_ID = 3  # `a` is in nearly everything
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "12345678901234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
)
_COMMON = frozenset(
    {
        "administrator123",
        "administrator1234",
        "changemechangeme1",
        "correcthorsebatterystaple",
        "iloveyouverymuch",
        "mysecretpassword",
        "passwordpassword1",
        "supersecretpassword",
        "thequickbrownfox",
        "thisisapassword",
        "thisismypassword",
        "welcometohospital",
    }
)


class BusyError(Exception):
    """As many wait for a hash as may."""


class Passwords:
    """Costs as argon2-cffi has them; tests make them small."""

    def __init__(
        self,
        time_cost: int = DEFAULT_TIME_COST,
        memory_cost: int = DEFAULT_MEMORY_COST,
        parallelism: int = DEFAULT_PARALLELISM,
        waiting: int = WAITING,
    ) -> None:
        self._hasher = PasswordHasher(time_cost, memory_cost, parallelism)
        self._places = threading.BoundedSemaphore(1 + waiting)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._dummy: str | None = None

    def prime(self) -> None:
        """Make ahead what nobody's password is compared with, so that the first try takes no longer."""
        self._worker.submit(self._nobody)

    def _nobody(self) -> str:
        # only ever called in the one thread
        if self._dummy is None:
            self._dummy = self._hasher.hash("nobody's password")
        return self._dummy

    async def hash(self, password: str) -> str:
        """The encoded hash; BusyError."""
        return await self._run(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Is it the password? BusyError. Without a stored hash as much work is done, for False."""
        # Nothing that long was ever set, and normalizing megabytes would be work for free.
        known = stored is not None and len(password) <= LONGEST * 4
        typed = _bytes(password) if known else b""
        return await self._run(lambda: self._verify(stored if known else None, typed))

    def close(self) -> None:
        """Finish what runs; what waits is given up."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _verify(self, stored: str | None, typed: bytes) -> bool:
        try:
            self._hasher.verify(stored or self._nobody(), typed)
        except VerifyMismatchError:
            return False
        return stored is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            raise BusyError
        future = self._worker.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        # Who asked may go away: the place in the queue is free when the work is done all the same.
        return await asyncio.shield(asyncio.wrap_future(future))


def weakness(password: str, account: str) -> str | None:
    """Why this would be guessed, as a sentence; None when it will do."""
    if len(password) > LONGEST * 4:
        return f"a password has at most {LONGEST} characters"
    text = unicodedata.normalize("NFKC", password)
    if not SHORTEST <= len(text) <= LONGEST:
        return f"a password has {SHORTEST} to {LONGEST} characters; a few words will do"
    text = text.casefold()
    if len(set(text)) < _FEWEST_DIFFERENT or _repeats(text):
        return "a password is not the same few characters again and again"
    if len(account) >= _SHORTEST_ID and account in text:
        return "a password does not contain the account's id"
    if _tried_first("".join(filter(str.isalnum, text)), len(text)):
        return "this password is one of those that are tried first"
    return None


def _repeats(text: str) -> bool:
    """Is it a short piece over and over?"""
    units = (text[:size] for size in range(1, min(_LONGEST_UNIT, len(text) // 2) + 1))
    return any((unit * len(text))[: len(text)] == text for unit in units)


def _tried_first(bare: str, whole: int) -> bool:
    """Is what is left without blanks and signs well known, and most of it?"""
    runs = any(bare in run or bare[::-1] in run for run in _RUNS)
    return bare in _COMMON or (runs and 2 * len(bare) > whole)


def _bytes(password: str) -> bytes:
    """One spelling for what looks the same, whatever keyboard it came from."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
