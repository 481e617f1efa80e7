"""Contacts, as the operator's file gives them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from probes.config_words import Id, Model, Name

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
    privacy: str | None = None
    """Date of the last HIPAA privacy training."""
    security: str | None = None
    """Date of the last security training."""
    role: str | None = None
    """Date of the last role training."""
    deidentification: str | None = None
    """Date of the last training in de-identification."""
    refresher_until: str | None = None
    """Date by which all must be renewed."""


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
