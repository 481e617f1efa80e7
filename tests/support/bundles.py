"""Bundles of simulated hospitals, small enough to make many of them, and drawn at random."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from hypothesis import strategies as st

from collector.attest.strictjson import Value
from collector.bundle.evidence import Asked, Evidence
from collector.bundle.layout import OSCAL, REPORT_HTML, VERIFIER
from collector.bundle.members import Held
from collector.bundle.opening import open_evidence
from collector.bundle.sample import Sample, asked_of, evidence_of, sample
from collector.bundle.samplestory import EVERY_FAULT, HOUR_MS, Story
from collector.bundle.sampleworld import World

SMALL = Story(days=6, batch=HOUR_MS)
"""Everything befalls it in six days."""


def render(predicate: Mapping[str, Value], _digests: Mapping[str, str]) -> dict[str, bytes]:
    """Members that say what they stand for and nothing else."""
    name = str(predicate["attestationId"]).encode()
    return {
        REPORT_HTML: b"<!doctype html><title>" + name + b"</title>",
        OSCAL: b"{}",
        VERIFIER: b"raise SystemExit(2)  # of a test's bundle\n",
    }


@lru_cache(maxsize=8)
def whole(story: Story = SMALL) -> Sample:
    """The bundle of a story, made once."""
    return sample(story, render)


@lru_cache(maxsize=8)
def disclosed(story: Story = SMALL) -> tuple[World, Mapping[str, bytes]]:
    """The world of a story, and what is disclosed of it."""
    return evidence_of(story)


def opened(story: Story = SMALL) -> tuple[World, Evidence, Asked]:
    """The same, opened as a verifier does."""
    world, parts = disclosed(story)
    return world, open_evidence(Held(parts)), asked_of(world)


def stories() -> st.SearchStrategy[Story]:
    """Hospitals of a few days: sizes, noise, faults, witnesses and keys at random."""
    return st.builds(
        Story,
        seed=st.integers(0, 1 << 32),
        systems=st.integers(1, 4),
        checks=st.integers(1, 2),
        agents=st.integers(1, 4),
        days=st.integers(2, 4),
        every=st.sampled_from([900_000, 1_800_000]),
        batch=st.sampled_from([HOUR_MS, 2 * HOUR_MS, 5 * HOUR_MS]),
        checkpoint=st.sampled_from([HOUR_MS, 6 * HOUR_MS]),
        witnesses=st.integers(0, 3),
        log_keys=st.integers(1, 2),
        noise=st.sampled_from([0, 20, 200]),
        disclosed=st.integers(1, 2),
        faults=st.frozensets(st.sampled_from(sorted(EVERY_FAULT))),
    )
