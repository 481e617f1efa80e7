"""What trips the wire and what must not: the closed list, pattern by pattern."""

from __future__ import annotations

from string import ascii_lowercase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.times import rfc3339
from probes.tripwire import Pattern, texts_in, tripped

HITS = {
    Pattern.SSN: ["123-45-6789", "Patient of 123 45 6789 moved"],
    Pattern.RECORD_NUMBER: [
        "MRN 8812",
        "mrn:7749302186",
        "MRN-no. 4",
        "SSN# 12",
        "Patient ID 00441",
        "medical record number: 55512345",
        "Encounter 7001234",
    ],
    Pattern.BIRTH_DATE: [
        "DOB 1/2/1960",
        "d.o.b. 01.02.1960",
        '"birthDate": "1960-02-01"',
        "Date of birth: 1960",
        "born on 2.1.1960",
    ],
    Pattern.PHONE: [
        "312-555-0142",
        "(312) 555-0142",
        "Ring 1 312 555 0142 first",
        "+49 30 1234 5678",
        "+4930123456",
        "tel. 555-01420",
    ],
    Pattern.EMAIL: ["ann@example.org", "mailto:ann.lee@mail.example.org", '"ann+1@example.org"'],
    Pattern.HL7_SEGMENT: ["PID|1||77", "\rNK1|1|", "text MSH|^~\\&|A"],
    Pattern.HL7_NAME: ["SMITH^JOHN", "O'Neil-Lee^Ann^M", "Müller^Jörg", "Doe^A1"],
    Pattern.FHIR_PATIENT: [
        "Patient/77",
        "https://ehr.example.org/r4/Patient/zz-uptime-1",
        '{"resourceType": "Patient"}',
        "https://ehr.example.org/r4?patient=77",
        "?family:exact=Lee",
    ],
}
MISSES = [
    "EHR",
    "Pflegedokumentation Süd",
    "診療記録",
    "O'Hare North Campus, Building 12",
    "Patient portal 2026",
    "Patient index 2, ward 301",
    "Patient/Nurse call 2",
    "MRN lookup",
    "Medical records of 2026",
    "Newborn 2 monitor",
    "Newborn unit 2026-01-01",
    "Phone system",
    "Fax 2026-01-01 18:00",
    "HL7 ADT^A01 feed",
    "Lab ORU^R01",
    "Room 3-12, ext. 4711",
    "PID controller",
    "24/7 on-call",
    "ehr.availability.1767225600000",
    "st-elsewhere_ehr_availability_1767225600000_desk_3",
    "urn:wardwatch:st-elsewhere",
    "2026-01-01T00:01:05.000Z",
    "2026-01-01T00:01:05.000+00:00",
    "2025-12-31 18:00 CST (2026-01-01 00:00 UTC)",
    "10.20.30.40:8460",
    "192.168.100.200",
    "123e4567-e89b-12d3-a456-426614174000",
    "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "https://intranet.example.org/rb/ehr",
    "https://wiki.example.org/pages/123456789/Downtime+EHR",
    "https://wiki.example.org/x/2026/01/downtime#patient-care",
    "https://teams.example.org/l/channel/19:abc@thread.tacv2/EHR",
    "Care is affected; a workaround is usable or the service is only impaired.",
]


@pytest.mark.parametrize(
    ("pattern", "text"), [(pattern, text) for pattern, texts in HITS.items() for text in texts]
)
def test_it_fires_on(pattern: Pattern, text: str) -> None:
    assert pattern in tripped(text)


@pytest.mark.parametrize("text", MISSES)
def test_it_does_not_fire_on(text: str) -> None:
    assert tripped(text) == ()


def test_every_pattern_is_in_the_table_and_told_in_the_order_of_the_list() -> None:
    assert set(HITS) == set(Pattern)
    assert tripped("a@example.org", "x", "123-45-6789") == (Pattern.SSN, Pattern.EMAIL)


def test_two_texts_beside_each_other_are_no_hit() -> None:
    assert tripped("MRN", "8812", "DOB", "1960", "SMITH^", "JOHN", "tel", "555-01420") == ()
    assert tripped("x", "ann@example.org") == (Pattern.EMAIL,)


IDS = st.lists(st.text(ascii_lowercase, min_size=1, max_size=8), min_size=1, max_size=3).map(
    "-".join
)
INSTANTS = st.integers(0, 4_102_444_800_000)


@settings(max_examples=50)
@given(IDS, IDS, INSTANTS, st.integers(1, 9_999))
def test_ids_keys_and_instants_of_any_kind_do_not_trip_it(
    org: str, system: str, at: int, sequence: int
) -> None:
    texts = [
        org,
        f"{system}.availability.{at}",
        f"{org}_{system}_availability_{at}_{org}_{sequence}",
        f"{org}.{system}.expiry.{at}.{org}",
        rfc3339(at),
        f"<{org}_{system}_{sequence}@{org}>",
    ]
    assert tripped(*texts) == ()


def test_every_text_of_a_document_is_looked_at() -> None:
    document = {"a": ["x", {"b": "y", "n": 7}], "c": None, "d": True}
    assert list(texts_in(document)) == ["a", "x", "b", "y", "n", "c", "d"]
