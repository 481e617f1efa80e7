"""The `spec` of a check of kind `hl7` (`kinds/hl7.md`), and the messages that follow from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from probes import hl7_ladder, hl7_template
from probes.config_words import Model, PositiveDuration
from probes.hl7_ladder import RUNGS, Rung
from probes.tls_spec import Tls

Reference = Annotated[str, StringConstraints(pattern=r"^file:/.+$")]
# HL7's delimiters have no place in a value, save those of components and subcomponents
Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=64)]
Hierarchic = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._^&-]*$", max_length=199)
]
PersonName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .'^-]*$", max_length=199)
]
_OF_THE_MESSAGE = (
    "patient",
    "identifier",
    "processing_id",
    "sending_application",
    "sending_facility",
    "receiving_application",
    "receiving_facility",
    "version",
)
_OF_AN_ANSWER = ("ack", "application_ack", "connection")


class Patient(Model):
    """The agreed test patient."""

    id: Value
    assigning_authority: Hierarchic
    name: PersonName


class Hl7Spec(Model):
    """Durations in milliseconds once loaded."""

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
    port: Annotated[int, Field(ge=1, le=65535)]
    tls: Tls | None = None
    connection: Literal["each", "keep"] = "each"
    exclusive: bool = False
    message: Literal[
        "connect",
        "bad_type",
        "nmq",
        "query",
        "adt_a08",
        "visit",
        "schedule",
        "order",
        "charge",
        "own",
    ] = "adt_a08"
    allow_writes: bool = False
    allow_charges: bool = False
    template: Reference | None = None
    undo: Reference | None = None
    ack: Literal["original", "enhanced"] = "original"
    application_ack: bool = False
    patient: Patient | None = None
    identifier: Value | None = None
    processing_id: Literal["P", "T", "D"] | None = None
    sending_application: Hierarchic = "WARDWATCH"
    sending_facility: Hierarchic | None = None
    receiving_application: Hierarchic | None = None
    receiving_facility: Hierarchic | None = None
    version: Literal["2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2"] = (
        "2.5.1"
    )
    slow_after: PositiveDuration | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = [*self._misfits(), *self._missing(), *self._unanswered()]
        if self.template is None:
            problems += hl7_ladder.opt_in_problems(
                self.message,
                self.processing_id,
                allow_writes=self.allow_writes,
                allow_charges=self.allow_charges,
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def rung(self) -> Rung:
        return RUNGS[self.message]

    @property
    def files(self) -> tuple[str, ...]:
        """References of the operator's own messages."""
        return tuple(one for one in (self.template, self.undo) if one is not None)

    @property
    def asks(self) -> tuple[str, str]:
        """MSH-15 and MSH-16, table 0155."""
        if self.ack == "original":
            return "", ""
        return "AL", "AL" if self.application_ack else "NE"

    def messages(self, files: tuple[bytes, ...]) -> tuple[str, ...]:
        """The texts of a run in order; `files` has the contents of `self.files`. TemplateError."""
        if self.message == "connect":
            return ()
        if not files:
            names = (self.message, f"{self.message}_undo")[: 1 + self.rung.is_pair]
            return tuple(hl7_template.shipped(name, self._values()) for name in names)
        return tuple(hl7_template.from_file(data) for data in files)

    def template_problems(self, texts: tuple[str, ...]) -> Iterator[str]:
        """Why messages of the operator's own are not these, or may not be sent."""
        if not self.files:
            return iter(())
        return hl7_ladder.template_problems(
            self.message,
            texts,
            asks=self.asks,
            allow_writes=self.allow_writes,
            allow_charges=self.allow_charges,
        )

    def _misfits(self) -> Iterator[str]:
        """Keys that say what nobody would hear."""
        given, rung = self.model_fields_set, self.rung
        idle: list[str] = []
        if self.message == "connect":
            idle += [n for n in (*_OF_THE_MESSAGE, *_OF_AN_ANSWER, "template") if n in given]
        elif self.template is not None:
            twice = [name for name in _OF_THE_MESSAGE if name in given]
            if twice:
                yield f"the template's file says it already: {', '.join(twice)}"
        else:
            idle += [n for n in ("patient", "identifier") if n in given and n not in rung.needs]
        idle += ["undo"] if self.undo is not None and not rung.is_pair else []
        idle += ["allow_writes"] if self.allow_writes and not rung.writes else []
        if self.allow_charges and not rung.charges and self.message != hl7_ladder.OWN:
            idle.append("allow_charges")
        if idle:
            yield f"message: {self.message} has no use for {', '.join(idle)}"

    def _missing(self) -> Iterator[str]:
        rung = self.rung
        if self.template is not None:
            if rung.is_pair and self.undo is None:
                yield f"message: {self.message} needs undo, the message that takes it back"
            return
        if self.undo is not None and rung.is_pair:
            yield "undo goes with template"
        if self.message == hl7_ladder.OWN:
            yield "message: own needs template"
        missing = [name for name in rung.needs if getattr(self, name) is None]
        if missing:
            yield f"message: {self.message} needs {' and '.join(missing)}"
        if not _number(rung.oldest) <= _number(self.version) <= _number(rung.newest):
            yield (
                f"message: {self.message} is there for HL7 {rung.oldest} to {rung.newest}; "
                "for another version write a template of your own"
            )

    def _unanswered(self) -> Iterator[str]:
        if self.application_ack and self.ack == "original":
            yield "application_ack goes with ack: enhanced"
        if self.message == "query" and self.ack == "enhanced" and not self.application_ack:
            yield "message: query needs application_ack: true, a commit answers no query"

    def _values(self) -> dict[str, str]:
        accept, application = self.asks
        of_patient: dict[str, str] = {}
        if self.patient is not None:
            authority = self.patient.assigning_authority
            of_patient = {
                "patient": self.patient.id,
                "authority": authority,
                "namespace": re.split(r"[&^]", authority)[0],
                "patient_name": self.patient.name,
            }
        return {
            **of_patient,
            "sending_application": self.sending_application,
            "sending_facility": self.sending_facility or "",
            "receiving_application": self.receiving_application or "",
            "receiving_facility": self.receiving_facility or "",
            "processing_id": self.processing_id or "",
            "version": self.version,
            "identifier": self.identifier or "",
            "accept_ack": accept,
            "application_ack": application,
        }


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
