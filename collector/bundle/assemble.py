"""A whole bundle from its evidence, its predicate, what was rendered of it, and a signature."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from collector.attest import dsse, statement
from collector.attest.dsse import Envelope, Signature
from collector.attest.statement import PAYLOAD_TYPE, Subject
from collector.attest.strictjson import Value
from collector.bundle import layout, zipwrite
from collector.bundle import predicate as predicates
from collector.bundle.members import BLOCK, Both, Held, Members
from collector.bundle.readme import readme


@dataclass(frozen=True, slots=True)
class Signing:
    """`sign` makes 64 bytes of Ed25519 over what it is given; `keyid` as `dsse.sign` writes it."""

    keyid: str
    sign: Callable[[bytes], bytes]


def with_rendered(parts: Members, rendered: Mapping[str, bytes]) -> Members:
    """What the statement is about: evidence, and what was made of the predicate."""
    return Both(parts, Held(rendered))


def sign(members: Members, predicate: Mapping[str, Value], signing: Sequence[Signing]) -> bytes:
    """`statement.json`: about every member but those that it cannot name. AttestError for a
    predicate that no statement can hold.
    """
    names = sorted(
        (n for n in members.names if n not in layout.NOT_SUBJECTS),
        key=lambda name: layout.place_of(name) or _NOWHERE,
    )
    subjects = [Subject(name, _digest(members, name)) for name in names]
    payload = statement.write(predicates.statement(predicate, subjects))
    message = dsse.pae(PAYLOAD_TYPE, payload)
    signatures = tuple(Signature(one.keyid, one.sign(message)) for one in signing)
    return dsse.write(Envelope(PAYLOAD_TYPE, payload, signatures))


def write(
    out: BinaryIO,
    members: Members,
    predicate: Mapping[str, Value],
    signed: bytes,
    timestamp: bytes | None = None,
) -> None:
    """The zip, `members` with `signed` as their statement; BundleError for what no reader takes."""
    more = {layout.STATEMENT: signed}
    if timestamp is not None:
        more[layout.TIMESTAMP] = timestamp
    more[layout.README] = readme(predicate, (*members.names, *more))
    zipwrite.write(out, Both(members, Held(more)))


_NOWHERE = (0, 0, "")


def _digest(members: Members, name: str) -> str:
    digest = hashlib.sha256()
    with members.open(name) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
