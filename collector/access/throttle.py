"""How often anybody may try: waiting after failures, and token buckets. Pure, integers only."""

from __future__ import annotations

from collections import OrderedDict

FREE = 4
"""Failures in a row that cost no waiting: people mistype."""
LONGEST_MS = 900_000


def retry_at(failures: int, now_ms: int) -> int:
    """When the next try counts after so many failures: 2 s after the fifth, doubling to 15 min."""
    if failures <= FREE:
        return now_ms
    doubled = 1_000 << min(failures - FREE, 20)
    return now_ms + min(doubled, LONGEST_MS)


def wait_ms(until: int, now_ms: int) -> int:
    """How long until a try counts, 0 if it does now.

    Nobody is ever told to wait longer than the longest: the host's clock has been set back.
    """
    left = until - now_ms
    return left if 0 < left <= LONGEST_MS else 0


class Strangers:
    """Failures under names that no account has, so that waiting does not tell which names exist.

    `key` should be a hash: people type passwords where the name belongs. The keys longest
    unheard of are forgotten beyond `most_keys`.
    """

    def __init__(self, most_keys: int) -> None:
        self._most = most_keys
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def retry_at(self, key: str) -> int:
        return self._failures.get(key, (0, 0))[1]

    def failed(self, key: str, now_ms: int) -> None:
        count = self._failures.pop(key, (0, 0))[0] + 1
        self._failures[key] = (count, retry_at(count, now_ms))
        if len(self._failures) > self._most:
            self._failures.popitem(last=False)


class Buckets:
    """Token buckets by key: `burst` at once, then `rate_per_s`.

    Beyond `most_keys` the key longest unheard of is forgotten and starts anew: who comes under
    that many names is not held back by a bucket each anyway.
    """

    def __init__(self, rate_per_s: int, burst: int, most_keys: int) -> None:
        self._rate = rate_per_s  # thousandths of a grant per ms
        self._full = burst * 1_000
        self._most = most_keys
        self._levels: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: str, now_ms: int) -> int:
        """0 and one is taken, or the ms to wait for one and nothing is."""
        level, at = self._levels.pop(key, (self._full, now_ms))
        # A clock set back grants nothing, and takes nothing.
        level = min(self._full, level + self._rate * max(now_ms - at, 0))
        granted = level >= 1_000
        self._levels[key] = (level - 1_000 if granted else level, now_ms)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return 0 if granted else -((level - 1_000) // self._rate)
