"""The outbox in memory keeps the contract, so tests of delivery may rely on it."""

from __future__ import annotations

import pytest

from tests.contract.outbox_suite import OutboxSuite
from tests.support.outbox import MemoryOutbox


class TestMemoryOutbox(OutboxSuite):
    @pytest.fixture
    def outbox(self) -> MemoryOutbox:
        return MemoryOutbox()
