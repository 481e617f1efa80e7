"""What agents kept of batches that they gave up: tombstones, each bound to its header by its SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from collector.verifyscript.archive import Archive
from collector.verifyscript.chains import Header
from collector.verifyscript.columns import msgpack_in
from collector.verifyscript.failing import Failure
from collector.verifyscript.spelling import base64_in, canonical_in
from collector.verifyscript.zstandard import zstd_in

_NAME = "evidence/tombstones.jsonl"
_MAX_BODY = 16 << 20


class Remains(NamedTuple):
    """Runs of one system out of one batch that was given up. `header` is the tombstone's, with the
    batch's clock; `again`: that batch is in the log, too.
    """

    header: Header
    system: str
    data: bytes
    again: bool


def remains_of(bundle: Archive, headers: dict[int, Header]) -> list[Remains]:
    """All that was kept; Failure, also where the bundle does not show what the log has."""
    there = {(one.agent, one.epoch, one.first) for one in headers.values() if not one.is_tombstone}
    found: list[Remains] = []
    shown = -1
    missing = {place for place, one in headers.items() if one.is_tombstone and one.results}
    for where, line in bundle.lines(_NAME) if _NAME in bundle.names else ():
        try:
            said = canonical_in(line)
            body, place = base64_in(said["body"]), said["index"]
            if set(said) != {"body", "index"} or body is None or type(place) is not int:
                raise ValueError("no tombstone")
        except (ValueError, KeyError, TypeError):
            raise Failure("tombstone.malformed", where) from None
        header = headers.get(place)
        if header is None or not header.is_tombstone or place <= shown:
            raise Failure("tombstone.malformed", where)
        if hashlib.sha256(body).digest() != header.body:
            raise Failure("tombstone.body", str(place))
        shown = place
        missing.discard(place)
        try:
            found += _kept(header, body, there)
        except (ValueError, TypeError, AttributeError):
            raise Failure("tombstone.malformed", where) from None
    if missing:
        raise Failure("tombstone.missing", str(min(missing)))
    return found


def _kept(header: Header, body: bytes, there: set[tuple[str, str, int]]) -> Iterator[Remains]:
    """ValueError for what does not fit the header."""
    hashes, entries = msgpack_in(zstd_in(body, _MAX_BODY))
    if entries and hashes[-32:] != header.hash:
        raise ValueError("other batches")
    before: Any = header.first - 1
    for seq, _config, offset, error, systems in entries:
        if not before < seq <= header.last:
            raise ValueError("a batch that it does not stand for")
        before = seq
        own = header._replace(offset=offset, error=error)
        again = (header.agent, header.epoch, seq) in there
        for system, data in systems.items():
            yield Remains(own, system, data, again)
