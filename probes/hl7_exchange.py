"""One message and what comes back for it. It is sent once, whatever happens."""

from __future__ import annotations

from probes.clock import Clock
from probes.contract import Outcome, Phase
from probes.hl7_line import Open, Tally
from probes.net import NetFailure, ReceiveTimeout, Stopwatch
from probes.reasons import Reason
from probes.wire.hl7 import AckCode, Acknowledgement, parse_ack
from probes.wire.hl7_judge import Verdict
from probes.wire.mllp import ACK, NAK, Frame, Garbage, LimitError, encode

CONNECT = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
ANSWER = (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)
_SILENCE = ((Outcome.DOWN, Reason.HL7_NO_ACK), (Outcome.DOWN, Reason.HL7_CLOSED))


async def exchange(
    clock: Clock, line: Open, control_id: str, message: bytes, tally: Tally, *, application: bool
) -> Acknowledgement | Verdict:
    """Send, then read until the answer to this very message (MSH-10 is `control_id`), the end or
    the deadline: an acknowledgement, or what its lack says.

    After that nothing is sent again: whether the far side processed the message is unknown. With
    `application` a commit (CA) is counted and waited past: it is no answer of the application.
    """
    stale_before = tally.stale
    line.begin(control_id)
    try:
        found = await _converse(clock, line, encode(message), tally, application=application)
    except ReceiveTimeout:
        if line.is_dropped:
            return Outcome.DOWN, Reason.TCP_DROPPED
        found = Outcome.DOWN, Reason.HL7_NO_ACK
    except NetFailure as failure:
        if failure.reason is Reason.TCP_RESET and line.is_kept and not line.heard:
            return Outcome.DOWN, Reason.TCP_DROPPED
        return failure.outcome, failure.reason
    except LimitError:
        return Outcome.DOWN, Reason.HL7_ACK_MALFORMED
    if found in _SILENCE and tally.stale > stale_before:
        return Outcome.DOWN, Reason.HL7_WRONG_ID
    return found


def latency_us(line: Open) -> int:
    """The time of the far side: all phases but our own parsing."""
    return total(line.connection.phases, CONNECT + ANSWER)


def total(phases: dict[Phase, int], names: tuple[Phase, ...]) -> int:
    return sum(phases.get(name, 0) for name in names)


async def _converse(
    clock: Clock, line: Open, data: bytes, tally: Tally, *, application: bool
) -> Acknowledgement | Verdict:
    connection, phases = line.connection, line.connection.phases
    await connection.send(data)
    with Stopwatch(clock, phases, Phase.FIRST_BYTE):
        came = await connection.receive()
    line.heard = bool(came)
    line.decoder.receive(came)
    while line.heard:
        with Stopwatch(clock, phases, Phase.BODY):
            frame = await _next_frame(line, tally)
        if frame is None:
            break
        with Stopwatch(clock, phases, Phase.PARSE):
            found = _read(frame, line, tally, application=application)
            if found is not None:
                return found
    return Outcome.DOWN, Reason.HL7_CLOSED


def _read(
    frame: Frame, line: Open, tally: Tally, *, application: bool
) -> Acknowledgement | Verdict | None:
    """What a frame says of our message; None: nothing, or not yet."""
    if frame.message == ACK:
        tally.commits += 1
        return None
    if frame.message == NAK:
        return Outcome.DOWN, Reason.HL7_ACK_REJECT
    ack = parse_ack(frame.message)
    if ack is None:
        return Outcome.DOWN, Reason.HL7_ACK_MALFORMED
    if not line.take(ack, tally) or (application and ack.code is AckCode.CA):
        return None
    tally.error = ack.error if tally.error is None else tally.error
    try:
        line.pass_over(tally)  # what came in one piece with the answer
    except LimitError:
        return ack
    line.is_sound = True
    return ack


async def _next_frame(line: Open, tally: Tally) -> Frame | None:
    """The next frame, or None when the peer ended; raises what `receive` and the decoder do."""
    while True:
        event = line.decoder.next_event()
        if isinstance(event, Frame):
            return event
        if isinstance(event, Garbage):
            tally.garbage += event.count
            continue
        data = await line.connection.receive()
        if not data:
            return None
        line.decoder.receive(data)
