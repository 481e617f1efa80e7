"""A simulated bundle, whole: with reports and the verifier that every bundle has."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from collector.attest.strictjson import Value
from collector.attesting.algorithm import algorithm
from collector.bundle import layout
from collector.bundle.sample import sample
from collector.bundle.samplestory import Story
from collector.reports.render import render_all
from collector.verifyscript.joining import script


def simulated(seed: int) -> bytes:
    """The zip; the same seed makes the same bytes with one and the same version of the program."""
    claims = {"software": version("wardwatch"), "algorithm": algorithm()}
    return sample(Story(seed=seed), _rendered, **claims).zip


def _rendered(predicate: Mapping[str, Value], digests: Mapping[str, str]) -> Mapping[str, bytes]:
    return {**render_all(predicate, digests), layout.VERIFIER: script()}
