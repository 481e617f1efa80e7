"""pynetdicom and pydicom as we use them: our requests as bytes, the far side's commands as numbers.

Importing this takes half a second and 32 MB, so it is loaded by those who have such a check, in a
thread (`dicom_association.py`). The library's own associations are not used: each keeps two threads
that look for news a thousand times a second (4.5 % of a core for a peer that says nothing, a whole
core for 32 of them), they read a PDU of any length, and they end three different failures as
`is_aborted`. Identifiers of matches are never decoded, and of a command only numbers are taken.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from io import BytesIO
from typing import Any

import pydicom.config
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom.dimse_messages import C_ECHO_RQ, C_FIND_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO, C_FIND
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu import A_ASSOCIATE_RQ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

from probes.wire.dicom import CONTEXT, OUR_PDU, MalformedError

VERIFICATION = "1.2.840.10008.1.1"
MODELS = {
    "worklist": "1.2.840.10008.5.1.4.31",
    "study_root": "1.2.840.10008.5.1.4.1.2.2.1",
    "patient_root": "1.2.840.10008.5.1.4.1.2.1.1",
}
"""SOP classes of C-FIND, PS3.4 annexes C.6 and K.6."""
MESSAGE_ID = 1
ECHO_RSP, FIND_RSP = 0x8030, 0x8020
_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"  # PS3.7 annex A.2.1
_IMPLEMENTATION = "2.25.18875377328034763212558805990355128450"
_NO_STUDY = "2.25.291252700250515020317235322582873279579"
"""A study that never was: made from a UUID for this alone."""
_NO_DATA_SET = 0x0101
_KEPT = 1024
"""Requests of an agent's checks: they are the same at each run, a worklist's on each day."""

# They quote titles, comments and identifiers: silenced here, whatever anybody sets or adds later.
for _name in tuple(logging.root.manager.loggerDict):
    if _name.partition(".")[0] in ("pydicom", "pynetdicom"):
        logging.getLogger(_name).disabled = True
# Warnings may quote values, too, and go to the standard error: what would be one is malformed.
pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    has_data_set: bool


@lru_cache(maxsize=_KEPT)
def association(called_ae: str, calling_ae: str, sop_class: str) -> bytes:
    """A-ASSOCIATE-RQ for one service in Implicit VR Little Endian, which everybody has to know."""
    context = PresentationContext()
    context.context_id = CONTEXT
    context.abstract_syntax = UID(sop_class)
    context.transfer_syntax = [ImplicitVRLittleEndian]
    longest = MaximumLengthNotification()
    longest.maximum_length_received = OUR_PDU
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(_IMPLEMENTATION)
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID(_APPLICATION_CONTEXT)
    primitive.calling_ae_title = calling_ae
    primitive.called_ae_title = called_ae
    primitive.presentation_context_definition_list = [context]
    primitive.user_information = [longest, implementation]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


@lru_cache(maxsize=_KEPT)
def echo(max_pdu: int) -> bytes:
    """C-ECHO-RQ, PS3.7 section 9.3.5.1."""
    primitive = C_ECHO()
    primitive.MessageID = MESSAGE_ID
    primitive.AffectedSOPClassUID = UID(VERIFICATION)
    return _message(C_ECHO_RQ(), primitive, max_pdu)


@lru_cache(maxsize=_KEPT)
def find(model: str, patient_id: str, day: date, max_pdu: int) -> bytes:
    """C-FIND-RQ for a patient there is not; keys are those that narrow it and no other."""
    keys = Dataset()
    keys.PatientID = patient_id
    if model == "worklist":
        step = Dataset()
        step.ScheduledProcedureStepStartDate = f"{day:%Y%m%d}"
        keys.ScheduledProcedureStepSequence = [step]
    elif model == "study_root":
        # strict archives want the unique key of the level they are asked for (PS3.4 C.4.1.1.3.1)
        keys.QueryRetrieveLevel, keys.StudyInstanceUID = "STUDY", _NO_STUDY
    else:
        keys.QueryRetrieveLevel = "PATIENT"
    primitive = C_FIND()
    primitive.MessageID = MESSAGE_ID
    primitive.AffectedSOPClassUID = UID(MODELS[model])
    primitive.Priority = 2  # low
    primitive.Identifier = BytesIO(encode(keys, is_implicit_vr=True, is_little_endian=True) or b"")
    return _message(C_FIND_RQ(), primitive, max_pdu)


def response(command: bytes, expected: int) -> Response:
    """A command set that answers our message, `expected` its command field. Raises MalformedError."""
    try:
        answer = decode(BytesIO(command), is_implicit_vr=True, is_little_endian=True)
        field = _number(answer, "CommandField")
        of = _number(answer, "MessageIDBeingRespondedTo")
        status, kind = _number(answer, "Status"), _number(answer, "CommandDataSetType")
    except Exception:  # noqa: BLE001 - the library stumbles over what it should refuse
        raise MalformedError from None
    if field != expected or of != MESSAGE_ID or status is None or kind is None:
        raise MalformedError
    return Response(status, kind != _NO_DATA_SET)


def _number(answer: Dataset, name: str) -> int | None:
    value = answer.get(name)
    return value if isinstance(value, int) else None


def _message(message: DIMSEMessage, primitive: Any, max_pdu: int) -> bytes:
    message.primitive_to_message(primitive)
    sent = b""
    for part in message.encode_msg(CONTEXT, max_pdu):
        pdu = P_DATA_TF()
        pdu.from_primitive(part)
        sent += pdu.encode()
    return sent
