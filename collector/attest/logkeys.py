"""The keys of logs over time, as the log's own rows tell them: added, removed, revoked.

A change of keys is a note over a fixed text, signed by what was trusted before and by what is added,
so whoever trusts the first key can follow to the last. Which key counts for which checkpoint is here
for whoever judges one; nothing here signs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from collector.attest import note, strictjson, vkey
from collector.attest.faults import AttestError
from collector.attest.note import Note
from collector.attest.strictjson import JsonError, Value
from collector.attest.vkey import SignatureType, VerifierKey

KEYS, REVOKED = "log.keys", "log.key_revoked"
_HEAD = "wardwatch/1 log keys"
_WORDS = ("known", "added", "removed")


class LogKeyError(Exception):
    """A row of `log.keys` or `log.key_revoked` that we would not have written. It has no text."""


class LogKeyReason(StrEnum):
    """Why a key is not to be believed any longer."""

    COMPROMISED = "compromised"
    LOST = "lost"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Change:
    """`known`: what was in force before. Each is sorted by its text."""

    known: tuple[VerifierKey, ...]
    added: tuple[VerifierKey, ...]
    removed: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True)
class Revocation:
    """Checkpoints of more than `last_size` leaves under `key` are not to be believed."""

    key: VerifierKey
    last_size: int
    reason: LogKeyReason


@dataclass(frozen=True, slots=True)
class KeyState:
    """`added` and `removed`: ids of rows. `vouched`: a key that was trusted then has signed that this
    one was added; of the first keys of a log nobody could. `last_size`: see `Revocation`.
    """

    key: VerifierKey
    added: int
    vouched: bool
    removed: int | None = None
    last_size: int | None = None
    reason: LogKeyReason | None = None

    @property
    def in_force(self) -> bool:
        return self.removed is None and self.last_size is None

    def counts_for(self, size: int) -> bool:
        """Is its signature of a checkpoint of so many leaves to be believed?"""
        return self.last_size is None or size <= self.last_size


Keys = Mapping[str, KeyState]
"""By the text of the verifier key."""


def change(known: Iterable[VerifierKey], wanted: Iterable[VerifierKey]) -> Change | None:
    """From what is in force to what shall be; None where that is the same."""
    before, after = set(known), set(wanted)
    if before == after:
        return None
    return Change(_sorted(before), _sorted(after - before), _sorted(before - after))


def change_text(made: Change) -> str:
    """What is signed: a line for each key."""
    parts = zip(_WORDS, (made.known, made.added, made.removed), strict=True)
    lines = [f"{word} {key.text()}" for word, keys in parts for key in keys]
    return "".join(f"{line}\n" for line in (_HEAD, *lines))


def change_data(signed: Note) -> bytes:
    """The row's data: the note, and for people what is in it. LogKeyError for another text."""
    made = _read_text(signed.text)
    texts: dict[str, Value] = {
        word: [key.text() for key in keys]
        for word, keys in (("added", made.added), ("removed", made.removed))
    }
    return strictjson.write({**texts, "signed": note.write(signed).decode()})


def read_change(data: bytes) -> tuple[Change, Note]:
    """LogKeyError for anything that `change_data` would not have written; no signature is verified."""
    try:
        found = strictjson.read(data)
        signed = note.parse(str(found["signed"] if isinstance(found, dict) else "").encode())
        if change_data(signed) != data:
            raise LogKeyError
    except (JsonError, AttestError, KeyError, UnicodeEncodeError):
        raise LogKeyError from None
    return _read_text(signed.text), signed


def revocation_data(made: Revocation) -> bytes:
    return strictjson.write(
        {"key": made.key.text(), "last_size": made.last_size, "reason": made.reason.value}
    )


def read_revocation(data: bytes) -> Revocation:
    """LogKeyError for anything that `revocation_data` would not have written."""
    try:
        match strictjson.read(data):
            # a bool is an int, too, and written another way
            case {"key": str(key), "last_size": int(size), "reason": str(reason)} if size >= 0:
                made = Revocation(vkey.parse(key), int(size), LogKeyReason(reason))
                written = revocation_data(made)
            case _:
                raise LogKeyError
    except (JsonError, AttestError, ValueError):
        raise LogKeyError from None
    if written != data:
        raise LogKeyError
    return made


def fold(rows: Iterable[tuple[int, str, bytes]]) -> Keys:
    """(id, kind, data) of rows in their order; other kinds are passed over. LogKeyError."""
    keys: dict[str, KeyState] = {}
    for number, kind, data in rows:
        if kind == KEYS:
            _changed(keys, number, *read_change(data))
        elif kind == REVOKED:
            revoked = read_revocation(data)
            text = revoked.key.text()
            state = keys.get(text, KeyState(revoked.key, number, vouched=False))
            sizes = (revoked.last_size, state.last_size)
            least = min(size for size in sizes if size is not None)
            keys[text] = replace(state, last_size=least, reason=revoked.reason)
    return keys


def in_force(keys: Keys, name: str | None = None) -> tuple[VerifierKey, ...]:
    """Those that sign, of one log or of all, sorted by their text."""
    return _sorted(
        state.key for state in keys.values() if state.in_force and name in (None, state.key.name)
    )


def _changed(keys: dict[str, KeyState], number: int, made: Change, signed: Note) -> None:
    trusted = in_force(keys)
    vouched = made.known == trusted and _signed_by_any(signed, trusted)
    for key in made.added:
        before = keys.get(key.text())
        again = KeyState(key, number, vouched=vouched)
        # a revoked key stays revoked, whatever is said of it later
        keys[key.text()] = (
            again
            if before is None
            else replace(again, last_size=before.last_size, reason=before.reason)
        )
    for key in made.removed:
        if (state := keys.get(key.text())) is not None and state.removed is None:
            keys[key.text()] = replace(state, removed=number)


def _signed_by_any(signed: Note, keys: Sequence[VerifierKey]) -> bool:
    try:
        return bool(note.verify(signed, keys))
    except AttestError:
        return False


def _read_text(text: str) -> Change:
    head, *lines = text.removesuffix("\n").split("\n")
    found: dict[str, list[VerifierKey]] = {word: [] for word in _WORDS}
    try:
        for line in lines:
            word, _, key = line.partition(" ")
            found[word].append(vkey.parse(key))
    except (AttestError, KeyError):
        raise LogKeyError from None
    made = Change(*(tuple(found[word]) for word in _WORDS))
    every = (*made.known, *made.added)
    right = (
        head == _HEAD
        and change_text(made) == text
        and all(tuple(found[word]) == _sorted(found[word]) for word in _WORDS)
        and len(set(every)) == len(every)
        and set(made.removed) <= set(made.known)
        and all(key.type is SignatureType.ED25519 for key in every)
        and (made.added or made.removed)
    )
    if not right:
        raise LogKeyError
    return made


def _sorted(keys: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    return tuple(sorted(keys, key=VerifierKey.text))
