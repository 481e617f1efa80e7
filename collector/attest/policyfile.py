"""C2SP tlog-policy as a file: which logs, which witnesses, and how many of them, a line each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from collector.attest import vkey
from collector.attest.faults import AttestError, Fault
from collector.attest.policy import Group, Policy
from collector.attest.vkey import SignatureType, VerifierKey

MAX_BYTES = 1 << 18
_NONE = b"none"
_OTHER_OCTETS = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_COUNT = re.compile(rb"[1-9][0-9]{0,5}")


class PolicyFault(StrEnum):
    """What is wrong with a line, or with the file (line 0)."""

    TOO_LARGE = "policy.too_large"
    OCTET = "policy.octet"
    UNENDED = "policy.unended"
    KEYWORD = "policy.keyword"
    ITEMS = "policy.items"
    KEY = "policy.key"
    KEY_TYPE = "policy.key_type"
    SAME_KEY = "policy.same_key"
    SAME_NAME = "policy.same_name"
    THRESHOLD = "policy.threshold"
    UNKNOWN_NAME = "policy.unknown_name"
    MEMBER_TWICE = "policy.member_twice"
    QUORUMS = "policy.quorums"


POLICY_MEANINGS = {
    PolicyFault.TOO_LARGE: "more than 256 KiB",
    PolicyFault.OCTET: "a control character other than tab and newline",
    PolicyFault.UNENDED: "the last line does not end in a newline",
    PolicyFault.KEYWORD: "a line that is not of `log`, `witness`, `group` or `quorum`",
    PolicyFault.ITEMS: "too few or too many items behind the word",
    PolicyFault.KEY: "not a verifier key: `name+hexadecimal id+base64`",
    PolicyFault.KEY_TYPE: "a log's key is of type 0x01, a witness's of type 0x04 (Ed25519)",
    PolicyFault.SAME_KEY: "the public key of another line of this kind",
    PolicyFault.SAME_NAME: "a name that is taken, or `none`",
    PolicyFault.THRESHOLD: "not `all`, `any`, or a number from 1 to that of the members",
    PolicyFault.UNKNOWN_NAME: "a name that no line before this one defines",
    PolicyFault.MEMBER_TWICE: "a member of this or another group already",
    PolicyFault.QUORUMS: "there must be one line of `quorum`, and only one",
}
"""Each in plain words."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` counts from 1; 0 is the whole file."""

    line: int
    code: PolicyFault


class PolicyError(Exception):
    """All that is wrong with a policy file, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(", ".join(f"line {one.line}: {one.code}" for one in problems))
        self.problems = tuple(problems)


def parse(data: bytes) -> Policy:
    """PolicyError with every problem at once."""
    if len(data) > MAX_BYTES:
        raise PolicyError([Problem(0, PolicyFault.TOO_LARGE)])
    reading = _Reading()
    lines = data.split(b"\n")
    unended = lines.pop()
    for n, line in enumerate(lines, 1):
        reading.line(n, line)
    if unended:
        reading.line(len(lines) + 1, unended)
        reading.problem(PolicyFault.UNENDED)
    return reading.done()


@dataclass(slots=True)
class _Reading:
    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[bytes, VerifierKey] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)
    names: set[bytes] = field(default_factory=set)
    """Also of lines that are wrong, so that one mistake is one problem."""
    keys: set[tuple[SignatureType, bytes]] = field(default_factory=set)
    members: set[bytes] = field(default_factory=set)
    quorums: list[bytes] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    at: int = 0

    def problem(self, code: PolicyFault) -> None:
        self.problems.append(Problem(self.at, code))

    def line(self, n: int, text: bytes) -> None:
        self.at = n
        if _OTHER_OCTETS.search(text):
            self.problem(PolicyFault.OCTET)
            return
        # bytes.split() would part at other octets, too
        items = [item for item in re.split(rb"[ \t]+", text) if item]
        if not items or items[0].startswith(b"#"):
            return
        readers: dict[bytes, tuple[Callable[[list[bytes]], None], int, int]] = {
            b"log": (self.log, 1, 2),
            b"witness": (self.witness, 2, 3),
            b"group": (self.group, 3, len(items)),
            b"quorum": (self.quorum, 1, 1),
        }
        if items[0] not in readers:
            self.problem(PolicyFault.KEYWORD)
            return
        read, least, most = readers[items[0]]
        if least <= len(items) - 1 <= most:
            read(items[1:])
        else:
            self.problem(PolicyFault.ITEMS)

    def log(self, items: list[bytes]) -> None:
        key = self.key(items[0], SignatureType.ED25519)
        if key is not None:
            self.logs.append(key)

    def witness(self, items: list[bytes]) -> None:
        key = self.key(items[1], SignatureType.COSIGNATURE)
        if self.takes(items[0]) and key is not None:
            self.witnesses[items[0]] = key

    def group(self, items: list[bytes]) -> None:
        name, count, *members = items
        for member in members:
            if member not in self.names:
                self.problem(PolicyFault.UNKNOWN_NAME)
            elif member in self.members:
                self.problem(PolicyFault.MEMBER_TWICE)
            self.members.add(member)
        threshold = {b"all": len(members), b"any": 1}.get(count, 0)
        if _COUNT.fullmatch(count):
            threshold = int(count)
        if not 1 <= threshold <= len(members):
            self.problem(PolicyFault.THRESHOLD)
        if self.takes(name):
            self.groups[name] = Group(threshold, tuple(members))

    def quorum(self, items: list[bytes]) -> None:
        if items[0] != _NONE and items[0] not in self.names:
            self.problem(PolicyFault.UNKNOWN_NAME)
        if self.quorums:
            self.problem(PolicyFault.QUORUMS)
        self.quorums.append(items[0])

    def key(self, text: bytes, kind: SignatureType) -> VerifierKey | None:
        try:
            key = vkey.parse(text.decode())
        except UnicodeDecodeError:
            self.problem(PolicyFault.KEY)
            return None
        except AttestError as refused:
            other = refused.code is Fault.VKEY_TYPE
            self.problem(PolicyFault.KEY_TYPE if other else PolicyFault.KEY)
            return None
        if key.type is not kind:
            self.problem(PolicyFault.KEY_TYPE)
        elif (kind, key.public) in self.keys:
            self.problem(PolicyFault.SAME_KEY)
        self.keys.add((kind, key.public))
        return key

    def takes(self, name: bytes) -> bool:
        """Is the name free? From now on it is not."""
        free = name != _NONE and name not in self.names
        if not free:
            self.problem(PolicyFault.SAME_NAME)
        self.names.add(name)
        return free

    def done(self) -> Policy:
        if not self.quorums:
            self.problems.append(Problem(0, PolicyFault.QUORUMS))
        if self.problems:
            raise PolicyError(self.problems)
        quorum = self.quorums[0]
        return Policy(
            tuple(self.logs), self.witnesses, self.groups, None if quorum == _NONE else quorum
        )
