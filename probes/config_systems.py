"""What is judged, and what its failure means, as the operator's file gives it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from probes.config_payer import Payer
from probes.config_words import Id, LocalTime, Model, Name, Percent, PositiveDuration


class ImpactClass(StrEnum):
    ADMINISTRATIVE = "administrative"
    CLINICAL = "clinical"
    POINT_OF_CARE = "point_of_care"


class ServiceClass(StrEnum):
    CRITICAL_CLINICAL = "critical_clinical"
    BILLING = "billing"
    GENERAL = "general"


class Workaround(Model):
    name: Name
    """Shown to people."""
    valid_for: PositiveDuration | None = None
    """How long it carries from the incident's start; left out: without end."""
    requires: tuple[Id, ...] = ()
    """Systems that must be up or degraded for it to be usable."""


class Impact(Model):
    class_: Annotated[ImpactClass, Field(alias="class")]
    """What care feels when it fails; makes the category."""
    service: ServiceClass = ServiceClass.GENERAL
    """Chooses the response clock."""
    workaround: Workaround | None = None
    """The documented way to go on without it."""


class Slo(Model):
    target: Percent
    """The contract's target in percent, at most four decimals."""
    minimum: Percent = "99.5"
    """The minimum acceptable, in percent."""
    formula: Literal["contract-v1", "whole-period-v1"] = "contract-v1"
    """How maintenance counts (semantics 3)."""
    scope: Literal["organization", "worst_site", "user_weighted"] = "organization"
    """Which number the verdict judges."""


class Group(Model):
    need: Annotated[int, Field(ge=1)]
    """How many members must work."""


class System(Model):
    name: Name
    """Shown to people."""
    impact: Impact
    """What its failure means."""
    effective_from: LocalTime | None = None
    """Wall-clock time from which it is monitored; left out: when first recorded."""
    slo: Slo | None = None
    """Targets; left out: no verdict."""
    depends_on: tuple[Id, ...] = ()
    """Systems whose failure explains this one's; attaches incidents."""
    groups: Mapping[Id, Group] = {}
    """Redundancy groups that checks join with `role: {group: NAME}`."""
    runbook: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    """Address of the instructions, put into messages."""
    payer: Annotated[Payer | None, Field(exclude_if=lambda value: value is None)] = None
    """Of a billing system that is the path to a payer: what it owes, and its calendar."""
