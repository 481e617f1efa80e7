"""A job that tells the collector when it began and how it ended; nothing is asked of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import log2
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, model_validator

from probes import cron
from probes.config_words import Model, PositiveDuration, SecretRef, Zone
from probes.configfile import read_secret
from probes.contract import Env, Kind, Observation, Outcome, Place, Slot
from probes.heartbeats import Expected, StoreAwayError, by_cron, by_interval, judge
from probes.reasons import Reason

REASONS = frozenset(
    {
        Reason.OK,
        Reason.AGENT_CONFIG,
        Reason.AGENT_SECRET,
        Reason.AGENT_STORE,
        Reason.HEARTBEAT_FAILED,
        Reason.HEARTBEAT_LATE,
        Reason.HEARTBEAT_MISSED,
        Reason.HEARTBEAT_NEVER,
        Reason.HEARTBEAT_STUCK,
        Reason.HEARTBEAT_UNHEARD,
    }
)
LEAST_BITS = 128
SECRET = re.compile(rb"[A-Za-z0-9_-]{16,128}")


def _cron(value: str) -> str:
    cron.check(value)
    return value


class HeartbeatConfig(Model):
    """The spec: one of `cron` and `interval`."""

    secret: SecretRef
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    timezone: Zone | None = None
    interval: PositiveDuration | None = None
    grace: PositiveDuration
    max_run: PositiveDuration | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> HeartbeatConfig:
        if (self.cron is None) is (self.interval is None):
            raise ValueError("write cron, or interval: one of both says when the job is due")
        if self.timezone is not None and self.cron is None:
            raise ValueError("timezone is that of cron; an interval has none")
        return self

    def expected(self, zone: ZoneInfo) -> Expected:
        """`zone`: the organization's, where the spec names none."""
        if self.interval is not None:
            return Expected(by_interval(self.interval), self.grace, self.max_run, anytime=True)
        named = zone if self.timezone is None else ZoneInfo(self.timezone)
        return Expected(by_cron(self.cron or "", named), self.grace, self.max_run)


def secret_of(data: bytes) -> str:
    """The secret of a reference's bytes; ValueError when it is none that can stand in an address,
    or is not worth 128 bits.
    """
    text = data.strip()
    words = "the secret is 128 bits or more of A-Z, a-z, 0-9, - and _: openssl rand -hex 32"
    if not SECRET.fullmatch(text):
        raise ValueError(words)
    letters = 10 if text.isdigit() else 16 if re.fullmatch(rb"[0-9a-f]+|[0-9A-F]+", text) else 62
    if len(text) * log2(letters) < LEAST_BITS or len(set(text)) < 8:
        raise ValueError(words)
    return text.decode()


def _examine(config: HeartbeatConfig) -> None:
    try:
        found = read_secret(config.secret)
    except (OSError, KeyError):
        return  # it is on another host
    secret_of(found)


class _Waiting:
    def __init__(self, config: HeartbeatConfig, env: Env) -> None:
        self._config = config
        self._env = env

    async def run(self, slot: Slot) -> Observation:
        env = self._env
        if env.pings is None:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_CONFIG)
        try:
            # Whoever cannot read it takes no pings either, and would call every job missed.
            secret_of(env.read_secret(self._config.secret))
        except (OSError, KeyError, ValueError):
            return Observation(Outcome.UNKNOWN, Reason.AGENT_SECRET)
        try:
            heard = await env.pings.of(slot.check)
        except StoreAwayError:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_STORE)
        slot_ms = (slot.at_ms - env.every_ms, slot.at_ms)
        return judge(self._config.expected(heard.zone), heard, slot_ms, env.clock.now_ms())


@asynccontextmanager
async def _open(config: HeartbeatConfig, env: Env) -> AsyncIterator[_Waiting]:
    yield _Waiting(config, env)


KIND = Kind(
    name="heartbeat",
    summary="A batch job that tells when it began and how it ended: on time, late, missed, failed",
    parse=HeartbeatConfig.model_validate,
    open=_open,
    reasons=REASONS,
    examine=_examine,
    place=Place.COLLECTOR,
)
