"""Log keys over time: from the keys that a policy names to those that they vouch for, less the revoked.

A change of a log's keys is signed by those before and by those added, so whoever trusts one of them
can follow to the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from collector.attest import logkeys, note
from collector.attest.faults import AttestError
from collector.attest.logkeys import Keys, LogKeyError
from collector.attest.note import Note
from collector.attest.policy import Policy
from collector.attest.vkey import VerifierKey
from collector.facts import Row
from collector.verifying.failures import Failure, VerifyError


@dataclass(frozen=True, slots=True)
class Trust:
    """`states`: log keys as the log's rows tell of them."""

    states: Keys
    changes: tuple[tuple[frozenset[VerifierKey], Note], ...]

    def followed(self, policy: Policy) -> Policy:
        """The policy, with every log key that one of its keys leads to by signed changes."""
        trusted, rest = set(policy.logs), list(self.changes)
        while led := [one for one in rest if _signed(one[1], one[0] & trusted)]:
            for keys, _ in led:
                trusted |= keys
            rest = [one for one in rest if one not in led]
        more = sorted(trusted - set(policy.logs), key=VerifierKey.text)
        return replace(policy, logs=(*policy.logs, *more))

    def for_size(self, policy: Policy, size: int) -> Policy:
        """The policy without log keys whose signature of a tree of this size counts no longer."""
        logs = [key for key in policy.logs if self._counts(key, size)]
        return replace(policy, logs=tuple(logs))

    def _counts(self, key: VerifierKey, size: int) -> bool:
        state = self.states.get(key.text())
        return state is None or state.counts_for(size)


def trust_of(rows: Iterable[Row]) -> Trust:
    """VerifyError ROWS_ACT for a row about log keys that is none."""
    told = [(row.id, row.kind, row.data) for row in rows]
    try:
        states = logkeys.fold(told)
        found = [logkeys.read_change(data) for _, kind, data in told if kind == logkeys.KEYS]
    except LogKeyError:
        raise VerifyError(Failure.ROWS_ACT, "log keys") from None
    changes = [(frozenset((*made.known, *made.added)), signed) for made, signed in found]
    return Trust(states, tuple(changes))


def _signed(signed: Note, keys: Iterable[VerifierKey]) -> bool:
    try:
        return bool(note.verify(signed, [*keys]))
    except AttestError:
        return False
