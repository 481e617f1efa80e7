"""A simulated scheduling system: two schedules, free slots, appointments that can be booked.

`zz-clinic` is the clinic whose slots are counted, `zz-test` the test clinic. It keeps what is
booked, so that a booking left behind is really there.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from probes.testing.fhir_host import Asked, FhirHost, Reply

CLINIC, TEST_CLINIC = "zz-clinic", "zz-test"
PATIENT = "zz-uptime-1"
STANDING = ("booked", "pending", "proposed")


class SchedulingServer(FhirHost):
    """`answers` is what a create answers with: resource, nothing or outcome."""

    FAULTS = (
        *FhirHost.FAULTS,
        "no_schedule",
        "no_slots",
        "busy_slots",
        "other_schedule",
        "other_patient",
        "conflict",
        "stays_booked",
        "says_undone",
        "already_gone",
        "drops_mark",
        "other_status",
    )

    def __init__(self, canaries: tuple[str, ...] = ()) -> None:
        self.answers = "resource"
        self.tells_total = True
        self.appointments: dict[str, dict[str, Any]] = {}
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        self._slots = [
            self._slot(f"{schedule}-{n}", schedule, now + timedelta(hours=n))
            for schedule, hours in ((CLINIC, (24, 25, 26, 24 * 20)), (TEST_CLINIC, (30, 31)))
            for n in hours
        ]
        super().__init__(
            (
                ("GET", "Schedule", "schedule", self._schedules),
                ("GET", "Slot", "slot", self._free),
                ("GET", "Appointment", "appointment", self._search),
                ("POST", "Appointment", "book", self._book),
                ("PATCH", "Appointment/{id}", "cancel", self._cancel),
                ("DELETE", "Appointment/{id}", "cancel", self._cancel),
            ),
            canaries,
        )
        other = self._appointment("zz-other", "zz-uptime-2", f"{CLINIC}-24", "booked")
        self._others = {"zz-other": other}

    @property
    def standing(self) -> int:
        """How many bookings made here still take a place."""
        return sum(a["status"] in STANDING for a in self.appointments.values())

    def _schedules(self, asked: Asked) -> Reply:
        id_ = asked.query.get("_id", "")
        known = id_ in (CLINIC, TEST_CLINIC) and asked.fault != "no_schedule"
        actor = {"reference": "Location/zz-1", "display": self.text}
        schedule = {"resourceType": "Schedule", "id": id_, "actor": [actor]}
        return self._bundle([schedule] if known else [], asked)

    def _free(self, asked: Asked) -> Reply:
        wanted = asked.query.get("schedule", "").removeprefix("Schedule/")
        if asked.fault == "other_schedule":
            wanted = CLINIC if wanted == TEST_CLINIC else TEST_CLINIC
        taken = {
            slot["reference"].removeprefix("Slot/")
            for appointment in self.appointments.values()
            if appointment["status"] in STANDING
            for slot in appointment["slot"]
        }
        bounds = asked.several.get("start", [])
        found = [
            slot
            for slot in self._slots
            if slot["schedule"]["reference"] == f"Schedule/{wanted}"
            and slot["id"] not in taken
            and all(_within(slot["start"], bound) for bound in bounds)
        ]
        if asked.fault == "no_slots":
            found = []
        if asked.fault == "busy_slots":
            found = [{**slot, "status": "busy"} for slot in found]
        return self._bundle([{**slot, "comment": self.text} for slot in found], asked)

    def _search(self, asked: Asked) -> Reply:
        wanted = asked.query.get("patient", "")
        if asked.fault == "other_patient":
            return self._bundle(list(self._others.values()), asked)
        statuses = asked.query.get("status", "").split(",")
        found = [
            appointment
            for appointment in self.appointments.values()
            if appointment["participant"][0]["actor"]["reference"] == f"Patient/{wanted}"
            and (statuses == [""] or appointment["status"] in statuses)
        ]
        return self._bundle(found, asked)

    def _book(self, asked: Asked) -> Reply:
        if asked.fault == "conflict":
            return Reply(409, self.outcome("conflict"))
        appointment = json.loads(asked.body)
        id_ = f"zz-{len(self.appointments) + 1}"
        appointment["id"] = id_
        if asked.fault == "drops_mark":
            appointment.pop("identifier")
            appointment.pop("meta")
        self.appointments[id_] = appointment
        shown = {**appointment, "comment": self.text}
        if asked.fault == "other_status":
            shown["status"] = "noshow"
        fields = {"Location": f"{self.base_url}/Appointment/{id_}/_history/1"}
        if self.answers == "nothing":
            return Reply(201, None, fields)
        if self.answers == "outcome":
            return Reply(201, self.outcome("informational", "information"), fields)
        return Reply(201, shown, fields)

    def _cancel(self, asked: Asked) -> Reply:
        appointment = self.appointments.get(asked.path["id"])
        if appointment is None or asked.fault == "already_gone":
            self.appointments.pop(asked.path["id"], None)
            return Reply(404, self.outcome("not-found"))
        if asked.fault == "says_undone":
            return Reply(204, None)
        if asked.fault != "stays_booked" and asked.method == "DELETE":
            del self.appointments[asked.path["id"]]
            return Reply(204, None)
        if asked.fault != "stays_booked":
            (change,) = json.loads(asked.body)
            if asked.fields.get("Content-Type") != "application/json-patch+json":
                return Reply(415, self.outcome("not-supported"))
            if (change["op"], change["path"]) != ("replace", "/status"):
                return Reply(422, self.outcome("invalid"))
            appointment["status"] = change["value"]
        return Reply(200, {**appointment, "comment": self.text})

    def _bundle(self, found: list[dict[str, Any]], asked: Asked) -> Reply:
        page = found[: int(asked.query.get("_count", "10"))]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
        if self.tells_total:
            bundle["total"] = len(found)
        link = {"relation": "self", "url": f"{self.base_url}?page={len(self.text)}"}
        entries = [{"resource": r, "search": {"mode": "match"}} for r in page]
        note = {
            "resource": self.outcome("informational", "warning"),
            "search": {"mode": "outcome"},
        }
        return Reply(200, {**bundle, "link": [link], "entry": [*entries, note]})

    def _slot(self, id_: str, schedule: str, start: datetime) -> dict[str, Any]:
        return {
            "resourceType": "Slot",
            "id": id_,
            "schedule": {"reference": f"Schedule/{schedule}"},
            "status": "free",
            "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{start + timedelta(minutes=15):%Y-%m-%dT%H:%M:%SZ}",
        }

    def _appointment(self, id_: str, patient: str, slot: str, status: str) -> dict[str, Any]:
        actor = {"reference": f"Patient/{patient}", "display": self.text}
        return {
            "resourceType": "Appointment",
            "id": id_,
            "status": status,
            "slot": [{"reference": f"Slot/{slot}"}],
            "participant": [{"actor": actor, "status": "accepted"}],
        }


def _within(start: str, bound: str) -> bool:
    """`bound` is `ge` or `lt` and an instant of the same form."""
    return start >= bound[2:] if bound.startswith("ge") else start < bound[2:]
