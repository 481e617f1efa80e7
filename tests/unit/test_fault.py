"""Whose fault a bad result may be, row by row."""

from __future__ import annotations

import pytest

from agent.fault import NETWORK, Facts, cause
from probes.contract import Observation, Outcome
from probes.reasons import MEANINGS, Reason

WELL = Facts(late_ms=-4_000, lag_ms=0, timeout_ms=10_000)
CUT_OFF = Facts(late_ms=-4_000, lag_ms=0, timeout_ms=10_000, network_lost=True)
STARVED = Facts(late_ms=0, lag_ms=501, timeout_ms=10_000)
LATE = Facts(late_ms=501, lag_ms=0, timeout_ms=10_000)
BOTH = Facts(late_ms=0, lag_ms=501, timeout_ms=10_000, network_lost=True)
BUSY = Facts(late_ms=0, lag_ms=101, timeout_ms=1_000)

UP = (Outcome.UP, Reason.OK)
SLOW = (Outcome.DEGRADED, Reason.SLOW)
THROTTLED = (Outcome.DEGRADED, Reason.HTTP_THROTTLED)
REFUSED = (Outcome.DOWN, Reason.TCP_REFUSED)
TIMEOUT = (Outcome.DOWN, Reason.TCP_TIMEOUT)
STATUS = (Outcome.DOWN, Reason.HTTP_STATUS)
NO_ACK = (Outcome.DOWN, Reason.HL7_NO_ACK)
NO_NAME = (Outcome.DOWN, Reason.DNS_NOT_FOUND)
STALE = (Outcome.DOWN, Reason.FEED_STALE)
LOGIN = (Outcome.MISCONFIGURED, Reason.FHIR_AUTH)
SECRET = (Outcome.UNKNOWN, Reason.AGENT_SECRET)


@pytest.mark.parametrize(
    ("seen", "facts", "expected"),
    [
        # An up is proof whatever our day was like; what the far side said stands, too.
        (UP, BOTH, None),
        (LOGIN, BOTH, None),
        (SECRET, BOTH, None),
        (STATUS, CUT_OFF, None),
        (THROTTLED, CUT_OFF, None),
        # Nobody answered us, not the canaries either.
        (REFUSED, CUT_OFF, Reason.AGENT_NETWORK),
        (TIMEOUT, CUT_OFF, Reason.AGENT_NETWORK),
        (NO_ACK, CUT_OFF, Reason.AGENT_NETWORK),
        (NO_NAME, CUT_OFF, Reason.AGENT_NETWORK),
        (STALE, CUT_OFF, Reason.AGENT_NETWORK),
        (SLOW, CUT_OFF, Reason.AGENT_NETWORK),
        # A verdict about time while this process did not run.
        (TIMEOUT, STARVED, Reason.AGENT_STALLED),
        (TIMEOUT, LATE, Reason.AGENT_STALLED),
        (SLOW, STARVED, Reason.AGENT_STALLED),
        (THROTTLED, STARVED, None),
        (TIMEOUT, BOTH, Reason.AGENT_STALLED),
        (REFUSED, Facts(late_ms=-1, lag_ms=501, timeout_ms=10_000), None),
        # A tenth of the time to answer went by here.
        (TIMEOUT, BUSY, Reason.AGENT_STALLED),
        (TIMEOUT, Facts(late_ms=101, lag_ms=0, timeout_ms=1_000), Reason.AGENT_STALLED),
        (REFUSED, Facts(late_ms=-1, lag_ms=101, timeout_ms=1_000), None),
        # Nothing wrong with us.
        (REFUSED, WELL, None),
        (TIMEOUT, Facts(late_ms=500, lag_ms=500, timeout_ms=10_000), None),
        (TIMEOUT, Facts(late_ms=100, lag_ms=100, timeout_ms=1_000), None),
        (SLOW, WELL, None),
    ],
)
def test_a_result_is_taken_back_only_where_a_fault_of_ours_can_forge_it(
    seen: tuple[Outcome, Reason], facts: Facts, expected: Reason | None
) -> None:
    assert cause(Observation(*seen), facts) is expected


def test_every_reason_the_network_can_forge_is_one_of_down() -> None:
    assert all("down" in MEANINGS[reason][0] for reason in NETWORK)
