"""Who is told when nobody takes an incident on, as the operator's file gives it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from probes.config_people import Role
from probes.config_words import Id, Model, PositiveDuration


class Target(Model):
    """One of the four."""

    on_call: Annotated[Id | None, Field(exclude_if=lambda value: value is None)] = None
    """A schedule: who is on duty at that instant."""
    role: Annotated[Role | None, Field(exclude_if=lambda value: value is None)] = None
    """All contacts of a role."""
    contact: Annotated[Id | None, Field(exclude_if=lambda value: value is None)] = None
    """One contact."""
    channel: Annotated[Id | None, Field(exclude_if=lambda value: value is None)] = None
    """A channel."""

    @model_validator(mode="after")
    def _one(self) -> Target:
        named = [self.on_call, self.role, self.contact, self.channel]
        if sum(one is not None for one in named) != 1:
            raise ValueError("name one of on_call, role, contact and channel")
        return self


class Rung(Model):
    after: Annotated[PositiveDuration | None, Field(exclude_if=lambda value: value is None)] = None
    """How long the rung before it went without a person's acknowledgement; the first has none."""
    to: Annotated[tuple[Target, ...], Field(min_length=1, max_length=50)]
    """Who is told, all of them."""


class Escalation(Model):
    rungs: Annotated[tuple[Rung, ...], Field(min_length=1, max_length=20)]
    """From the first, told when the incident opens, to the last."""
    repeat: Annotated[int, Field(ge=0, le=20)] = 0
    """How often it all begins anew after the last rung, at most 20."""
    repeat_after: Annotated[
        PositiveDuration | None, Field(exclude_if=lambda value: value is None)
    ] = None
    """How long after the last rung it begins anew."""

    @model_validator(mode="after")
    def _whole(self) -> Escalation:
        if self.rungs[0].after is not None:
            raise ValueError("the first rung is told when the incident opens: it has no after")
        late = [n for n, rung in enumerate(self.rungs[1:], 2) if rung.after is None]
        if late:
            raise ValueError(f"every rung but the first has an after; this one has none: {late[0]}")
        if (self.repeat > 0) != (self.repeat_after is not None):
            raise ValueError("repeat and repeat_after stand together or not at all")
        return self
