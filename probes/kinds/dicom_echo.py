"""DICOM: an association and a C-ECHO, as modalities and workstations check a node (`dicom_echo.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from probes.contract import Env, Kind, Observation, Slot, StepName
from probes.dicom_association import ASSOCIATION_REASONS, Service, load, visit
from probes.dicom_spec import DicomAccess, need_library


class DicomEchoSpec(DicomAccess):
    """The `spec` of a check."""


class DicomEchoProbe:
    """One opened check; every run makes an association of its own."""

    def __init__(self, spec: DicomEchoSpec, env: Env, service: Service) -> None:
        self._spec = spec
        self._env = env
        self._service = service

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks the same each time
        return await visit(self._spec, self._env, self._service)


@asynccontextmanager
async def _open(spec: DicomEchoSpec, env: Env) -> AsyncIterator[DicomEchoProbe]:
    codec = await load()
    service = Service(codec, StepName.ECHO, codec.VERIFICATION, codec.ECHO_RSP, codec.echo)
    yield DicomEchoProbe(spec, env, service)


def _parse(spec: Mapping[str, Any]) -> DicomEchoSpec:
    need_library()
    return DicomEchoSpec.model_validate(spec)


KIND = Kind(
    name="dicom_echo",
    summary="A DICOM node: an association and a C-ECHO",
    parse=_parse,
    open=_open,
    reasons=ASSOCIATION_REASONS,
)
