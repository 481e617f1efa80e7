"""What stands in the log, one entry each: a line of ASCII, behind that of a batch the header that
its agent has signed.

`state` counts the rows that numbers depend on, up to and with this entry: so whoever holds a stretch
of the log knows whether one was kept back.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from collector.verifyscript.failing import Failure
from collector.verifyscript.spelling import base64_in, hex_in, number_in

STATE_KINDS = {
    "config.version",
    "window.proposed",
    "window.approved",
    "window.cancelled",
    "window.finished",
    "correction.requested",
    "correction.approved",
    "incident.ruled",
    "agent.enrolled",
    "agent.approved",
    "agent.rotated",
    "agent.revoked",
    "agent.equivocation",
    "log.started",
    "log.keys",
    "log.key_revoked",
}
"""The kinds of row that `state` counts."""
_KIND = re.compile(r"[a-z0-9_]{1,64}(?:\.[a-z0-9_]{1,64}){1,3}")
_ORG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Entry(NamedTuple):
    """`word` is log, batch, tombstone or row; `time` when it was received or recorded, UTC ms. Of a
    row `id`, `kind` and `commitment` are told, of what an agent signed `signature` and `header`.
    """

    word: str
    time: int
    state: int
    kind: str = ""
    id: int = 0
    commitment: bytes = b""
    signature: bytes = b""
    header: bytes = b""


def entry_in(data: bytes, where: str) -> Entry:
    """Failure `log.entry` for bytes that are none."""
    line, newline, rest = data.partition(b"\n")
    try:
        words = line.decode("ascii").split(" ")
    except UnicodeDecodeError:
        words = []
    entry = None
    if newline and len(words) >= 5 and words[0] == "wardwatch/1":
        word, told = words[1], words[2:]
        if word in ("batch", "tombstone"):
            entry = _batch(word, told, rest)
        elif word == "row" and not rest:
            entry = _row_entry(told)
        elif word == "log" and not rest and len(told) == 3 and _ORG.fullmatch(told[0]):
            started = number_in(told[1])
            entry = None if started is None else Entry("log", started, 0)
    if entry is None:
        raise Failure("log.entry", where)
    return entry


def row_line(id_: int, recorded_at: int, state: int, kind: str, commitment: bytes) -> bytes:
    """The entry of a row."""
    numbers = f"{id_} {recorded_at} {state}"
    return (f"wardwatch/1 row {numbers} {kind} {commitment.hex()}\n").encode()


def _batch(word: str, told: list[str], header: bytes) -> Entry | None:
    if len(told) != 3 or not header:
        return None
    received, state, signature = number_in(told[0]), number_in(told[1]), base64_in(told[2])
    if received is None or state is None or signature is None or len(signature) != 64:
        return None
    return Entry(word, received, state, signature=signature, header=header)


def _row_entry(told: list[str]) -> Entry | None:
    if len(told) != 5 or _KIND.fullmatch(told[3]) is None:
        return None
    number, recorded, state = number_in(told[0]), number_in(told[1]), number_in(told[2])
    commitment = hex_in(told[4], 32)
    if number is None or recorded is None or state is None or commitment is None:
        return None
    return Entry("row", recorded, state, told[3], number, commitment)
