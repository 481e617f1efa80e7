"""Books the first free slot of a test clinic and undoes it: the only thing a check here changes.

What was sent is remembered until it is known to be undone, and nothing new is booked before that.
Every run first looks for bookings of ours that still stand: after a crash, or after an answer that
never came, they are found by their mark and undone. A request that may have been carried out is
never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from probes.contract import Env, Fact, Outcome, Phase, StepName
from probes.fhirquestions import FHIR_JSON, Question, content, send, together
from probes.fhirsteps import SIGN_IN, FhirSteps, Layer, late
from probes.httpclient import HttpAnswer
from probes.net import Deadline
from probes.profiles.profile import Codes
from probes.reasons import Reason
from probes.wire.fhir import Verdict
from probes.wire.scheduling import (
    CANCELLATION,
    FreeSlot,
    booking,
    is_gone,
    judge_booked,
    judge_free_slot,
    judge_standing,
    judge_undone,
    mark,
    slots_path,
    standing_path,
)

BOOKING_ASKS = 5
"""Requests of one visit at most, when nothing was left behind: two searches for what stands, one for
a free slot, the booking, its undoing.
"""
_DONE = frozenset({Reason.OK, Reason.SLOW})
_TIMED_OUT = 408
_NO_SLOT = Verdict(Outcome.MISCONFIGURED, Reason.SCHEDULING_NO_TEST_SLOT)
_UNRECOGNIZED = Verdict(Outcome.MISCONFIGURED, Reason.SCHEDULING_NOT_UNDONE)


@dataclass(frozen=True, slots=True)
class Left:
    """A booking not known to be undone; `sure` where it is known to stand."""

    id: str | None
    sure: bool


class Clinic:
    """One test schedule and one test patient. `delete`: bookings are deleted, else cancelled."""

    def __init__(
        self,
        steps: FhirSteps,
        env: Env,
        *,
        schedule: str,
        patient: str,
        delete: bool,
        codes: Codes,
        interval_ms: int,
    ) -> None:
        self._steps = steps
        self._env = env
        self._schedule = schedule
        self._patient = patient
        self._delete = delete
        self._codes = codes
        self._interval_ms = interval_ms
        self._last_ms: int | None = None
        self._left: dict[str, Left] = {}

    @property
    def owed(self) -> int:
        """How many bookings may still stand."""
        return len(self._left)

    async def visit(
        self, at_ms: int, headers: Mapping[str, str], deadline: Deadline
    ) -> list[Layer]:
        """The steps BOOK and CANCEL of the run of the slot at `at_ms`."""
        undoing = await self._sweep(headers, deadline)
        booked: list[Layer] = []
        clean = all(layer.verdict.reason in _DONE for layer in undoing)
        if clean and not self._left and self._due(at_ms):
            booked = await self._book(at_ms, headers, deadline)
            undoing += await self._undo_now(headers, deadline)
        cancel = together(StepName.CANCEL, undoing)
        return [*booked, replace(cancel, about={**cancel.about, Fact.NOT_UNDONE: self.owed})]

    async def close(self, headers: Mapping[str, str], deadline: Deadline) -> None:
        """Undo what is known to stand: the check may be gone for good."""
        await self._undo(headers, deadline)

    def _due(self, at_ms: int) -> bool:
        return self._last_ms is None or at_ms - self._last_ms >= self._interval_ms

    async def _sweep(self, headers: Mapping[str, str], deadline: Deadline) -> list[Layer]:
        """Look for what stands, and undo it."""
        found: dict[str, str] = {}

        def judge(answer: HttpAnswer, _about: dict[Fact, int]) -> Verdict:
            verdict, ours = judge_standing(answer.header("content-type"), answer.body, self._codes)
            found.update(ours or {})
            return verdict

        path = standing_path(self._patient, self._env.clock.now_ms())
        looked = await send(self._steps, StepName.CANCEL, Question(path, judge), headers, deadline)
        if looked.verdict.reason not in _DONE:
            return [self._visible(looked)]
        # What nobody confirmed and does not stand was never made.
        self._left = {mark_: left for mark_, left in self._left.items() if left.sure}
        self._left |= {mark_: Left(id_, sure=True) for mark_, id_ in found.items()}
        return [looked, *await self._undo(headers, deadline)]

    async def _undo_now(self, headers: Mapping[str, str], deadline: Deadline) -> list[Layer]:
        """Undo the booking of this run; one whose answer never came is left to the next run."""
        sure = [left for left in self._left.values() if left.sure]
        if any(left.id is None for left in sure) and deadline.remaining_s() > 0:
            return await self._sweep(headers, deadline)
        return await self._undo(headers, deadline)

    async def _undo(self, headers: Mapping[str, str], deadline: Deadline) -> list[Layer]:
        layers: list[Layer] = []
        for mark_, left in list(self._left.items()):
            if not left.sure:
                continue
            if left.id is None:
                layers.append(Layer(StepName.CANCEL, _UNRECOGNIZED))
            elif deadline.remaining_s() <= 0:
                layers.append(self._visible(late(StepName.CANCEL)))
            else:
                layer = await send(
                    self._steps, StepName.CANCEL, self._undoing(left.id), headers, deadline
                )
                if layer.verdict.reason in _DONE:
                    del self._left[mark_]
                layers.append(self._visible(layer))
        return layers

    def _undoing(self, id_: str) -> Question:
        path, judge = f"Appointment/{id_}", content(judge_undone)
        if self._delete:
            return Question(path, judge, is_gone, "DELETE")
        fields = {"Content-Type": "application/json-patch+json"}
        return Question(path, judge, is_gone, "PATCH", CANCELLATION, fields)

    def _visible(self, layer: Layer) -> Layer:
        """A failure that leaves a booking behind says so; one of our own host keeps its reason."""
        verdict = layer.verdict
        if not self._left or verdict.outcome is Outcome.UNKNOWN or verdict.reason in _DONE:
            return layer
        stands = Verdict(verdict.outcome, Reason.SCHEDULING_NOT_UNDONE)
        if layer.name in SIGN_IN:  # undoing needs a token
            needed = (*layer.before, replace(layer, before=()))
            return Layer(StepName.CANCEL, stands, before=needed)
        return replace(layer, verdict=stands)

    async def _book(
        self, at_ms: int, headers: Mapping[str, str], deadline: Deadline
    ) -> list[Layer]:
        if deadline.remaining_s() <= 0:
            return [late(StepName.BOOK)]
        free: list[FreeSlot] = []

        def judge_slot(answer: HttpAnswer, _about: dict[Fact, int]) -> Verdict:
            verdict, slot = judge_free_slot(
                answer.header("content-type"), answer.body, self._schedule
            )
            free.extend([] if slot is None else [slot])
            return verdict if slot is not None or not verdict.outcome.good else _NO_SLOT

        where = {"schedule": f"Schedule/{self._schedule}"}
        path = slots_path(where, self._env.clock.now_ms(), None, 1)
        looked = await send(
            self._steps, StepName.BOOK, Question(path, judge_slot), headers, deadline
        )
        if not free:
            return [looked]
        if deadline.remaining_s() <= 0:
            return [together(StepName.BOOK, [looked, late(StepName.BOOK)])]
        self._last_ms = at_ms
        made = await self._create(free[0], headers, deadline)
        return [together(StepName.BOOK, [looked, made])]

    async def _create(
        self, slot: FreeSlot, headers: Mapping[str, str], deadline: Deadline
    ) -> Layer:
        mark_ = mark(self._env.clock.now_ms(), self._env.rng.getrandbits(32))

        def judge(answer: HttpAnswer, _about: dict[Fact, int]) -> Verdict:
            booked = judge_booked(answer.header("content-type"), answer.body, mark_)
            self._left[mark_] = Left(booked.id, booked.made)
            return booked.verdict

        fields = {"Content-Type": FHIR_JSON, "Prefer": "return=representation"}
        question = Question(
            "Appointment",
            judge,
            method="POST",
            body=booking(slot, self._patient, mark_),
            fields=fields,
        )
        # Remembered before it is sent: whatever ends this run, the next one looks for it.
        self._left[mark_] = Left(None, sure=False)
        layer = await send(self._steps, StepName.BOOK, question, headers, deadline)
        status = layer.http.get(Fact.HTTP_STATUS, 0)
        unsent = layer.name is not StepName.BOOK or Phase.SEND not in layer.phases
        if unsent or (400 <= status < 500 and status != _TIMED_OUT):
            del self._left[mark_]  # never sent, for want of a token too, or refused
        return layer
