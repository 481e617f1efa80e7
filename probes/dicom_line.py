"""What comes on a DICOM connection, PDU by PDU, within bounds; and the few threads that read it.

The connection and its waits are on the event loop. pynetdicom builds and reads in a few threads of
its own, and none of them ever waits for a far side: a node that hangs costs a socket until the
deadline, however many do.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from probes.clock import Clock
from probes.contract import Fact, Outcome, Phase
from probes.net import Connection, Deadline, NetFailure, ReceiveTimeout, Stopwatch
from probes.reasons import Reason
from probes.wire.dicom import (
    Decoder,
    DicomError,
    MalformedError,
    NotDicomError,
    Pdu,
    PduType,
    Pdv,
    pdvs,
)
from probes.wire.dicom_judge import CLOSED, CLOSED_AT_ONCE, MALFORMED, Verdict, abort

THREADS = 4
_GRACE_S = 1.0
"""Ours, beyond the deadline, to read what came before it."""
_MOST_BYTES = 4 << 20
"""Of one run."""

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="dicom")


class Ended(Exception):  # noqa: N818 - a verdict that ends the run, not a defect
    """Its text is the reason code alone; always raised `from None`."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict[1].value)
        self.verdict = verdict


async def in_thread(work: Callable[[*_Ts], _T], *args: *_Ts) -> _T:
    """Nothing that waits for anybody has a place here."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)


class Line:
    """One run's connection. Whatever goes wrong on it is raised as `Ended`."""

    def __init__(self, connection: Connection, deadline: Deadline, clock: Clock) -> None:
        self.connection = connection
        self.facts: dict[Fact, int] = {}
        self.associated = False
        self.ended = False
        """By the far side: nobody is there to take leave of."""
        self._deadline = deadline
        self._clock = clock
        self._decoder = Decoder()
        self._fragments: deque[Pdv] = deque()
        self._left = _MOST_BYTES
        self._heard = False
        self._lost: NetFailure | None = None
        self._phase = Phase.FIRST_BYTE

    async def send(self, data: bytes) -> None:
        self._phase = Phase.FIRST_BYTE
        try:
            await self.connection.send_for_answer(data)
        except ReceiveTimeout:
            raise Ended((Outcome.DOWN, Reason.DICOM_TIMEOUT)) from None
        except NetFailure as failure:
            if failure.reason is not Reason.TCP_RESET:
                raise Ended(self._of(failure)) from None
            self._lost = failure  # what it said before that stands in the kernel, and is the reason

    async def pdu(self) -> Pdu:
        """The next one that is no abort and no end."""
        try:
            pdu = await self._next()
        except ReceiveTimeout:
            raise Ended((Outcome.DOWN, Reason.DICOM_TIMEOUT)) from None
        except NetFailure as failure:
            raise Ended(self._of(self._lost or failure)) from None
        except NotDicomError:
            raise Ended((Outcome.DOWN, Reason.DICOM_NOT_DICOM)) from None
        except DicomError:
            raise Ended(MALFORMED) from None
        self.ended = pdu is None or pdu.type in (PduType.ABORT, PduType.ASSOCIATE_RJ)
        if pdu is None:
            if self._lost is not None:
                raise Ended(self._of(self._lost))
            raise Ended(CLOSED if self._heard else CLOSED_AT_ONCE)
        if pdu.type is PduType.ABORT:
            self.facts[Fact.ABORT_SOURCE], self.facts[Fact.ABORT_REASON] = pdu.content[2:4]
            raise Ended(abort(pdu.content[2], associated=self.associated))
        if pdu.type is PduType.RELEASE_RQ:
            raise Ended(CLOSED)
        return pdu

    async def fragment(self) -> Pdv:
        """The next one of the messages that come."""
        while not self._fragments:
            pdu = await self.pdu()
            if pdu.type is not PduType.P_DATA:
                raise Ended(MALFORMED)
            try:
                self._fragments.extend(pdvs(pdu.content))
            except DicomError:
                raise Ended(MALFORMED) from None
        return self._fragments.popleft()

    async def think(self, work: Callable[[*_Ts], _T], *args: *_Ts) -> _T:
        """What the library has to do with it: in a thread, and no time of the far side."""
        most_s = max(self._deadline.remaining_s(), _GRACE_S)
        with Stopwatch(self._clock, self.connection.phases, Phase.PARSE):
            try:
                async with asyncio.timeout(most_s):
                    return await in_thread(work, *args)
            except MalformedError:
                raise Ended(MALFORMED) from None
            except TimeoutError:
                raise Ended((Outcome.UNKNOWN, Reason.AGENT_STALLED)) from None

    def _of(self, failure: NetFailure) -> Verdict:
        """A node that closes before it reads resets us or not, as the kernels' race goes: before its
        first byte the two are one.
        """
        if failure.reason is Reason.TCP_RESET and not self._heard:
            return CLOSED_AT_ONCE
        return failure.outcome, failure.reason

    async def _next(self) -> Pdu | None:
        while (pdu := self._decoder.next_pdu()) is None:
            with Stopwatch(self._clock, self.connection.phases, self._phase):
                data = await self.connection.receive()
            if not data:
                return None
            self._phase, self._heard = Phase.BODY, True
            self._left -= len(data)
            if self._left < 0:
                raise MalformedError
            self._decoder.receive(data)
        return pdu
