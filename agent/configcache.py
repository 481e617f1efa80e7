"""The last good config on disk, and the rule that none older than the newest seen is taken.

What is read is verified again, as if it came over the network.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from agent.collectorkey import CollectorKey
from agent.keptfile import KeptFile
from probes import agentconfig
from probes.agentconfig import AgentConfig, AgentConfigError, Fault

log = logging.getLogger("wardwatch.agent")

FILE, SEEN = "config.signed", "config.seen"


class _Seen(msgspec.Struct, frozen=True):
    """The newest version taken so far, whether its document is still there or not."""

    org: str
    agent: str
    version: int
    digest: str


class ConfigCache:
    """`load` once, then `take` what comes. OSError when the state folder cannot be read."""

    def __init__(self, state: Path, agent: str, key: CollectorKey) -> None:
        self._document = KeptFile(state / FILE)
        self._seen_file = KeptFile(state / SEEN)
        self._agent = agent
        self._key = key
        seen = _read_seen(self._seen_file)
        self._seen = seen if seen is not None and seen.agent == agent else None
        self.have = 0
        """The version whose document is there; 0 for none."""

    @property
    def org(self) -> str | None:
        return None if self._seen is None else self._seen.org

    def load(self) -> AgentConfig | None:
        """The kept document; None when there is none, AgentConfigError when it is not to be used."""
        data = self._document.read()
        if data is None:
            return None
        part = self._verified(data, agentconfig.key_of(data))
        self._remember(part)
        return part

    def take(self, data: bytes) -> AgentConfig:
        """What the collector sent, kept; AgentConfigError when it is refused.

        A disk that does not take it is said, and the config runs all the same.
        """
        key = agentconfig.key_of(data)
        first = self._key.first_counts
        part = self._verified(data, key, believed=first)
        try:
            if first:
                self._key.believe(key)
            self._document.write(data)
            self._seen_file.write(msgspec.json.encode(_seen(part)))
        except OSError as error:
            log.error("config.not_kept errno=%d", error.errno or 0)  # noqa: TRY400 - code, no text
        self._remember(part)
        return part

    def _verified(self, data: bytes, key: str, *, believed: bool = False) -> AgentConfig:
        if not (believed or self._key.trusts(key)):
            raise AgentConfigError(Fault.OTHER_KEY)
        part = agentconfig.read(data, key)
        seen = self._seen
        if part.agent != self._agent or (seen is not None and part.org != seen.org):
            raise AgentConfigError(Fault.OTHER_AGENT)
        if seen is not None and part.version < seen.version:
            raise AgentConfigError(Fault.OLDER)
        if seen is not None and part.version == seen.version and part.digest != seen.digest:
            raise AgentConfigError(Fault.CHANGED)
        return part

    def _remember(self, part: AgentConfig) -> None:
        self._seen = _seen(part)
        self.have = part.version


def _seen(part: AgentConfig) -> _Seen:
    return _Seen(part.org, part.agent, part.version, part.digest)


def _read_seen(file: KeptFile) -> _Seen | None:
    data = file.read()
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=_Seen)
    except (msgspec.MsgspecError, ValueError):
        log.error("config.seen_unreadable")  # noqa: TRY400 - its text may quote the file
        return None
