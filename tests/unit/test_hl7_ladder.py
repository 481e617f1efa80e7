"""What a check of kind `hl7` may send, and what must be agreed and written before it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.hl7_ladder import RUNGS
from probes.hl7_template import VERSIONS, TemplateError
from probes.kinds.hl7 import KIND
from probes.wire.hl7 import Place, cut

PATIENT = {"id": "ZZ0001", "assigning_authority": "TEST", "name": "ZZTEST^UPTIME"}
BASE = {"host": "127.0.0.1", "port": "6661"}
SAID = {"processing_id": "T", "patient": PATIENT}
THING = {**SAID, "identifier": "ZZUP1"}
OPEN = {"allow_writes": "true"}
PAIR_OPT_IN = (
    "writes to the far side: once its owner agreed on what a run leaves behind, say "
    "allow_writes: true"
)
CHARGE_OPT_IN = (
    "message: charge posts a charge: once finance agreed on a non-billable account, say "
    "allow_charges: true"
)
PRODUCTION = (
    "with processing id P changes production data: once its owner agreed, say allow_writes: true"
)


def refused(spec: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        KIND.parse({**BASE, **spec})
    (error,) = caught.value.errors()
    return error["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        # what could change production data, without what was agreed
        ({"message": "visit", **THING}, f"message: visit {PAIR_OPT_IN}"),
        ({"message": "schedule", **THING}, f"message: schedule {PAIR_OPT_IN}"),
        ({"message": "order", **THING}, f"message: order {PAIR_OPT_IN}"),
        ({"message": "charge", **THING}, f"message: charge {PAIR_OPT_IN}; {CHARGE_OPT_IN}"),
        ({"message": "charge", **THING, **OPEN}, CHARGE_OPT_IN),
        ({**SAID, "processing_id": "P"}, f"message: adt_a08 {PRODUCTION}"),
        # what is missing
        (
            {"message": "visit", **OPEN},
            "message: visit needs patient and processing_id and identifier",
        ),
        ({"message": "query"}, "message: query needs patient and processing_id"),
        ({"message": "nmq"}, "message: nmq needs processing_id"),
        ({"message": "own", **OPEN}, "message: own needs template"),
        (
            {"message": "visit", "template": "file:/a04", **OPEN},
            "message: visit needs undo, the message that takes it back",
        ),
        ({"message": "visit", **THING, **OPEN, "undo": "file:/a11"}, "undo goes with template"),
        # what nobody would hear
        (
            {
                "message": "connect",
                "processing_id": "T",
                "connection": "keep",
                "template": "file:/x",
            },
            "message: connect has no use for processing_id, connection, template",
        ),
        ({"message": "nmq", **SAID}, "message: nmq has no use for patient"),
        ({"message": "query", **SAID, **OPEN}, "message: query has no use for allow_writes"),
        ({**SAID, "undo": "file:/a11"}, "message: adt_a08 has no use for undo"),
        (
            {"message": "visit", **THING, **OPEN, "allow_charges": "true"},
            "message: visit has no use for allow_charges",
        ),
        (
            {"template": "file:/a08", "version": "2.4", "processing_id": "T"},
            "the template's file says it already: processing_id, version",
        ),
        # what would never be answered
        ({**SAID, "application_ack": "true"}, "application_ack goes with ack: enhanced"),
        (
            {"message": "query", **SAID, "ack": "enhanced"},
            "message: query needs application_ack: true, a commit answers no query",
        ),
        (
            {"message": "order", **THING, **OPEN, "version": "2.7"},
            (
                "message: order is there for HL7 2.4 to 2.6; for another version write a template of "
                "your own"
            ),
        ),
    ],
)
def test_a_check_is_refused_with_the_reason(spec: dict[str, Any], problem: str) -> None:
    assert refused(spec) == problem


@pytest.mark.parametrize(
    "spec",
    [
        {"message": "connect"},
        {"message": "bad_type", "processing_id": "P"},
        {"message": "nmq", "processing_id": "P"},
        {"message": "query", **SAID, "processing_id": "P"},
        SAID,
        {**SAID, "processing_id": "P", **OPEN},
        {"message": "visit", **THING, **OPEN},
        {"message": "charge", **THING, **OPEN, "allow_charges": "true"},
        {"message": "own", "template": "file:/x", **OPEN},
        {"message": "query", **SAID, "ack": "enhanced", "application_ack": "true"},
    ],
)
def test_what_reads_or_was_agreed_is_taken(spec: dict[str, Any]) -> None:
    KIND.parse({**BASE, **spec})


def test_how_often_a_check_that_writes_may_run_and_that_none_undoes_another() -> None:
    def writes(**more: Any) -> tuple[int, str | None] | None:
        found = KIND.writes(KIND.parse({**BASE, **more}))
        return None if found is None else (found.least_every_ms, found.alone)

    assert writes(**SAID) is None
    assert writes(message="connect") is None
    assert writes(message="visit", **THING, **OPEN) == (300_000, "127.0.0.1:6661 visit ZZUP1")
    shouted = writes(message="visit", **THING, **OPEN, host="LAB.example.org")
    assert shouted == (300_000, "lab.example.org:6661 visit ZZUP1")
    charge = writes(message="charge", **THING, **OPEN, allow_charges="true")
    assert charge == (3_600_000, "127.0.0.1:6661 charge ZZUP1")


BAD_TYPE = b"MSH|^~\\&|P||||20200101||ZZZ^Z01|1|T|2.5.1\n"
VISIT = (
    b"MSH|^~\\&|P||||20200101||ADT^A04^ADT_A01|1|T|2.5.1\nEVN||20260101\n"
    b"PID|1||ZZ1^^^T^MR||ZZ^T\nPV1|1|O|||||||||||||||||V1\n"
)
UNDO = VISIT.replace(b"A04^ADT_A01", b"A11^ADT_A09")
ORDER = (
    b"MSH|^~\\&|P||||20200101||ORM^O01^ORM_O01|1|T|2.5.1\nPID|1||ZZ1^^^T^MR||ZZ^T\n"
    b"ORC|NW|O1\nOBR|1|O1||PROBE^Uptime probe\n"
)
ORU = (
    b"MSH|^~\\&|P||||20200101||ORU^R01^ORU_R01|1|T|2.5.1\nPID|1||ZZ1^^^T^MR||ZZ^T\n"
    b"OBR|1|||PROBE^Uptime probe\n"
)
QUERY = (
    b"MSH|^~\\&|P||||20200101||QBP^Q22^QBP_Q21|1|T|2.5.1\n"
    b"QPD|Q22^Find Candidates^HL70471|1|@PID.3.1^ZZ1~@PID.3.4^T\nRCP|I|1^RD\n"
)


def from_files(tmp_path: Path, message: str, *texts: bytes, **more: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {**BASE, "message": message, **more}
    for key, text in zip(("template", "undo"), texts, strict=False):
        path = tmp_path / f"{key}.hl7"
        path.write_bytes(text)
        spec[key] = f"file:{path}"
    return spec


NEVER = "MSH-9 of the template admits, discharges, moves, merges, links or deletes"
NOT_TEST = (
    "message: adt_a08 with processing id neither T nor D may change production data: "
    "once its owner agreed, say allow_writes: true"
)
TEMPLATES: list[tuple[str, list[bytes], dict[str, Any], str | None]] = [
    ("bad_type", [BAD_TYPE], {}, None),
    ("visit", [VISIT, UNDO], OPEN, None),
    ("order", [ORDER, ORDER.replace(b"NW", b"CA")], OPEN, None),
    ("query", [QUERY], {}, None),
    ("own", [ORU], OPEN, None),
    ("own", [ORU.replace(b"|T|", b"|P|")], OPEN, None),
    (
        "bad_type",
        [VISIT],
        {},
        "MSH-9 of the template must begin with Z: a type nobody knows",
    ),
    # no way around an opt-in by way of a file
    (
        "adt_a08",
        [VISIT],
        {},
        "MSH-9 of the template must be ADT^A08 or ADT^A31 for message: adt_a08",
    ),
    (
        "adt_a08",
        [VISIT.replace(b"A04", b"A08").replace(b"|T|", b"|P|")],
        {},
        f"message: adt_a08 {PRODUCTION}",
    ),
    # engines read it as P
    ("adt_a08", [VISIT.replace(b"A04", b"A08").replace(b"|T|", b"|p|")], {}, NOT_TEST),
    ("visit", [VISIT, UNDO], {}, f"message: visit {PAIR_OPT_IN}"),
    ("own", [ORU], {}, f"message: own {PAIR_OPT_IN}"),
    (
        "own",
        [VISIT],
        OPEN,
        "MSH-9 of the template is that of another message: write message: visit",
    ),
    (
        "own",
        [VISIT.replace(b"A04", b"A01")],
        OPEN,
        NEVER,
    ),
    ("own", [VISIT.replace(b"A04^ADT_A01", b"A02^ADT_A02")], OPEN, NEVER),
    ("own", [VISIT.replace(b"A04^ADT_A01", b"A13^ADT_A01")], OPEN, NEVER),
    ("own", [VISIT.replace(b"A04^ADT_A01", b"A23^ADT_A21")], OPEN, NEVER),
    (
        "own",
        [
            (
                b"MSH|^~\\&|P||||20200101||BAR^P01^BAR_P01|1|T|2.5.1\nEVN||20260101\n"
                b"PID|1||ZZ1^^^T^MR||ZZ^T\nPV1|1|O\n"
            )
        ],
        OPEN,
        CHARGE_OPT_IN,
    ),
    # an undoing that would undo something else
    (
        "visit",
        [VISIT, UNDO.replace(b"|V1", b"|V2")],
        OPEN,
        "PV1-19 of undo must be that of the template: else something else is undone",
    ),
    (
        "visit",
        [VISIT.replace(b"|V1", b"|"), UNDO.replace(b"|V1", b"|")],
        OPEN,
        "PV1-19 of the template is empty: it names what is undone",
    ),
    (
        "visit",
        [VISIT, VISIT],
        OPEN,
        "MSH-9 of the undo must be ADT^A11 for message: visit",
    ),
    ("order", [ORDER, ORDER], OPEN, "ORC-1 of the template must be NW, that of undo CA"),
    # an answer nobody asked for
    (
        "query",
        [QUERY],
        {"ack": "enhanced", "application_ack": "true"},
        "MSH-15 and MSH-16 of the template must be AL and AL, as ack says",
    ),
    (
        "query",
        [QUERY.replace(b"2.5.1", b"2.5.1|||AL|NE")],
        {},
        "MSH-15 and MSH-16 of the template must be empty and empty, as ack says",
    ),
]


@pytest.mark.parametrize(("message", "texts", "more", "problem"), TEMPLATES)
def test_an_operators_messages_are_held_to_the_same(
    tmp_path: Path, message: str, texts: list[bytes], more: dict[str, Any], problem: str | None
) -> None:
    config = KIND.parse(from_files(tmp_path, message, *texts, **more))
    if problem is None:
        KIND.prepare(config)
        return
    with pytest.raises(TemplateError) as caught:
        KIND.prepare(config)
    assert str(caught.value) == problem


NEWEST = ["connect", "bad_type", "query", "adt_a08"]
OLDEST = ["connect", "bad_type", "nmq", "adt_a08", "visit", "schedule", "charge"]
ALL = [
    "connect",
    "bad_type",
    "nmq",
    "query",
    "adt_a08",
    "visit",
    "schedule",
    "order",
    "charge",
]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_shipped_messages_are_right_in_every_version_they_are_there_for(version: str) -> None:
    built = []
    for name, rung in RUNGS.items():
        spec: dict[str, Any] = {**BASE, "message": name}
        spec |= {"version": version} if rung.needs else {}
        spec |= {key: THING[key] for key in rung.needs}
        spec |= OPEN if rung.writes else {}
        spec |= {"allow_charges": "true"} if rung.charges else {}
        spec |= {"sending_facility": "WARD^1.2.3^ISO"} if rung.needs else {}
        try:
            config = KIND.parse(spec)
        except ValidationError:
            continue
        KIND.prepare(config)
        built.append(name)
    assert built == {"2.3.1": OLDEST, **dict.fromkeys(("2.4", "2.5", "2.5.1", "2.6"), ALL)}.get(
        version, NEWEST
    )


def test_each_place_in_a_message_is_filled_at_each_run() -> None:
    template = cut("MSH|^~\\&|A||||||X|y|T|2.5.1\rNCK|{now}|{id}|{start}|{end}|{other}\r")
    at_ms = 1_767_274_201_000  # 2026-01-01T13:30:01Z
    filled = template.fill(at_ms, "WW1").decode().split("\r")[1]
    assert filled == ("NCK|20260101133001+0000|WW1|20260131090000+0000|20260131091500+0000|{other}")
    undone = template.fill(at_ms + 86_400_000, "WW2", at_ms).decode().split("\r")[1]
    assert undone == ("NCK|20260102133001+0000|WW2|20260131090000+0000|20260131091500+0000|{other}")
    assert sum(isinstance(part, Place) for part in template.parts) == 6
