"""Log keys over time: from those that a policy names to those that they vouch for, less the revoked.

A change of a log's keys is a note over a fixed text, signed by those before and by those added: so
whoever trusts one of them can follow to the others.
"""

from __future__ import annotations

from collections.abc import Sequence

from collector.verifyscript.ed25519 import ed25519_signed
from collector.verifyscript.failing import Failure
from collector.verifyscript.notes import LOG_KEY, Note, Policy, VerifierKey, note_in, vkey_in
from collector.verifyscript.rows import Shown

_KEYS_HEAD = "wardwatch/1 log keys"
_KEY_WORDS = ("known", "added", "removed")
_REASONS = ("compromised", "lost", "replaced")


class LogKeys:
    """As the disclosed rows tell of them; Failure `rows.act` for a row that is none."""

    def __init__(self, rows: Sequence[Shown]) -> None:
        self._changes: list[tuple[set[VerifierKey], Note]] = []
        self._last: dict[VerifierKey, int] = {}
        for row in rows:
            try:
                if row.kind == "log.keys":
                    self._changes.append(_change_in(row.data))
                elif row.kind == "log.key_revoked":
                    self._revoke(row.data)
            except (ValueError, KeyError, TypeError, AttributeError):
                raise Failure("rows.act", "log keys") from None

    def followed(self, policy: Policy) -> Policy:
        """With every key that one of the policy's keys leads to."""
        trusted = set(policy.logs)
        rest = list(self._changes)
        while True:
            led = [one for one in rest if _is_signed(one[1], one[0] & trusted)]
            if not led:
                break
            rest = [one for one in rest if one not in led]
            for keys, _ in led:
                trusted |= keys
        more = sorted(trusted - set(policy.logs))
        return policy._replace(logs=[*policy.logs, *more])

    def for_size(self, policy: Policy, size: int) -> Policy:
        """Without keys whose signature of a tree of this size counts no longer."""
        return policy._replace(logs=[k for k in policy.logs if size <= self._last.get(k, size)])

    def _revoke(self, data: dict[str, object]) -> None:
        key, size = vkey_in(str(data["key"])), data["last_size"]
        if key is None or type(size) is not int or size < 0 or data["reason"] not in _REASONS:
            raise ValueError("no revocation")
        self._last[key] = min(size, self._last.get(key, size))


def _change_in(data: dict[str, str]) -> tuple[set[VerifierKey], Note]:
    """The keys known and added, and the note that says so."""
    note = note_in(data["signed"].encode())
    if note is None or set(data) != {"added", "removed", "signed"}:
        raise ValueError("no note")
    head, *lines = note.text[:-1].split("\n")
    keys: dict[str, list[VerifierKey]] = {word: [] for word in _KEY_WORDS}
    for line in lines:
        word, _, text = line.partition(" ")
        key = vkey_in(text)
        if key is None or key.kind != LOG_KEY:
            raise ValueError("no key of a log")
        keys[word].append(key)
    if head != _KEYS_HEAD or not keys["added"] + keys["removed"]:
        raise ValueError("another text")
    return {*keys["known"], *keys["added"]}, note


def _is_signed(note: Note, keys: set[VerifierKey]) -> bool:
    """By one of them, and by none of them falsely."""
    by_id = {(key.name, key.id): key for key in keys}
    own = [
        ed25519_signed(by_id[name, identity].public, signature, note.text.encode())
        for name, identity, signature in note.signatures
        if (name, identity) in by_id
    ]
    return bool(own) and all(own)
