"""A bundle as a zip: the same members, the same bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import BinaryIO

from collector.bundle import layout, ziphead
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.layout import Place
from collector.bundle.members import BLOCK, Members
from collector.bundle.ziphead import Member


def write(out: BinaryIO, members: Members) -> None:
    """Each member is read twice; `out` is only written. BundleError for what no reader takes."""
    names = in_order(members.names)
    done: list[Member] = []
    offset = 0
    for name in names:
        one = _weighed(members, name, offset)
        out.write(ziphead.local(one))
        _copy(members, one, out)
        done.append(one)
        offset = one.ends
    directory = b"".join(map(ziphead.central, done))
    if offset + len(directory) + ziphead.END_BYTES > layout.MAX_BYTES:
        raise BundleError(BundleFault.TOO_LARGE)
    out.write(directory)
    out.write(ziphead.end(len(done), len(directory), offset))


def in_order(names: Iterable[str]) -> list[str]:
    """Names of members as they stand in a zip; BundleError for those that none has."""
    places: dict[str, Place] = {}
    for name in names:
        place = layout.place_of(name)
        if place is None:
            raise BundleError(BundleFault.MEMBER, name)
        places[name] = place
    for name in layout.ALWAYS:
        if name not in places:
            raise BundleError(BundleFault.MISSING, name)
    if len(places) > layout.MAX_MEMBERS:
        raise BundleError(BundleFault.TOO_LARGE)
    return sorted(places, key=lambda name: places[name])


def _weighed(members: Members, name: str, offset: int) -> Member:
    crc = size = 0
    with members.open(name) as file:
        while block := file.read(BLOCK):
            crc, size = zlib.crc32(block, crc), size + len(block)
    if size > layout.limit_of(name) or offset + size > layout.MAX_BYTES:
        raise BundleError(BundleFault.TOO_LARGE, name)
    return Member(name, crc, size, offset)


def _copy(members: Members, one: Member, out: BinaryIO) -> None:
    crc = size = 0
    with members.open(one.name) as file:
        while block := file.read(BLOCK):
            crc, size = zlib.crc32(block, crc), size + len(block)
            out.write(block)
    if (crc, size) != (one.crc, one.size):
        raise BundleError(BundleFault.SHAPE, one.name)  # it changed while it was read
