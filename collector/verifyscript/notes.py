"""Who has signed a checkpoint: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy.

A policy says which key the log has, which witnesses there are, and how many of them must have seen
a checkpoint. Signatures of keys that it does not name are passed over; a wrong one of a key that it
names spoils the whole.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from collector.verifyscript.ed25519 import ed25519_signed
from collector.verifyscript.failing import Failure
from collector.verifyscript.spelling import base64_in, hash_in, number_in
from collector.verifyscript.tree import EMPTY_ROOT, root_by_path

LOG_KEY, WITNESS_KEY = 1, 4
_DASH = "\u2014 "
_NO_NAME = re.compile(
    "[\x00-\x20+\x7f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]"
)
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_COUNT = re.compile(rb"[1-9][0-9]{0,5}")
_NO_POLICY = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


class VerifierKey(NamedTuple):
    """`kind`: of a log or of a witness. `public`: 32 bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """4 bytes that lead to the key; that it signed, only the signature shows."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:4]


class Note(NamedTuple):
    """`signatures`: (name, id, what stands behind it)."""

    text: str
    signatures: list[tuple[str, bytes, bytes]]


class Checkpoint(NamedTuple):
    origin: str
    size: int
    root: bytes


class Policy(NamedTuple):
    """`groups`: (name, how many, members), in order. `quorum` None: no witness is asked for."""

    logs: list[VerifierKey]
    witnesses: dict[bytes, VerifierKey]
    groups: list[tuple[bytes, int, list[bytes]]]
    quorum: bytes | None


class Accepted(NamedTuple):
    """`times`: seconds since 1970 by witness, the earliest of each."""

    checkpoint: Checkpoint
    log: VerifierKey
    times: dict[bytes, int]


def _is_name(text: str) -> bool:
    return bool(text) and _NO_NAME.search(text) is None


def vkey_in(text: str) -> VerifierKey | None:
    """`name+hexadecimal id+base64(kind, key)`, or None."""
    name, _, rest = text.partition("+")
    identity, _, encoded = rest.partition("+")
    data = base64_in(encoded)
    if not _is_name(name) or data is None or len(data) != 33:
        return None
    key = VerifierKey(name, data[0], data[1:])
    return key if key.kind in (LOG_KEY, WITNESS_KEY) and key.id.hex() == identity else None


def note_in(data: bytes) -> Note | None:
    """A text, a blank line, and a line for each signature; None for anything else."""
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        return None
    text, blank, block = whole.rpartition("\n\n")
    lines = block[:-1].split("\n")
    if len(data) > 1 << 20 or _CONTROL.search(whole) or not blank or block[-1:] != "\n":
        return None
    signatures = []
    for line in lines:
        name, _, encoded = line[len(_DASH) :].partition(" ")
        signed = base64_in(encoded)
        if line[: len(_DASH)] != _DASH or not _is_name(name) or signed is None or len(signed) < 5:
            return None
        signatures.append((name, signed[:4], signed[4:]))
    return Note(text + "\n", signatures) if len(lines) <= 100 else None


def checkpoint_in(text: str) -> Checkpoint | None:
    """Origin, size, root, and lines of others, which are passed over."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines) or _CONTROL.search(text):
        return None
    size, root = number_in(lines[1]), hash_in(lines[2])
    if size is None or root is None or (size == 0 and root != EMPTY_ROOT):
        return None
    return Checkpoint(lines[0], size, root)


class _Reading:
    """A policy file, line by line; ValueError for a line that is none."""

    def __init__(self) -> None:
        self.policy = Policy([], {}, [], None)
        self.names: set[bytes] = set()
        self.keys: set[tuple[int, bytes]] = set()
        self.members: set[bytes] = set()
        self.quorums: list[bytes] = []

    def line(self, items: list[bytes]) -> None:
        word, rest = items[0], items[1:]
        if word == b"log" and len(rest) in (1, 2):
            self.policy.logs.append(self.key(rest[0], LOG_KEY))
        elif word == b"witness" and len(rest) in (2, 3):
            self.policy.witnesses[self.name(rest[0])] = self.key(rest[1], WITNESS_KEY)
        elif word == b"group" and len(rest) >= 3:
            self.group(rest[0], rest[1], rest[2:])
        elif word == b"quorum" and len(rest) == 1 and rest[0] in (b"none", *self.names):
            self.quorums.append(rest[0])
        else:
            raise ValueError("line")

    def key(self, text: bytes, kind: int) -> VerifierKey:
        found = vkey_in(text.decode())
        if found is None or found.kind != kind or (kind, found.public) in self.keys:
            raise ValueError("key")
        self.keys.add((kind, found.public))
        return found

    def name(self, text: bytes) -> bytes:
        if text == b"none" or text in self.names:
            raise ValueError("name")
        self.names.add(text)
        return text

    def group(self, name: bytes, count: bytes, inside: list[bytes]) -> None:
        count = {b"all": b"%d" % len(inside), b"any": b"1"}.get(count, count)
        threshold = int(count) if _COUNT.fullmatch(count) else 0
        fresh = len(set(inside)) == len(inside) and self.members.isdisjoint(inside)
        if not (1 <= threshold <= len(inside) and fresh and self.names.issuperset(inside)):
            raise ValueError("group")
        self.members.update(inside)
        self.policy.groups.append((self.name(name), threshold, inside))


def policy_in(data: bytes) -> Policy:
    """Failure `policy.malformed` with the line."""
    reading = _Reading()
    lines = data.split(b"\n")
    if len(data) > 1 << 18 or lines.pop():
        raise Failure("policy.malformed", "the last line does not end, or it is too large")
    for number, line in enumerate(lines, 1):
        items = [item for item in re.split(rb"[ \t]+", line) if item]
        if _NO_POLICY.search(line):
            raise Failure("policy.malformed", f"line {number}")
        if not items or items[0].startswith(b"#"):
            continue
        try:
            reading.line(items)
        except ValueError:
            raise Failure("policy.malformed", f"line {number}") from None
    if len(reading.quorums) != 1:
        raise Failure("policy.malformed", "there must be one line of quorum")
    quorum = reading.quorums[0]
    return reading.policy._replace(quorum=None if quorum == b"none" else quorum)


def _is_reached(policy: Policy, cosigned: set[bytes]) -> bool:
    names = set(cosigned)
    for name, count, members in policy.groups:
        if sum(member in names for member in members) >= count:
            names.add(name)
    return policy.quorum is None or policy.quorum in names


def quorum_time(policy: Policy, accepted: Accepted) -> int | None:
    """Milliseconds: the cosignature that completes the quorum, by time; None where none is asked."""
    if policy.quorum is None:
        return None
    for time in sorted(set(accepted.times.values())):
        if _is_reached(policy, {name for name, t in accepted.times.items() if t <= time}):
            return 1000 * time
    return None


def accepted_by(policy: Policy, note: Note, where: str, *, quorum: bool = True) -> Accepted:
    """The checkpoint in a note that the log has signed and, unless told otherwise, a quorum of
    witnesses has cosigned; Failure.
    """
    head = checkpoint_in(note.text)
    if head is None:
        raise Failure("checkpoint.malformed", where)
    keys = {(key.name, key.id): key for key in (*policy.logs, *policy.witnesses.values())}
    names = {key: name for name, key in policy.witnesses.items()}
    log: VerifierKey | None = None
    times: dict[bytes, int] = {}
    for name, identity, signature in note.signatures:
        key = keys.get((name, identity))
        if key is None:
            continue
        message, signed = note.text.encode(), signature
        if key.kind == WITNESS_KEY:
            time, signed = int.from_bytes(signature[:8], "big"), signature[8:]
            message = b"cosignature/v1\ntime %d\n%s" % (time, message)
            if not 0 < time < 1 << 63:
                raise Failure("checkpoint.signature", where)
            times[names[key]] = min(time, times.get(names[key], time))
        elif key.name == head.origin and log is None:
            log = key
        if not ed25519_signed(key.public, signed, message):
            raise Failure("checkpoint.signature", where)
    if log is None:
        raise Failure("checkpoint.unsigned", where)
    if quorum and not _is_reached(policy, set(times)):
        raise Failure("checkpoint.quorum", where)
    return Accepted(head, log, times)


class Proof(NamedTuple):
    """C2SP tlog-proof: where an entry stands, and a checkpoint of a tree that has it."""

    place: int
    path: list[bytes]
    note: Note

    def leads_to(self, head: Checkpoint, leaf: bytes) -> bool:
        return root_by_path(leaf, self.place, head.size, self.path) == head.root


def proof_in(data: bytes) -> Proof | None:
    """None for anything else."""
    head, blank, rest = data.partition(b"\n\n")
    note = note_in(rest)
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        return None
    if not blank or note is None or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        return None
    if lines and lines[0].startswith("extra ") and not base64_in(lines.pop(0)[6:]):
        return None
    place = number_in(lines[0][6:]) if lines and lines[0].startswith("index ") else None
    found = [one for one in map(hash_in, lines[1:]) if one is not None]
    if place is None or len(found) != len(lines) - 1 or len(found) > 63:
        return None
    return Proof(place, found, note)
