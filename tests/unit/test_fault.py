"""Whose fault a bad result may be, row by row."""

from __future__ import annotations

import pytest

from agent.fault import NETWORK, Facts, cause
from probes.contract import Observation, Outcome
from probes.reasons import MEANINGS, Reason

WELL = Facts(late_ms=-4_000, stalled=False)
CUT_OFF = Facts(late_ms=-4_000, stalled=False, network_lost=True)
STARVED = Facts(late_ms=0, stalled=True)
LATE = Facts(late_ms=501, stalled=False)
BOTH = Facts(late_ms=0, stalled=True, network_lost=True)

UP = (Outcome.UP, Reason.OK)
SLOW = (Outcome.DEGRADED, Reason.SLOW)
THROTTLED = (Outcome.DEGRADED, Reason.HTTP_THROTTLED)
REFUSED = (Outcome.DOWN, Reason.TCP_REFUSED)
TIMEOUT = (Outcome.DOWN, Reason.TCP_TIMEOUT)
STATUS = (Outcome.DOWN, Reason.HTTP_STATUS)
NO_ACK = (Outcome.DOWN, Reason.HL7_NO_ACK)
NO_NAME = (Outcome.DOWN, Reason.DNS_NOT_FOUND)
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
        (SLOW, CUT_OFF, Reason.AGENT_NETWORK),
        # A verdict about time while this process did not run.
        (TIMEOUT, STARVED, Reason.AGENT_STALLED),
        (TIMEOUT, LATE, Reason.AGENT_STALLED),
        (SLOW, STARVED, Reason.AGENT_STALLED),
        (TIMEOUT, BOTH, Reason.AGENT_STALLED),
        (REFUSED, Facts(late_ms=-1, stalled=True), None),
        # Nothing wrong with us.
        (REFUSED, WELL, None),
        (TIMEOUT, Facts(late_ms=500, stalled=False), None),
        (SLOW, WELL, None),
    ],
)
def test_a_result_is_taken_back_only_where_a_fault_of_ours_can_forge_it(
    seen: tuple[Outcome, Reason], facts: Facts, expected: Reason | None
) -> None:
    assert cause(Observation(*seen), facts) is expected


def test_every_reason_the_network_can_forge_is_one_of_down() -> None:
    assert all("down" in MEANINGS[reason][0] for reason in NETWORK)
