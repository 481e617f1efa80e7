"""Contacts, as the operator's file gives them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from probes.config_words import Date, Id, Model, Name

Role = Literal[
    "support",
    "engineering",
    "incident_commander",
    "clinical_liaison",
    "clinical_leadership",
    "legal_compliance",
    "integration_owner",
    "csm",
]
"""What a contact answers for."""


class Training(Model):
    """Each is good for a year, or to `refresher_until` where that is written."""

    privacy: Date | None = None
    """Date of the last HIPAA privacy training."""
    security: Date | None = None
    """Date of the last security training."""
    role: Date | None = None
    """Date of the last role training."""
    deidentification: Date | None = None
    """Date of the last training in de-identification."""
    refresher_until: Date | None = None
    """Last day for which all of them are good; left out: a year from each."""

    @model_validator(mode="after")
    def _later(self) -> Training:
        dates = (self.privacy, self.security, self.role, self.deidentification)
        last = self.refresher_until
        if last is not None and any(day is not None and day > last for day in dates):
            raise ValueError("refresher_until comes not before a training")
        return self


class Contact(Model):
    name: Name
    """Shown to people."""
    role: Role
    """What the person answers for."""
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    """Where to write."""
    reach: Annotated[tuple[Id, ...], Field(exclude_if=lambda value: not value)] = ()
    """Channels that tell this contact: one of kind `email` writes to its address, any other is its own."""
    training: Training | None = None
    """Dates of training."""
