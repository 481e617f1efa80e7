"""Schedule, Slot and Appointment of FHIR R4 as questions and verdicts. Total: any bytes give one.

A booking of ours carries a mark, an identifier of our own system: nothing without it is ever
touched. Of the texts of a server only ids and the two instants of a free slot of the test
schedule are used, to answer that very server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import msgspec

from probes.contract import Outcome
from probes.profiles.generic import PROFILE as GENERIC
from probes.profiles.profile import Codes
from probes.reasons import Reason
from probes.wire.fhir import UP, WRONG_RESOURCE, Verdict, decode, judge_type
from probes.wire.fhir_bundle import NO_MATCH
from probes.wire.fhir_page import judge_page

MARK_SYSTEM = "urn:wardwatch:booking"
PAGE = 20
"""Free slots a page holds at least; a server that tells no total is counted up to here."""

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_MARK = re.compile(r"[0-9]{13}-[0-9a-f]{8}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,20}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_STANDING = frozenset({"booked", "pending", "proposed"})
"""https://hl7.org/fhir/R4/valueset-appointmentstatus.html: what still takes a place."""
_GONE = frozenset({404, 410})
_LOOK_BACK = timedelta(days=30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FEW_SLOTS = Verdict(Outcome.DEGRADED, Reason.SCHEDULING_FEW_SLOTS)


class _Reference(msgspec.Struct):
    reference: str | None = None


class _Identifier(msgspec.Struct):
    system: str | None = None
    value: str | None = None


class _Participant(msgspec.Struct):
    actor: _Reference | None = None


class _Schedule(msgspec.Struct):
    id: str | None = None


class _Slot(msgspec.Struct):
    id: str | None = None
    status: str | None = None
    start: str | None = None
    end: str | None = None
    schedule: _Reference | None = None


class _Appointment(msgspec.Struct):
    id: str | None = None
    status: str | None = None
    identifier: list[_Identifier] | None = None
    participant: list[_Participant] | None = None


@dataclass(frozen=True, slots=True)
class FreeSlot:
    id: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Booked:
    """`made`: the server says that it stands. An id only where the answer shows our mark: a crossed
    answer never makes us touch somebody else's.
    """

    verdict: Verdict
    id: str | None
    made: bool


def schedule_path(schedule: str) -> str:
    return f"Schedule?{urlencode({'_id': schedule, '_count': '1'})}"


def slots_path(where: Mapping[str, str], now_ms: int, within_ms: int | None, count: int) -> str:
    """Free slots from now on, for as long; None is without end."""
    now = _EPOCH + timedelta(milliseconds=now_ms)
    query = [*where.items(), ("status", "free"), ("start", f"ge{_instant(now)}")]
    if within_ms is not None:
        query.append(("start", f"lt{_instant(now + timedelta(milliseconds=within_ms))}"))
    return f"Slot?{urlencode([*query, ('_count', str(count))])}"


def appointments_path(patient: str, now_ms: int) -> str:
    """Of today and later, in UTC."""
    now = _EPOCH + timedelta(milliseconds=now_ms)
    query = {"patient": patient, "date": f"ge{now:%Y-%m-%d}", "_count": "1"}
    return f"Appointment?{urlencode(query)}"


def standing_path(patient: str, now_ms: int) -> str:
    """All that still takes a place; a mark cannot be searched for everywhere."""
    since = _EPOCH + timedelta(milliseconds=now_ms) - _LOOK_BACK
    query = {
        "patient": patient,
        "date": f"ge{since:%Y-%m-%d}",
        "status": ",".join(sorted(_STANDING)),
        "_count": "50",
    }
    return f"Appointment?{urlencode(query)}"


def mark(now_ms: int, nonce: int) -> str:
    """The identifier of one booking; `nonce` has 32 bits."""
    return f"{now_ms:013d}-{nonce:08x}"


def booking(slot: FreeSlot, patient: str, mark_: str) -> bytes:
    """The Appointment to create."""
    return msgspec.json.encode(
        {
            "resourceType": "Appointment",
            "meta": {"tag": [{"system": MARK_SYSTEM, "code": "synthetic"}]},
            "identifier": [{"system": MARK_SYSTEM, "value": mark_}],
            "status": "booked",
            "description": "Synthetic booking of a monitor, undone at once",
            "start": slot.start,
            "end": slot.end,
            "slot": [{"reference": f"Slot/{slot.id}"}],
            "participant": [{"actor": {"reference": f"Patient/{patient}"}, "status": "accepted"}],
        }
    )


CANCELLATION = b'[{"op":"replace","path":"/status","value":"cancelled"}]'
"""RFC 6902, sent as `application/json-patch+json`."""


def judge_schedule(content_type: str | None, body: bytes, schedule: str) -> Verdict:
    """Judge a 2xx answer to `schedule_path`."""
    verdict, page = judge_page(content_type, body, "Schedule")
    if page is None:
        return verdict
    if not page.matches:
        return NO_MATCH
    found = decode(page.matches[0], _Schedule)
    return verdict if found is not None and found.id == schedule else WRONG_RESOURCE


def judge_slots(
    content_type: str | None, body: bytes, expect_free: int | None
) -> tuple[Verdict, int | None]:
    """Judge a 2xx answer to `slots_path`; beside the verdict, how many are free. None is no shame."""
    verdict, page = judge_page(content_type, body, "Slot")
    if page is None:
        return verdict, None
    for match in page.matches:
        slot = decode(match, _Slot)
        if slot is None or slot.status != "free":
            return WRONG_RESOURCE, None
    if verdict == UP and expect_free is not None and page.count < expect_free:
        return _FEW_SLOTS, page.count
    return verdict, page.count


def judge_free_slot(
    content_type: str | None, body: bytes, schedule: str
) -> tuple[Verdict, FreeSlot | None]:
    """The first free slot, and only one of that very schedule; `up` without one: it is full."""
    verdict, page = judge_page(content_type, body, "Slot")
    if page is None or not page.matches:
        return verdict, None
    slot = decode(page.matches[0], _Slot)
    if slot is None or slot.status != "free" or not _is(slot.schedule, f"Schedule/{schedule}"):
        return WRONG_RESOURCE, None
    id_, start, end = slot.id or "", slot.start or "", slot.end or ""
    if not (_ID.fullmatch(id_) and _INSTANT.fullmatch(start) and _INSTANT.fullmatch(end)):
        return WRONG_RESOURCE, None
    return verdict, FreeSlot(id_, start, end)


def judge_appointments(
    content_type: str | None, body: bytes, patient: str, codes: Codes = GENERIC.codes
) -> Verdict:
    """Judge a 2xx answer to `appointments_path`: one of another patient is a crossed answer."""
    verdict, page = judge_page(content_type, body, "Appointment", codes)
    for match in page.matches if page is not None else ():
        found = decode(match, _Appointment)
        if found is None or not _concerns(found, patient):
            return WRONG_RESOURCE
    return verdict


def judge_standing(
    content_type: str | None, body: bytes, codes: Codes = GENERIC.codes
) -> tuple[Verdict, dict[str, str] | None]:
    """Judge a 2xx answer to `standing_path`; beside the verdict, mark -> id of those of ours."""
    verdict, page = judge_page(content_type, body, "Appointment", codes)
    if page is None:
        return verdict, None
    ours: dict[str, str] = {}
    for match in page.matches:
        found = decode(match, _Appointment)
        if found is None:
            return WRONG_RESOURCE, None
        mark_ = _mark_of(found)
        if mark_ is not None and found.status in _STANDING and _ID.fullmatch(found.id or ""):
            ours[mark_] = found.id or ""
    return verdict, ours


def judge_booked(content_type: str | None, body: bytes, mark_: str) -> Booked:
    """Judge a 2xx answer to the create of a booking; it may come without the resource.

    https://hl7.org/fhir/R4/http.html#ops, return=minimal.
    """
    if not body:
        return Booked(UP, None, made=True)
    verdict, kind = judge_type(content_type, body)
    if verdict is not None:
        return Booked(verdict, None, made=False)
    if kind == "OperationOutcome":
        return Booked(UP, None, made=True)
    found = decode(body, _Appointment) if kind == "Appointment" else None
    if found is None:
        return Booked(WRONG_RESOURCE, None, made=False)
    if _mark_of(found) != mark_ or not _ID.fullmatch(found.id or ""):
        return Booked(WRONG_RESOURCE, None, made=True)
    return Booked(UP if found.status in _STANDING else WRONG_RESOURCE, found.id, made=True)


def is_gone(status: int, _body: bytes) -> Verdict | None:
    """What is not there any more is undone."""
    return UP if status in _GONE else None


def judge_undone(content_type: str | None, body: bytes) -> Verdict:
    """Judge a 2xx answer to the cancellation or the delete of a booking."""
    if not body:
        return UP
    verdict, kind = judge_type(content_type, body)
    if verdict is not None:
        return verdict
    if kind == "OperationOutcome":
        return UP
    found = decode(body, _Appointment) if kind == "Appointment" else None
    return WRONG_RESOURCE if found is None or found.status in _STANDING else UP


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _is(reference: _Reference | None, what: str) -> bool:
    """Relative or absolute, without a version."""
    told = reference.reference if reference is not None else None
    return told is not None and (told == what or told.endswith(f"/{what}"))


def _concerns(appointment: _Appointment, patient: str) -> bool:
    """Whether it names this patient, or none."""
    named = [
        p.actor
        for p in appointment.participant or ()
        if p.actor is not None and "Patient/" in (p.actor.reference or "")
    ]
    return not named or any(_is(actor, f"Patient/{patient}") for actor in named)


def _mark_of(appointment: _Appointment) -> str | None:
    values = (i.value or "" for i in appointment.identifier or () if i.system == MARK_SYSTEM)
    return next((value for value in values if _MARK.fullmatch(value)), None)
