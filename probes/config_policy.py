"""Times that open, answer and close incidents, as the operator's file gives them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from probes.config_words import Duration, Model, PositiveDuration, ResponseTime


class Target(Model):
    """A time to answer and, before it, one to be warned."""

    warn: ResponseTime | None = None
    """When to warn; left out: no warning."""
    breach: ResponseTime
    """When an answer is due."""


class Respond(Model):
    """Response clocks of semantics 5, from detection; the earlier is due."""

    critical_clinical: ResponseTime = "2h"
    """Time to answer for a system with `service: critical_clinical`."""
    billing: ResponseTime = "4h"
    """Time to answer for a system with `service: billing`."""
    general: ResponseTime = "1bd"
    """Time to answer for a system with `service: general`."""
    P1: Target = Target(warn="1h", breach="4h")
    """Priority P1; left out: warn 1h, breach 4h."""
    P2: Target = Target(warn="4bh", breach="8bh")
    """Priority P2; left out: warn 4bh, breach 8bh."""
    P3: Target = Target(breach="24h")
    """Priority P3; left out: breach 24h."""
    P4: Target = Target(breach="72h")
    """Priority P4; left out: breach 72h."""


class Horizons(Model):
    """How long before something expires, a certificate for one, an incident has which priority."""

    P4: PositiveDuration = 30 * 86_400_000
    """Opens an incident, of priority P4."""
    P3: PositiveDuration = 7 * 86_400_000
    """Makes its priority P3; not longer than `P4`."""
    P2: PositiveDuration = 86_400_000
    """Makes its priority P2; not longer than `P3`."""

    @model_validator(mode="after")
    def _nearer(self) -> Horizons:
        if not self.P2 <= self.P3 <= self.P4:
            raise ValueError("a more urgent horizon is not longer: P2, then P3, then P4")
        return self


class Policy(Model):
    """Defaults of semantics 5; durations in milliseconds once loaded."""

    degraded_after: Duration = 600_000
    """How long degraded opens an incident."""
    blind_after: Duration = 600_000
    """How long unknown opens an incident."""
    recover_for: Duration = 300_000
    """How long up makes an incident recovered."""
    reopen_within: Duration = 1_800_000
    """A new failure this soon after recovery is the same incident."""
    raise_after: Duration = 1_800_000
    """How long degraded without a workaround raises category 2 to 3."""
    ack_timeout: PositiveDuration = 1_800_000
    """How long a person's acknowledgement lasts."""
    review_within: PositiveDuration = 7_200_000
    """How long a person's category holds; never past the workaround's `valid_for`."""
    liaison_within: PositiveDuration = 3_600_000
    """By when the clinical liaison is told of category 3, from the instant it is reached."""
    safety_within: PositiveDuration = 900_000
    """By when clinical leadership and legal are told of category 4, from the act that sets it."""
    workaround_ahead: PositiveDuration = 1_800_000
    """How long before a workaround's `valid_for` ends the clinical liaison is told."""
    report_within: PositiveDuration = 172_800_000
    """By when the report of a P1 incident is due, from its resolution."""
    report_overdue: PositiveDuration = 259_200_000
    """From when on the report is overdue."""
    expiry: Annotated[Horizons, Field(exclude_if=lambda value: value == Horizons())] = Horizons()
    """How long before it expires a certificate is whose priority; left out: 30d, 7d, 24h."""
    respond: Annotated[Respond, Field(exclude_if=lambda value: value == Respond())] = Respond()
    """Times to answer: durations, or business hours and days such as 8bh and 1bd."""

    @model_validator(mode="after")
    def _report(self) -> Policy:
        if self.report_overdue < self.report_within:
            raise ValueError("report_overdue comes not before report_within")
        return self
