"""What agents signed: each batch names the one before it, and somebody's key stands behind it.

A batch that the next one names by its hash is vouched for by that one's signature. So the signature
is verified of the last batch of each agent, epoch and UTC day, and of every one that no next one
names; each such check takes a millisecond or so.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

from collector.verifyscript.failing import Failure
from collector.verifyscript.spans import DAY_MS
from collector.verifyscript.spelling import hex_in, json_in

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_COUNTS = ("clock_error_ms", "wall_ms", "body_length")
_BATCH = ("seq", "first_at", "last_at", "results", "systems")
_TOMBSTONE = ("first_seq", "last_seq", "batches")
NO_PREVIOUS = bytes(32)
"""What the first of an epoch names as the one before it."""


class Header(NamedTuple):
    """A batch's or tombstone's, `place` its index in the log. A batch stands for `first` to `last`, which are one number; `hash` is
    what the next one names. `start` and `end` are its first
    and last result by true time. `root` is over the segments of so many `systems`.
    """

    place: int
    received: int
    agent: str
    epoch: str
    first: int
    last: int
    prev: bytes
    hash: bytes
    start: int
    end: int
    offset: int
    error: int
    day: int
    results: int
    given_up: int
    systems: int
    root: bytes
    body: bytes
    beacon: bytes | None
    is_tombstone: bool


def header_in(org: str, index: int, received: int, data: bytes, *, tombstone: bool) -> Header:
    """Failure `chain.header` or `chain.other_org`."""
    try:
        found = _fields(data, tombstone=tombstone)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failure("chain.header", str(index)) from None
    if found["org"] != org:
        raise Failure("chain.other_org", str(index))
    return Header(
        index,
        received,
        found["agent"],
        found["epoch"],
        found["first_seq" if tombstone else "seq"],
        found["last_seq" if tombstone else "seq"],
        bytes.fromhex(found["prev"]),
        bytes.fromhex(found["last"]) if tombstone else hashlib.sha256(data).digest(),
        found["first_t"] if tombstone else found["first_at"] + found["clock_offset_ms"],
        found["last_t"] if tombstone else found["last_at"] + found["clock_offset_ms"],
        found["clock_offset_ms"],
        found["clock_error_ms"],
        found["wall_ms"] // DAY_MS,
        sum(found["kept"].values()) if tombstone else found["results"],
        sum(found["given_up"].values()) if tombstone else 0,
        0 if tombstone else found["systems"],
        b"" if tombstone else bytes.fromhex(found["segments_root"]),
        bytes.fromhex(found["body_sha256"]),
        None if tombstone or found["beacon"] is None else bytes.fromhex(found["beacon"]),
        tombstone,
    )


def _fields(data: bytes, *, tombstone: bool) -> dict[str, Any]:
    found: dict[str, Any] = json_in(data, signed=True)
    if len(data) > 4096 or found["version"] != 1:
        raise ValueError("another version, or too long")
    for name in (*_COUNTS, *(_TOMBSTONE if tombstone else _BATCH)):
        _count(found[name], name)
    for name in ("clock_offset_ms", *(("first_t", "last_t") if tombstone else ())):
        if type(found[name]) is not int or abs(found[name]) >= 1 << 54:
            raise ValueError(name)
    _check_words(found, tombstone=tombstone)
    for name in ("kept", "given_up") if tombstone else ():
        for count in found[name].values():
            _count(count, name)
    if found["first_seq" if tombstone else "seq"] < 1:
        raise ValueError("seq")
    if tombstone and found["batches"] != found["last_seq"] - found["first_seq"] + 1:
        raise ValueError("batches")
    return found


def _check_words(found: dict[str, Any], *, tombstone: bool) -> None:
    for name in ("org", "agent", "epoch"):
        if _ID.fullmatch(found[name]) is None:
            raise ValueError(name)
    for name in ("prev", "body_sha256", "last" if tombstone else "segments_root"):
        if hex_in(found[name], 32) is None:
            raise ValueError(name)
    if not tombstone and found["beacon"] is not None and hex_in(found["beacon"], 32) is None:
        raise ValueError("beacon")


def _count(value: Any, name: str) -> None:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError(name)


class Linked(NamedTuple):
    """`holes`: numbers of a chain that the log has not. `broken`: links that do not hold, and a row of
    the log says so. `ask`: indexes of headers whose signatures stand for all the others.
    """

    chains: int
    holes: int
    broken: int
    ask: list[int]


def linked(headers: dict[int, Header], told: set[tuple[str, str]]) -> Linked:
    """`told`: chains of which a row says that a link does not hold; Failure for any other such."""
    chains: dict[tuple[str, str], list[Header]] = {}
    for header in headers.values():
        chains.setdefault((header.agent, header.epoch), []).append(header)
    holes = broken = 0
    ask: list[int] = []
    for name, chain in chains.items():
        chain.sort(key=lambda one: (one.first, one.is_tombstone))
        wrong = _broken(chain)
        if wrong and name not in told:
            raise Failure("chain.broken", str(wrong[0]))
        broken += len(wrong)
        holes += _holes(chain)
        ask += _unvouched(chain)
    return Linked(len(chains), holes, broken, sorted(ask))


def _broken(chain: list[Header]) -> list[int]:
    """Indexes of those that do not name the one before them, where that is there."""
    found: list[int] = []
    ends: dict[int, list[bytes]] = {}
    for one in chain:
        ends.setdefault(one.last, []).append(one.hash)
    seen: set[int] = set()
    for one in chain:
        if not one.is_tombstone:
            if one.first in seen:
                raise Failure("chain.double", str(one.place))
            seen.add(one.first)
        known = [NO_PREVIOUS] if one.first == 1 else ends.get(one.first - 1, [])
        if known and one.prev not in known:
            found.append(one.place)
    return found


def _holes(chain: list[Header]) -> int:
    missing, upto = 0, None
    for one in chain:
        if upto is not None and one.first > upto + 1:
            missing += one.first - upto - 1
        upto = one.last if upto is None else max(upto, one.last)
    return missing


def _unvouched(chain: list[Header]) -> list[int]:
    """Tombstones, the last batch of each day, and batches that no next one names."""
    following = {one.first: one for one in chain if not one.is_tombstone}
    found: list[int] = []
    for one in chain:
        after = following.get(one.first + 1)
        vouched = after is not None and after.prev == one.hash and after.day == one.day
        if one.is_tombstone or not vouched:
            found.append(one.place)
    return found
