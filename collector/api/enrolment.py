"""What an agent asks before anybody knows it: to enrol with a token, to go on with another key.

Whatever is wrong with what a stranger sends gets one and the same answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from collector import enrolment
from collector.api.parts import Parts
from collector.api.routes import A, B, Call, Nothing, Public, Route
from collector.core.agent_keys import Key, KeyState
from collector.enrolment import Enrolling, Rotating
from probes.agentkeys import PATTERN, SIGNATURE
from probes.config_words import Id, Model

MOST = 4_096
"""Bytes of a body."""
PublicKey = Annotated[str, StringConstraints(pattern=PATTERN)]
Signature = Annotated[str, StringConstraints(pattern=SIGNATURE)]
Wall = Annotated[int, Field(strict=True, ge=0, lt=2**53)]
Secret = Annotated[str, Field(min_length=1, max_length=200)]


class Enrol(Model):
    """`token` without what follows its second `_`; `at`: the agent's clock, UTC ms; `proof`: the
    key's signature over token hash, agent, key and `at`.
    """

    token: Secret
    agent: Id
    key: PublicKey
    at: Wall
    proof: Signature


class Rotate(Model):
    """`by_old` and `by_new`: signatures of both keys over organization, agent, keys and `at`."""

    agent: Id
    old: PublicKey
    new: PublicKey
    at: Wall
    by_old: Signature
    by_new: Signature


class Standing(TypedDict):
    """How the agent's key stands now; `fingerprint`: SHA-256 of its SubjectPublicKeyInfo."""

    organization: str
    agent: str
    fingerprint: str
    state: KeyState


async def enrol_agent(call: Call[Nothing, Enrol]) -> Standing:
    """Present the key of an invited agent; the same token and key may be sent again."""
    said, parts = call.body, call.parts
    sent = Enrolling(said.token, said.agent, said.key, said.at, said.proof)
    await parts.store.read(enrolment.invited, parts.org, parts.config, sent, parts.now())
    key = await parts.store.write(enrolment.enrol, parts.org, parts.config, sent, parts.now)
    return await _standing(parts, key)


async def rotate_agent_key(call: Call[Nothing, Rotate]) -> Standing:
    """Announce the key an agent goes on with, signed by its approved key and by the new one."""
    said, parts = call.body, call.parts
    sent = Rotating(said.agent, said.old, said.new, said.at, said.by_old, said.by_new)
    await parts.store.read(enrolment.announced_by, parts.org, parts.config, sent, parts.now())
    key = await parts.store.write(enrolment.rotate, parts.org, parts.config, sent, parts.now)
    return await _standing(parts, key)


async def _standing(parts: Parts, key: Key) -> Standing:
    await parts.keys.refresh()
    return {
        "organization": parts.org,
        "agent": key.agent,
        "fingerprint": key.fingerprint,
        "state": key.state,
    }


def _public(
    path: str, handler: Callable[[Call[Nothing, B]], Awaitable[A]], answers: type[A], body: type[B]
) -> Route[Nothing, B, A]:
    return Route("POST", path, Public.ENROLMENT, handler, answers, Nothing, body, largest=MOST)


ROUTES = (
    _public("/agent/v1/enrol", enrol_agent, Standing, Enrol),
    _public("/agent/v1/rotate", rotate_agent_key, Standing, Rotate),
)
