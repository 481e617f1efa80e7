"""The template of the kind `hl7`: what is refused, by which place, and never by value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from probes.kinds.hl7 import KIND

A08 = (
    b"MSH|^~\\&|PROBE|WARD|||20200101||ADT^A08^ADT_A01|1|T|2.5.1\n"
    b"EVN||20260101\nPID|1||ZZ0001^^^TEST^MR||ZZTEST^UPTIME\nPV1|1|N\nZWW|1\n"
)


def from_file(path: Path) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": "6661", "template": f"file:{path}"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"EVN||20260101", b"EVN||MRN-00774411", "the template breaks HL7 2.5.1 at EVN-2"),
        (b"PV1|1|N\n", b"", "the template breaks HL7 2.5.1 at PV1"),
        (b"PV1|1|N", b"QQQ|MRN-00774411", "segment 4 of the template is not one of HL7 2.5.1"),
        (b"EVN||20260101", b"EVN||PID_774", "the template breaks HL7 2.5.1 at EVN-2"),
        (b"ZZ0001^^^TEST^MR", b"", "the template breaks HL7 2.5.1 at PID-3"),
        (b"ZWW|1\n", b"SCH|1|||||MRN-00774411\n", "the template breaks HL7 2.5.1 at SCH"),
        (b"ZWW|1\n", b"PV1|1|N\n", "the template breaks HL7 2.5.1 at PV1"),
        (
            b"ADT^A08^ADT_A01",
            b"MRN-00774411",
            (
                "MSH-9 of the template must be ADT^A08 or ADT^A31 for message: adt_a08; "
                "the template breaks HL7 2.5.1 at MSH-9"
            ),
        ),
        (b"ADT^A08^ADT_A01", b"ADT^A08^ADT_A08", "the template breaks HL7 2.5.1 at MSH-9"),
        (b"2.5.1", b"MRN-00774411", "MSH-12 of the template is not one of 2.3.1, 2.4, "),
        (b"MSH|^~\\&", b"MSH,^~\\&", "does not begin with MSH and the usual delimiters"),
        (b"UPTIME", b"M\xc3\x9cLLER", "the template is not plain ASCII"),
        (b"UPTIME", b"\x0b", "the template has control characters"),
    ],
)
def test_a_template_that_breaks_hl7_is_refused_by_place_and_never_by_value(
    tmp_path: Path, old: bytes, new: bytes, expected: str
) -> None:
    path = tmp_path / "a08.hl7"
    path.write_bytes(A08.replace(old, new))
    with pytest.raises(ValueError, match="template") as caught:
        KIND.prepare(KIND.parse(from_file(path)))
    assert expected in str(caught.value)
    assert "MRN" not in str(caught.value)
    assert "774" not in str(caught.value)


S12 = (
    b"MSH|^~\\&|PROBE|WARD|||20200101||SIU^S12^SIU_S12|1|T|2.5.1\n"
    b"SCH|ZZUPAPPT1|||||PROBE^Uptime probe|||15|MIN||||||9999^ZZTEST||||9999^ZZTEST|||||Booked\n"
    b"PID|1||ZZ0001^^^TEST^MR||ZZTEST^UPTIME\nRGS|1|A\nAIS|1|A|PROBE^Uptime probe\n"
)


def schedule(tmp_path: Path, first: bytes, undo: bytes) -> dict[str, Any]:
    (tmp_path / "s12.hl7").write_bytes(first)
    (tmp_path / "s15.hl7").write_bytes(undo)
    given = {**from_file(tmp_path / "s12.hl7"), "undo": f"file:{tmp_path / 's15.hl7'}"}
    return {**given, "message": "schedule", "allow_writes": "true"}


def test_segments_inside_groups_are_no_reason_to_refuse_a_template(tmp_path: Path) -> None:
    given = schedule(tmp_path, S12, S12.replace(b"S12^SIU", b"S15^SIU"))
    KIND.prepare(KIND.parse(given))


def test_a_missing_group_is_named_by_its_first_segment(tmp_path: Path) -> None:
    short = S12.partition(b"PID")[0]
    given = schedule(tmp_path, short, S12.replace(b"S12^SIU", b"S15^SIU"))
    with pytest.raises(ValueError, match=r"^the template breaks HL7 2\.5\.1 at RGS$"):
        KIND.prepare(KIND.parse(given))
