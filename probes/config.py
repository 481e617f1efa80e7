"""The operator's file as frozen values; its parts stand in `config_*.py`.

Pure: reading and positions live in `probes/configfile.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema

from probes import registry, times
from probes.config_access import Access
from probes.config_attestations import Attestations
from probes.config_channels import Channel, Heartbeat, Notices, Route, SecureChannel
from probes.config_checks import Check
from probes.config_escalation import Escalation
from probes.config_evidence_log import EvidenceLog
from probes.config_hours import Holidays, Hours
from probes.config_oncall import OnCall
from probes.config_people import Contact, Role
from probes.config_places import COLLECTOR, Agent, Organization, Site
from probes.config_policy import Policy
from probes.config_systems import System
from probes.config_windows import Window
from probes.config_words import Id, Model


class Config(Model):
    """One whole file."""

    version: Annotated[Literal["1"], WithJsonSchema({"enum": [1, "1"]})]
    """Format of this file, `1`."""
    organization: Organization
    """Whose systems these are."""
    policy: Policy = Policy()
    """Times that open and close incidents."""
    hours: Annotated[Hours | None, Field(exclude_if=lambda value: value is None)] = None
    """Business hours, as Alertmanager writes them; left out: Monday to Friday, 09:00 to 17:00."""
    holidays: Annotated[Holidays | None, Field(exclude_if=lambda value: value is None)] = None
    """Days without business hours; left out: none."""
    sites: Mapping[Id, Site]
    """Places with agents, by id."""
    agents: Mapping[Id, Agent]
    """Agents, by id. `collector` is the one built into the collector, and says where that stands."""
    contacts: Mapping[Id, Contact] = {}
    """People and roles, by id."""
    on_call: Annotated[Mapping[Id, OnCall], Field(exclude_if=lambda value: not value)] = {}
    """Who is on duty when, by schedule; left out: nobody is."""
    staffing: Annotated[
        Mapping[Role, Annotated[int, Field(ge=1, le=50)]],
        Field(exclude_if=lambda value: not value),
    ] = {}
    """How many different people of a role are on duty at every instant; left out: none need be."""
    systems: Mapping[Id, System]
    """What is judged, by id."""
    checks: Mapping[Id, Check]
    """What is probed, by id."""
    maintenance: tuple[Window, ...] = ()
    """Planned windows."""
    access: Annotated[Access | None, Field(exclude_if=lambda value: value is None)] = None
    """How people reach the collector and log in."""
    heartbeat: Annotated[Heartbeat | None, Field(exclude_if=lambda value: value is None)] = None
    """Sign of life to a receiver outside, which calls for help when it stops; left out: none."""
    evidence_log: Annotated[EvidenceLog | None, Field(exclude_if=lambda value: value is None)] = (
        None
    )
    """How the logs of evidence and audit trail are signed and witnessed; left out: nothing is signed."""
    channels: Mapping[Id, Channel] = {}
    """Receivers of incidents, by id."""
    routes: tuple[Route, ...] = ()
    """Which incidents go where."""
    escalation: Annotated[Mapping[Id, Escalation], Field(exclude_if=lambda value: not value)] = {}
    """Who is told when nobody takes an incident on, by id of the policy; routes name them."""
    notices: Annotated[Notices | None, Field(exclude_if=lambda value: value is None)] = None
    """Who gets the notices that nothing stops, by role; left out: its contacts with `reach`, else whom the routes name for P1."""
    secure_channel: Annotated[
        SecureChannel | None, Field(exclude_if=lambda value: value is None)
    ] = None
    """Where patient information belongs; left out: a notice about it names no place."""
    attestations: Annotated[Attestations | None, Field(exclude_if=lambda value: value is None)] = (
        None
    )
    """Attestations that are issued by themselves, and who is told; left out: by hand alone."""

    page_owner: Annotated[
        Literal["collector", "alertmanager"], Field(exclude_if=lambda value: value == "collector")
    ] = "collector"
    """Who pages people for systems: `collector`, by all channels; or `alertmanager`, by channels of that kind, and then nothing goes to pagerduty and jsm by routes, and no ladder is climbed."""

    def agents_of(self, check_id: str) -> tuple[str, ...]:
        """The agents assigned to a check, in file order: its `from`, or every agent but the
        collector's own, which runs the checks of some kinds and no others.
        """
        check = self.checks[check_id]
        if check.kind in registry.ON_COLLECTOR:
            return (COLLECTOR,)
        return self._agents if check.from_ is None else check.from_

    @cached_property
    def _agents(self) -> tuple[str, ...]:
        return tuple(agent for agent in self.agents if agent != COLLECTOR)

    def checks_of(self, system_id: str) -> tuple[str, ...]:
        return self._checks_by_system.get(system_id, ())

    @cached_property
    def _checks_by_system(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for name, check in self.checks.items():
            found.setdefault(check.system, []).append(name)
        return {system: tuple(names) for system, names in found.items()}

    def __copy__(self) -> Self:
        """A copy is made to change something: it finds its checks anew."""
        copied = super().__copy__()
        copied.__dict__.pop("_checks_by_system", None)
        copied.__dict__.pop("_agents", None)
        return copied

    def ms(self, value: datetime) -> int:
        """UTC milliseconds; a time without zone is in the organization's zone."""
        return times.to_ms(value, self.organization.zone)
