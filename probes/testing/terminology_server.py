"""A simulated FHIR terminology server: four codes, and every way to be wrong about them.

It refuses an unknown code as servers in the field do: by `false`, 404, 400 or 422.
"""

from __future__ import annotations

from typing import Any

from probes.testing.fhir_host import Asked, FhirHost, Reply

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
RELEASES = {
    ICD: "2026",
    SNOMED: "http://snomed.info/sct/731000124108/version/20250901",
}
CODES = {
    (ICD, "E11.9"): "Type 2 diabetes mellitus without complications",
    (ICD, "I10"): "Essential (primary) hypertension",
    (SNOMED, "73211009"): "Diabetes mellitus (disorder)",
    (SNOMED, "404684003"): "Clinical finding (finding)",
}
REFUSALS = {"404": (404, "processing"), "400": (400, "not-found"), "422": (422, "code-invalid")}


class TerminologyServer(FhirHost):
    """`refuses` is how it answers an unknown code: false (404 to `$lookup`), 404, 400 or 422."""

    FAULTS = (
        *FhirHost.FAULTS,
        "no_content",
        "one_missing",
        "accepts",
        "old_release",
        "no_release",
        "other_meaning",
        "no_display",
        "no_result",
    )

    def __init__(self, canaries: tuple[str, ...] = ()) -> None:
        self.refuses = "false"
        super().__init__(
            (
                ("GET", "CodeSystem/$lookup", "lookup", self._lookup),
                ("GET", "CodeSystem/$validate-code", "validate", self._validate),
                ("GET", "ValueSet/$expand", "expand", self._expand),
            ),
            canaries,
        )
        self.asked: list[dict[str, str]] = []
        """The query of every request."""

    def _lookup(self, asked: Asked) -> Reply:
        self.asked.append(asked.query)
        system, code = asked.query.get("system", ""), asked.query.get("code", "")
        display = self._display(asked, system, code)
        if display is None:
            return self._refusal("404" if self.refuses == "false" else self.refuses)
        if asked.fault == "other_meaning":
            display = "Fracture of femur"
        parameters: list[dict[str, Any]] = [{"name": "name", "valueString": self.text}]
        if asked.fault != "no_release":
            parameters.append({"name": "version", "valueString": self._release(asked, system)})
        if asked.fault != "no_display":
            parameters.append({"name": "display", "valueString": display})
        part = {"name": "designation", "part": [{"name": "value", "valueString": self.text}]}
        return Reply(200, {"resourceType": "Parameters", "parameter": [*parameters, part]})

    def _validate(self, asked: Asked) -> Reply:
        self.asked.append(asked.query)
        system, code = asked.query.get("url", ""), asked.query.get("code", "")
        known = self._display(asked, system, code) is not None or asked.fault == "accepts"
        if not known and self.refuses != "false":
            return self._refusal(self.refuses)
        result = [] if asked.fault == "no_result" else [{"name": "result", "valueBoolean": known}]
        message = {"name": "message", "valueString": self.text}
        return Reply(200, {"resourceType": "Parameters", "parameter": [*result, message]})

    def _expand(self, asked: Asked) -> Reply:
        self.asked.append(asked.query)
        system = SNOMED if asked.query.get("url", "").startswith(SNOMED) else ICD
        found = [(code, text) for (of, code), text in CODES.items() if of == system]
        if asked.fault == "no_content":
            found = []
        release = f"{system}|{self._release(asked, system)}"
        told = [] if asked.fault == "no_release" else [{"name": "version", "valueUri": release}]
        page = found[: int(asked.query.get("count", "1000"))]
        contains = [{"system": system, "code": c, "display": text} for c, text in page]
        expansion = {
            "timestamp": "2026-01-05T06:00:00Z",
            "total": len(found),
            "parameter": [*told, {"name": "note", "valueString": self.text}],
            **({"contains": contains} if contains else {}),  # FHIR JSON has no empty arrays
        }
        value_set = {"resourceType": "ValueSet", "status": "active", "title": self.text}
        return Reply(200, {**value_set, "expansion": expansion})

    def _display(self, asked: Asked, system: str, code: str) -> str | None:
        gone = asked.fault == "no_content" or (asked.fault == "one_missing" and code == "I10")
        return None if gone else CODES.get((system, code))

    def _release(self, asked: Asked, system: str) -> str:
        return "2019" if asked.fault == "old_release" else RELEASES[system]

    def _refusal(self, how: str) -> Reply:
        status, code = REFUSALS[how]
        return Reply(status, self.outcome(code))
