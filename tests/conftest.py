"""Fixtures every test may ask for, and how long hypothesis searches."""

from __future__ import annotations

from hypothesis import settings

from tests.support.soak import FEW, longer

pytest_plugins = ["tests.support.postgres", "tests.support.stores"]

settings.register_profile(
    "wardwatch", max_examples=longer(100), deadline=None, derandomize=bool(FEW)
)
settings.load_profile("wardwatch")
