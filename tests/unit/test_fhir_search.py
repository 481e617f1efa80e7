"""Which searches a check may have, and how they are written down."""

from __future__ import annotations

import pytest

from probes.fhirsearch import parse, way_of


@pytest.mark.parametrize(
    ("text", "query", "way"),
    [
        ("Location?_id=ZZ-1", "_id=ZZ-1&_count=1&_elements=id", "get"),
        ("Location?name=ZZ&_count=5", "name=ZZ&_count=5&_elements=id", "get"),
        (
            "Patient?identifier=urn:oid:1.2.3|ZZ 1",
            "identifier=urn%3Aoid%3A1.2.3%7CZZ+1&_count=1&_elements=id",
            "post",
        ),
        (
            "Patient?identifier=urn%3Aoid%3A1.2.3%7CZZ-1&_elements=id,meta",
            "identifier=urn%3Aoid%3A1.2.3%7CZZ-1&_elements=id%2Cmeta&_count=1",
            "post",
        ),
        (
            "Appointment?patient.identifier=a|b",
            "patient.identifier=a%7Cb&_count=1&_elements=id",
            "post",
        ),
        (
            "Coverage?beneficiary:identifier=a|b",
            "beneficiary%3Aidentifier=a%7Cb&_count=1&_elements=id",
            "post",
        ),
    ],
)
def test_a_search_asks_for_one_match_and_hides_identifiers(text: str, query: str, way: str) -> None:
    search = parse(text)
    assert (search.query, way_of(search, None)) == (query, way)
    assert way_of(search, "get") == "get"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Patient",
        "Patient?",
        "patient?_id=1",
        "Patient/1?_id=1",
        "Patient?_id",
        "Patient?_id=",
        "Patient?=1",
        "Patient?_ID=1",
        "Patient?family=ZZTEST",
        "Patient?name:exact=ZZTEST&birthdate=1970-01-01",
        "Practitioner?email=a@b.example",
        "Patient?_id=1&_summary=count",
        "Patient?_id=\u00e9",
        "Patient?_id=" + "1" * 1_000,
    ],
)
def test_a_search_that_cannot_be_or_must_not_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|parameter|people|_summary") as caught:
        parse(text)
    assert "ZZTEST" not in str(caught.value)
