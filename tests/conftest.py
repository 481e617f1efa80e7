"""Fixtures every test may ask for, and how long hypothesis searches."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.soak import FEW, longer

pytest_plugins = ["tests.support.postgres", "tests.support.softhsm", "tests.support.stores"]

settings.register_profile(
    "wardwatch", max_examples=longer(100), deadline=None, derandomize=bool(FEW)
)
settings.load_profile("wardwatch")


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find neither a token nor a login of whoever runs the tests."""
    monkeypatch.delenv("WARDWATCH_TOKEN", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
