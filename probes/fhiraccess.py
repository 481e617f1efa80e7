"""How a check reaches a FHIR server: the part of the `spec` that every FHIR kind has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from probes.authorization import Authorization
from probes.config_words import Model, PositiveDuration
from probes.wire.http1 import parse_url


def _base_url(text: str) -> str:
    parse_url(text)
    if "?" in text:
        raise ValueError("a FHIR base URL has no query")
    return text.rstrip("/")


class FhirAccess(Model):
    """Durations in milliseconds, sizes in bytes once loaded."""

    base_url: Annotated[str, AfterValidator(_base_url)]
    slow_after: PositiveDuration | None = None
    max_body: Annotated[int, Field(ge=1024, le=16_777_216)] = 2_097_152
    ca: Annotated[str, StringConstraints(pattern=r"^/")] | None = None
    auth: Authorization | None = None


def refuse(access: FhirAccess, own: Iterable[tuple[bool, str]] = ()) -> None:
    """ValueError with every contradiction at once: a kind's own ones, then those of the access."""
    secure = parse_url(access.base_url).tls
    contradictions = (
        *own,
        (access.auth is not None and access.auth.header is not None, "auth has no header here"),
        (access.auth is not None and not secure, "auth needs an https base_url"),
        (access.ca is not None and not secure, "ca needs an https base_url"),
    )
    problems = [text for wrong, text in contradictions if wrong]
    if problems:
        raise ValueError("; ".join(problems))
