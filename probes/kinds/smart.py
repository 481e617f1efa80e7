"""SMART on FHIR sign-in: discovery document, a token, our own published keys (`smart.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from probes.assertion import UnusableKeyError
from probes.contract import Env, Fact, Kind, Observation, Outcome, Slot, StepName
from probes.fhiraccess import FhirAccess, examine, refuse
from probes.fhirauthorization import SmartBackend
from probes.fhirsteps import STEP_REASONS, FhirSteps, Layer, exchange, late, whole
from probes.httpclient import HttpAnswer
from probes.net import Deadline, NetFailure
from probes.profiles.table import PROFILES
from probes.reasons import Reason
from probes.smartsteps import SmartSteps
from probes.tls import TlsOptions
from probes.wire.fhir import Verdict
from probes.wire.http1 import Request, parse_url
from probes.wire.smart import Discovery, judge_keys, judge_status

_NO_KEYS = Verdict(Outcome.MISCONFIGURED, Reason.SMART_JWKS)
_OUR_OWN = frozenset(
    {
        Reason.AGENT_SECRET,
        Reason.OK,
        Reason.SLOW,
        Reason.SMART_KEY_EXPOSED,
        Reason.SMART_KEY_UNPUBLISHED,
    }
)
_OF_FHIR = frozenset(
    {
        Reason.FHIR_AUTH,
        Reason.FHIR_BREAK_GLASS,
        Reason.FHIR_NOT_FHIR,
        Reason.FHIR_OUTCOME,
        Reason.FHIR_WRONG_RESOURCE,
    }
)


def _jwks_url(text: str) -> str:
    if not parse_url(text).tls:
        raise ValueError("a key set is published on https")
    return text


class SmartSpec(FhirAccess):
    """The `spec` of a check."""

    discovery: bool = True
    token: bool = True
    jwks_url: Annotated[str, AfterValidator(_jwks_url)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        way = None if self.auth is None else self.auth.by_token
        is_backend = isinstance(way, SmartBackend)
        asks = self.discovery or self.jwks_url is not None or (way is not None and self.token)
        own = (
            (self.auth is not None and way is None, "auth is smart_backend or client_secret here"),
            (self.jwks_url is not None and not is_backend, "jwks_url needs auth.smart_backend"),
            (not asks, "nothing to ask for: it needs discovery, token and auth, or jwks_url"),
            *self.too_often(self.asks),
        )
        refuse(self, own)
        return self

    @property
    def asks(self) -> int:
        """Requests of one run to the server and its token endpoint."""
        needs_token = self.token and self.auth is not None and self.auth.by_token is not None
        return self.discovery + needs_token


class SmartProbe:
    """One opened check."""

    def __init__(self, spec: SmartSpec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._way = None if spec.auth is None else spec.auth.by_token
        self._steps = SmartSteps(spec, self._way, env)
        self._fhir = FhirSteps(spec, env)
        self._digest: bytes | None = None

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        deadline = Deadline(self._env.clock, self._env.timeout_ms)
        try:
            self._fhir.headers()  # for the secret that is read there
            self._fhir.allow(self._spec.asks)
        except NetFailure as failure:
            return Observation(failure.outcome, failure.reason)
        layers: list[Layer] = []

        def spent() -> bool:
            """After a failed step that took all the time, an attempt never made is no step."""
            failed = any(not layer.verdict.outcome.good for layer in layers)
            return failed and deadline.remaining_s() == 0

        url = None if self._way is None else self._way.token_url
        if self._spec.discovery:
            document, layer = await self._steps.discover(deadline)
            layers.append(self._compared(document, layer))
            url = url or (None if document is None else document.token_url)
        # Where the document is read and names no endpoint, its own step says so.
        knows = url is not None or not self._spec.discovery
        if self._way is not None and self._spec.token and knows and not spent():
            layers.append(await self._steps.renew(url, deadline))
        if self._spec.jwks_url is not None and not spent():
            layers.append(await self._jwks(self._spec.jwks_url, deadline))
        return whole(layers, {})

    def _compared(self, document: Discovery | None, layer: Layer) -> Layer:
        """With the document this agent saw before, where it saw one."""
        if document is None:
            return layer
        before, self._digest = self._digest, document.digest
        if before is None:
            return layer
        changed = int(before != document.digest)
        return replace(layer, about={**layer.about, Fact.DISCOVERY_CHANGED: changed})

    async def _jwks(self, url: str, deadline: Deadline) -> Layer:
        """What we publish is ours: nothing that is wrong with it is a fault of the server."""
        if deadline.remaining_s() == 0:
            return late(StepName.JWKS)
        if not isinstance(self._way, SmartBackend):
            raise AssertionError("validated to have keys")
        try:
            keys = self._way.keys(self._env.read_secret)
        except (OSError, KeyError, UnusableKeyError):
            return Layer(StepName.JWKS, Verdict(Outcome.UNKNOWN, Reason.AGENT_SECRET))

        def judge(answer: HttpAnswer, about: dict[Fact, int]) -> Verdict:
            if judge_status(answer.status) is not None:
                return _NO_KEYS
            verdict, absent = judge_keys(answer.body, [(key.kid, key.public) for key in keys])
            about[Fact.KEYS_UNPUBLISHED] = absent
            return verdict

        request = Request("GET", parse_url(url), {"Accept": "application/json"})
        # Published for everybody: no client certificate is shown there.
        tls = TlsOptions(ca=self._spec.ca)
        layer = await exchange(self._env, self._spec, StepName.JWKS, request, deadline, judge, tls)
        unknown = layer.verdict.outcome is Outcome.UNKNOWN
        return (
            layer
            if unknown or layer.verdict.reason in _OUR_OWN
            else replace(layer, verdict=_NO_KEYS)
        )


@asynccontextmanager
async def _open(spec: SmartSpec, env: Env) -> AsyncIterator[SmartProbe]:
    yield SmartProbe(spec, env)


KIND = Kind(
    name="smart",
    summary="SMART on FHIR sign-in: the discovery document, a token, our own published keys",
    parse=SmartSpec.model_validate,
    open=_open,
    reasons=(STEP_REASONS - _OF_FHIR)
    | {Reason.SMART_JWKS, Reason.SMART_KEY_EXPOSED, Reason.SMART_KEY_UNPUBLISHED},
    examine=examine,
    demand=lambda spec: spec.demand(spec.asks),
    profiles=tuple(PROFILES),
)
