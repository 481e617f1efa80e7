"""The steps of a FHIR check that are asked for where its spec says so: `$versions`, the state of a
subscription, a bulk export that is begun and cancelled at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from probes.contract import Fact, StepName
from probes.fhirsteps import FhirSteps, Layer
from probes.httpclient import HttpAnswer
from probes.net import Deadline
from probes.profiles.profile import Profile
from probes.reasons import Reason
from probes.wire.fhir import UP, WRONG_RESOURCE, Verdict
from probes.wire.fhir_optional import (
    ACCEPTED,
    EXPORT_LEFT,
    NOT_OFFERED,
    at_most_partial,
    is_cancelled,
    judge_subscription,
    judge_versions,
    status_address,
)
from probes.wire.http1 import Request, parse_url


class Wanted(Protocol):
    """The part of a spec that these steps read."""

    @property
    def base_url(self) -> str: ...
    @property
    def subscription(self) -> str | None: ...
    @property
    def export(self) -> str | None: ...
    @property
    def vendor(self) -> Profile: ...


class Optionals:
    def __init__(self, steps: FhirSteps, wanted: Wanted) -> None:
        self._steps = steps
        self._wanted = wanted
        self._codes = wanted.vendor.codes

    async def versions(self, headers: Mapping[str, str], deadline: Deadline) -> list[Layer]:
        """`$versions`: whoever does not offer it is in order."""

        def judge(answer: HttpAnswer, _about: dict[Fact, int]) -> Verdict:
            return judge_versions(answer.header("content-type"), answer.body, self._codes)

        layer = await self._steps.get(StepName.VERSIONS, "$versions", headers, deadline, judge)
        if layer.name is not StepName.VERSIONS:
            return [layer]  # no token: that is no question of what is offered
        if layer.http.get(Fact.HTTP_STATUS) in NOT_OFFERED:
            return [replace(layer, verdict=UP)]
        return [replace(layer, verdict=at_most_partial(layer.verdict))]

    async def subscribed(self, headers: Mapping[str, str], deadline: Deadline) -> list[Layer]:
        """The read of a subscription, and whether it is active."""
        path = self._wanted.subscription or ""

        def judge(answer: HttpAnswer, _about: dict[Fact, int]) -> Verdict:
            id_ = path.partition("/")[2]
            kind = answer.header("content-type")
            return judge_subscription(kind, answer.body, id_, self._codes)

        return [await self._steps.get(StepName.SUBSCRIPTION, path, headers, deadline, judge)]

    async def export(self, headers: Mapping[str, str], deadline: Deadline) -> list[Layer]:
        """Begin the export of a tiny group and cancel it. One that cannot be cancelled is the last:
        a check must not fill a server with them.
        """
        where: list[str | None] = []

        def judge(answer: HttpAnswer, _about: dict[Fact, int]) -> Verdict:
            if answer.status != ACCEPTED:
                return WRONG_RESOURCE
            where.append(answer.header("content-location"))
            return UP

        path = f"{self._wanted.export}/$export"
        asking = {**headers, "Prefer": "respond-async"}
        begun = await self._steps.get(StepName.EXPORT, path, asking, deadline, judge)
        if not where:
            return [begun]
        cancelled = await self._cancel(where[0], headers, deadline)
        if is_cancelled(cancelled.http.get(Fact.HTTP_STATUS)):
            return [begun, replace(cancelled, verdict=UP)]
        self._steps.stop(Reason.FHIR_EXPORT)
        return [begun, replace(cancelled, name=StepName.EXPORT_CANCEL, verdict=EXPORT_LEFT)]

    async def _cancel(
        self, where: str | None, headers: Mapping[str, str], deadline: Deadline
    ) -> Layer:
        """The layer of the DELETE; of none where it says no address we may ask."""
        url = status_address(where, parse_url(self._wanted.base_url))
        if url is None:
            return Layer(StepName.EXPORT_CANCEL, EXPORT_LEFT)
        request = Request("DELETE", url, headers)
        return await self._steps.step(
            StepName.EXPORT_CANCEL, request, deadline, lambda _answer, _about: UP
        )
