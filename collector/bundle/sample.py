"""A simulated bundle from a seed, in memory: for tests, for trying a verifier, and for the docs.

Every key is made of the seed and known to everybody, and nothing in it was measured: the
organization is called "Simulated Hospital". The same story makes the same bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.attest.strictjson import Value
from collector.bundle import assemble, sampleparts
from collector.bundle.assemble import Signing
from collector.bundle.derive import derive
from collector.bundle.evidence import CLOSED_MS, Asked
from collector.bundle.members import Held
from collector.bundle.opening import open_evidence
from collector.bundle.predicate import Claimed, predicate
from collector.bundle.samplestory import NAME, Story
from collector.bundle.sampleworld import World
from probes import agentkeys

Render = Callable[[Mapping[str, Value], Mapping[str, str]], Mapping[str, bytes]]
"""Members that are made of a predicate, by name; it is also given the SHA-256 in hexadecimal of those
with evidence.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """`world` has all that was not disclosed, and the keys; `parts` are the members with evidence,
    `zip` is the whole.
    """

    story: Story
    world: World
    asked: Asked
    parts: Mapping[str, bytes]
    predicate: Mapping[str, Value]
    zip: bytes


def sample(story: Story, render: Render, **claims: str) -> Sample:
    """The bundle of a story; `claims` take the place of claimed fields."""
    world, parts = evidence_of(story)
    asked = asked_of(world)
    derived = derive(open_evidence(Held(parts)), asked)
    told = predicate(derived, _claimed(world, claims))
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    rendered = render(told, digests)
    return Sample(story, world, asked, parts, told, bundle_of(world, parts, told, rendered))


def evidence_of(story: Story) -> tuple[World, dict[str, bytes]]:
    """What happened, and the members that disclose it."""
    world = World(story)
    world.play()
    return world, sampleparts.members(world)


def asked_of(world: World) -> Asked:
    story = world.story
    return Asked(story.start, story.end, story.evidence_from, sampleparts.operators(world))


def bundle_of(
    world: World,
    parts: Mapping[str, bytes],
    told: Mapping[str, Value],
    rendered: Mapping[str, bytes],
) -> bytes:
    """The zip of these members, signed by the log's keys."""
    members = assemble.with_rendered(Held(parts), rendered)
    signing = [
        Signing(agentkeys.fingerprint(agentkeys.text_of(key.public_key())), key.sign)
        for key in world.log_keys
    ]
    out = io.BytesIO()
    assemble.write(out, members, told, assemble.sign(members, told, signing))
    return out.getvalue()


def _claimed(world: World, claims: Mapping[str, str]) -> Claimed:
    key = agentkeys.text_of(world.log_keys[0].public_key())
    return Claimed(
        attestation_id=claims.get("attestation_id", "simulated-2026-07"),
        version=1,
        computed_at=world.story.end + CLOSED_MS + 120_000,
        software=claims.get("software", "simulated"),
        algorithm=claims.get("algorithm", "simulated"),
        key_id=agentkeys.fingerprint(key),
        signer=claims.get("signer", NAME),
        command=claims.get("command", "wardwatch verify simulated-2026-07.zip"),
        checkpoints=len(world.log.heads),
        witness_lag_max_ms=1_000 if world.witnesses else None,
        limitations=("simulated",),
    )
