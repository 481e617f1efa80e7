"""How a check reaches a clearinghouse or payer: `spec.connect`, exactly one of its ways."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from probes.clearinghouse import Availity, Optum, Stedi
from probes.config_words import Model
from probes.x12connect import CoreMime, CoreSoap
from probes.x12transport import Transport


class Connect(Model):
    """Exactly one of its fields."""

    core_soap: CoreSoap | None = None
    core_mime: CoreMime | None = None
    stedi: Stedi | None = None
    availity: Availity | None = None
    optum: Optum | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            raise ValueError(f"write exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def way(self) -> Transport:
        ways = (self.core_soap, self.core_mime, self.stedi, self.availity, self.optum)
        return next(way for way in ways if way is not None)

    def contradictions(self, *, production: bool) -> tuple[tuple[bool, str], ...]:
        """With what the check says beside it."""
        by_token = self.availity or self.optum
        return () if by_token is None else by_token.contradictions(production=production)
