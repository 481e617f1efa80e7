"""Who signed a header, and was the key taken when it came: as `collector/keyring.py` judges.

A key that the config in force pins is the only one of its agent; any other was approved, and counts
until it is revoked or was replaced too long ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.core.agent_keys import Key
from collector.verifying.chains import Sealed
from collector.verifying.failures import Failure, VerifyError
from probes import agentkeys
from probes.config import Config
from probes.history import History

SLACK_MS = 60_000
"""A replica hears of an act a moment after it is recorded, and its clock is another."""


class Keys:
    """`histories`: of the disclosed systems; `rows`: keys by agent, as the rows tell of them."""

    def __init__(self, histories: Sequence[History], rows: Mapping[str, Sequence[Key]]) -> None:
        self._histories = histories
        self._rows = rows
        self._public: dict[str, Ed25519PublicKey] = {}
        self.used: dict[str, dict[str, int]] = {}
        """Headers judged by each key, by agent and fingerprint."""

    def judge(self, sealed: Sealed) -> None:
        """VerifyError for a header that no key of its agent has signed that was taken then."""
        taken = self._taken(sealed.agent, sealed.received_at)
        for key in taken:
            if self._signed(key, sealed):
                used = self.used.setdefault(sealed.agent, {})
                fingerprint = agentkeys.fingerprint(key)
                used[fingerprint] = used.get(fingerprint, 0) + 1
                return
        ever = self._ever(sealed.agent)
        if not ever:
            raise VerifyError(Failure.KEYS_UNKNOWN, sealed.agent)
        if any(self._signed(key, sealed) for key in ever - taken):
            raise VerifyError(Failure.KEYS_NOT_TAKEN, str(sealed.place))
        raise VerifyError(Failure.KEYS_SIGNATURE, str(sealed.place))

    def known(self, agent: str) -> bool:
        """Is there any key of it at all?"""
        return bool(self._ever(agent))

    def _taken(self, agent: str, at: int) -> set[str]:
        keys: set[str] = set()
        approved = {one.key for one in self._rows.get(agent, ()) if _taken(one, at)}
        configs = [*self._in_force(at)]
        defined = [config.agents[agent] for config in configs if agent in config.agents]
        for one in defined:
            keys |= approved if one.key is None else {one.key}
        return keys

    def _in_force(self, at: int) -> Iterable[Config]:
        for history in self._histories:
            first = history.at(at - SLACK_MS)
            if first is not None:
                yield first
            for version in history.versions:
                if version.at is None or at - SLACK_MS < version.at <= at + SLACK_MS:
                    yield version.config

    def _ever(self, agent: str) -> set[str]:
        configs = [v.config for history in self._histories for v in history.versions]
        pinned = {c.agents[agent].key for c in configs if agent in c.agents}
        return {
            *(key for key in pinned if key is not None),
            *(one.key for one in self._rows.get(agent, ())),
        }

    def _signed(self, key: str, sealed: Sealed) -> bool:
        public = self._public.get(key)
        try:
            if public is None:
                public = self._public[key] = agentkeys.parse(key)
            public.verify(sealed.signature, sealed.header)
        except (InvalidSignature, ValueError):
            return False
        return True


def _taken(key: Key, at: int) -> bool:
    """Was it taken at any time within `SLACK_MS` of `at`?"""
    if key.approved_at is None or at + SLACK_MS < key.approved_at:
        return False
    ends = [end for end in (key.valid_until, key.revoked_at) if end is not None]
    return all(at - SLACK_MS < end for end in ends)
