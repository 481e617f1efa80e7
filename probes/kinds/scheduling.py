"""Scheduling by FHIR: schedule, free slots, appointments, a test booking (`scheduling.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from probes.clinic import BOOKING_ASKS, Clinic
from probes.config_words import Model, PositiveDuration
from probes.contract import Env, Fact, Kind, Observation, Slot, StepName, Writes
from probes.fhiraccess import FhirAccess, examine, refuse
from probes.fhirquestions import Question, content, in_turn, send
from probes.fhirsteps import (
    STEP_REASONS,
    FhirSteps,
    Layer,
    connect_apart,
    is_unconnected,
    late,
    whole,
)
from probes.httpclient import HttpAnswer
from probes.net import Deadline, NetFailure
from probes.profiles.table import PROFILES
from probes.reasons import Reason
from probes.wire.fhir import Verdict
from probes.wire.scheduling import (
    PAGE,
    appointments_path,
    judge_appointments,
    judge_schedule,
    judge_slots,
    schedule_path,
    slots_path,
)

_CLOSE_MS = 1_500
"""For undoing at the end; the agent gives a probe 2 s to close."""
_RESERVED = frozenset({"_count", "start", "status"})

ResourceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,64}$")]
Parameter = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-zA-Z_.:-]{0,63}$")]
Value = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,256}$")]


def _allowed(given: bool) -> bool:  # noqa: FBT001 - a validator
    if not given:
        raise ValueError("a booking writes; say allow_writes: true, or leave booking out")
    return given


def _where(given: Mapping[str, str]) -> Mapping[str, str]:
    if _RESERVED & set(given):
        raise ValueError(f"the check sets {', '.join(sorted(_RESERVED))} itself")
    return given


class Slots(Model):
    """Which free slots are counted."""

    where: Annotated[Mapping[Parameter, Value], AfterValidator(_where)] = {}
    within: PositiveDuration = 7 * 86_400_000
    expect_free: Annotated[int, Field(ge=1, le=100)] | None = None


class Appointments(Model):
    patient: ResourceId


class Booking(Model):
    """Writes: the first free slot of the test schedule is booked for the test patient."""

    allow_writes: Annotated[bool, AfterValidator(_allowed)]
    schedule: ResourceId
    patient: ResourceId
    undo: Literal["cancel", "delete"] = "cancel"
    min_interval: Annotated[PositiveDuration, Field(ge=60_000)] = 300_000


class SchedulingSpec(FhirAccess):
    """The `spec` of a check; durations in milliseconds once loaded."""

    schedule: ResourceId | None = None
    slots: Slots | None = None
    appointments: Appointments | None = None
    booking: Booking | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parts = (self.schedule, self.slots, self.appointments, self.booking)
        own = (
            (
                all(part is None for part in parts),
                "write at least one of schedule, slots, appointments and booking",
            ),
            (
                self.slots is not None and not self.slots.where and self.schedule is None,
                "slots needs schedule, or a where of its own",
            ),
            *self.too_often(self.asks),
        )
        refuse(self, own)
        return self

    @property
    def asks(self) -> int:
        """Requests of one run at most, when no booking was left behind."""
        parts = (self.schedule, self.slots, self.appointments)
        booking = 0 if self.booking is None else BOOKING_ASKS
        return sum(part is not None for part in parts) + booking


class SchedulingProbe:
    """One opened check."""

    def __init__(self, spec: SchedulingSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._steps = FhirSteps(spec, env)
        self._clinic: Clinic | None = None
        if spec.booking is not None:
            self._clinic = Clinic(
                self._steps,
                env,
                schedule=spec.booking.schedule,
                patient=spec.booking.patient,
                delete=spec.booking.undo == "delete",
                codes=spec.vendor.codes,
                interval_ms=spec.booking.min_interval,
            )

    async def run(self, slot: Slot) -> Observation:
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        try:
            headers = self._steps.headers()
            self._steps.allow(self._spec.asks)
        except NetFailure as failure:
            owed = 0 if self._clinic is None else self._clinic.owed
            facts = {Fact.NOT_UNDONE: owed} if owed else {}
            return Observation(failure.outcome, failure.reason, facts=facts)
        plan = [
            (name, partial(send, self._steps, name, question, headers, deadline))
            for name, question in self._questions()
        ]
        layers: list[Layer] = connect_apart(await in_turn(self._steps, plan, deadline))
        if self._clinic is not None and self._may_go_on(layers):
            if not layers or deadline.remaining_s() > 0:
                layers += await self._clinic.visit(slot.at_ms, headers, deadline)
            elif all(layer.verdict.outcome.good for layer in layers):
                layers.append(late(StepName.BOOK))
        return whole(layers, {})

    def _may_go_on(self, layers: list[Layer]) -> bool:
        return not self._steps.halted and not (len(layers) == 1 and is_unconnected(layers[0]))

    async def close(self) -> None:
        if self._clinic is None:
            return
        try:
            headers = self._steps.headers()
        except NetFailure:
            return  # without its secret it can undo nothing; the next agent finds what is left
        await self._clinic.close(headers, Deadline(self._env.clock, _CLOSE_MS))

    def _questions(self) -> list[tuple[StepName, Question]]:
        spec, now_ms = self._spec, self._env.clock.now_ms()
        asked: list[tuple[StepName, Question]] = []
        if spec.schedule is not None:
            judge = partial(judge_schedule, schedule=spec.schedule)
            question = Question(schedule_path(spec.schedule), content(judge))
            asked.append((StepName.SCHEDULE, question))
        if spec.slots is not None:
            where = spec.slots.where or {"schedule": f"Schedule/{spec.schedule}"}
            count = max(PAGE, spec.slots.expect_free or 0)
            path = slots_path(where, now_ms, spec.slots.within, count)
            asked.append((StepName.SLOT, Question(path, self._judge_slots)))
        if spec.appointments is not None:
            patient = spec.appointments.patient
            codes = spec.vendor.codes
            found = partial(judge_appointments, patient=patient, codes=codes)
            question = Question(appointments_path(patient, now_ms), content(found))
            asked.append((StepName.APPOINTMENT, question))
        return asked

    def _judge_slots(self, answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
        expect_free = self._spec.slots.expect_free if self._spec.slots is not None else None
        verdict, free = judge_slots(answer.header("content-type"), answer.body, expect_free)
        if free is not None:
            about[Fact.FREE_SLOTS] = free
        return verdict


@asynccontextmanager
async def _open(spec: SchedulingSpec, env: Env) -> AsyncIterator[SchedulingProbe]:
    probe = SchedulingProbe(spec, env)
    try:
        yield probe
    finally:
        await probe.close()


def _writes(spec: SchedulingSpec) -> Writes | None:
    if spec.booking is None:
        return None
    # A run between two bookings would end what a failed booking began.
    alone = f"{spec.base_url} Schedule/{spec.booking.schedule}"
    return Writes(spec.booking.min_interval, alone)


KIND = Kind(
    name="scheduling",
    summary="Scheduling by FHIR: a schedule, free slots as a count, appointments, a test booking",
    parse=SchedulingSpec.model_validate,
    open=_open,
    reasons=STEP_REASONS
    | {
        Reason.FHIR_NO_MATCH,
        Reason.SCHEDULING_FEW_SLOTS,
        Reason.SCHEDULING_NOT_UNDONE,
        Reason.SCHEDULING_NO_TEST_SLOT,
    },
    examine=examine,
    writes=_writes,
    demand=lambda spec: spec.demand(spec.asks),
    profiles=tuple(PROFILES),
)
