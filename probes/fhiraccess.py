"""How a check reaches a FHIR server: the part of the `spec` that every FHIR kind has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from probes.budgets import Budget, Demand, Target
from probes.config_words import Model, PositiveDuration
from probes.configfile import read_secret
from probes.fhirauthorization import FhirAuthorization
from probes.profiles import table
from probes.profiles.profile import Profile
from probes.tls import TlsOptions
from probes.wire.http1 import parse_url

File = Annotated[str, StringConstraints(pattern=r"^/.")]


def _base_url(text: str) -> str:
    parse_url(text)
    if "?" in text:
        raise ValueError("a FHIR base URL has no query")
    return text.rstrip("/")


class BudgetSpec(Model):
    """So many requests at once at most, and per time on average; shared by all checks of a target."""

    requests: Annotated[int, Field(ge=1, le=1_000_000)]
    per: PositiveDuration


class FhirAccess(Model):
    """Durations in milliseconds, sizes in bytes once loaded."""

    base_url: Annotated[str, AfterValidator(_base_url)]
    profile: Annotated[str, AfterValidator(table.known)] = "generic"
    budget: BudgetSpec | None = None
    slow_after: PositiveDuration | None = None
    max_body: Annotated[int, Field(ge=1024, le=16_777_216)] = 2_097_152
    ca: File | None = None
    client_cert: File | None = None
    client_key: File | None = None
    auth: FhirAuthorization | None = None

    @property
    def tls(self) -> TlsOptions:
        return TlsOptions(ca=self.ca, client_cert=self.client_cert, client_key=self.client_key)

    @property
    def vendor(self) -> Profile:
        return table.PROFILES[self.profile]

    @property
    def target(self) -> Target:
        url = parse_url(self.base_url)
        return url.host, url.port

    @property
    def allowance(self) -> Budget | None:
        """The budget of the spec, else that of the profile."""
        if self.budget is None:
            return self.vendor.budget
        return Budget(self.budget.requests, self.budget.per)

    def too_often(self, requests: int) -> tuple[tuple[bool, str], ...]:
        """For `refuse`: a run that asks so often is more than its budget allows at once."""
        small = self.budget is not None and self.budget.requests < requests
        return ((small, f"a run asks {requests} times, more than budget.requests"),)

    def demand(self, requests: int) -> Demand:
        """Of a run that asks so often."""
        return Demand(self.target, requests, self.allowance, self.budget is not None)


def refuse(access: FhirAccess, own: Iterable[tuple[bool, str]] = ()) -> None:
    """ValueError with every contradiction at once: a kind's own ones, then those of the access."""
    secure = parse_url(access.base_url).tls
    certificates = (access.client_cert, access.client_key)
    contradictions = (
        *own,
        (certificates.count(None) == 1, "client_cert and client_key belong together"),
        (access.auth is not None and not secure, "auth needs an https base_url"),
        (access.ca is not None and not secure, "ca needs an https base_url"),
        (any(certificates) and not secure, "client_cert needs an https base_url"),
    )
    problems = [text for wrong, text in contradictions if wrong]
    if problems:
        raise ValueError("; ".join(problems))


def examine(access: FhirAccess) -> None:
    """On any host: ValueError names the keys that are there and are none."""
    backend = access.auth.smart_backend if access.auth is not None else None
    problems = [] if backend is None else backend.unusable(read_secret)
    if problems:
        raise ValueError("; ".join(problems))
