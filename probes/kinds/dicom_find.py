"""DICOM: a C-FIND that can match nobody, to a worklist or an archive (`dicom_find.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from types import ModuleType
from typing import Any, Literal

from probes.contract import Env, Kind, Observation, Slot, StepName
from probes.dicom_association import ASSOCIATION_REASONS, Service, load, visit
from probes.dicom_spec import NOBODY, DicomAccess, NobodysId, need_library
from probes.reasons import Reason
from probes.times import from_ms


class DicomFindSpec(DicomAccess):
    """The `spec` of a check."""

    model: Literal["worklist", "study_root", "patient_root"]
    patient_id: NobodysId = NOBODY


class DicomFindProbe:
    """One opened check; every run makes an association of its own."""

    def __init__(self, spec: DicomFindSpec, env: Env, codec: ModuleType) -> None:
        self._spec = spec
        self._env = env
        self._codec = codec

    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - it asks for today
        spec, codec = self._spec, self._codec
        day = from_ms(self._env.clock.now_ms()).date()
        request = partial(codec.find, spec.model, spec.patient_id, day)
        service = Service(codec, StepName.FIND, codec.MODELS[spec.model], codec.FIND_RSP, request)
        return await visit(spec, self._env, service)


@asynccontextmanager
async def _open(spec: DicomFindSpec, env: Env) -> AsyncIterator[DicomFindProbe]:
    yield DicomFindProbe(spec, env, await load())


def _parse(spec: Mapping[str, Any]) -> DicomFindSpec:
    need_library()
    return DicomFindSpec.model_validate(spec)


KIND = Kind(
    name="dicom_find",
    summary="A DICOM worklist or archive: a query that can match nobody, answered with nothing",
    parse=_parse,
    open=_open,
    reasons=ASSOCIATION_REASONS | {Reason.DICOM_MATCH},
)
