from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from probes.kinds.fhir import KIND, FhirSpec

BASE = {"base_url": "https://ehr.example.org/fhir/R4"}


def test_a_spec_of_text_becomes_a_config_with_defaults() -> None:
    config = KIND.parse({**BASE, "base_url": "https://ehr.example.org/fhir/R4/"})
    assert config == FhirSpec(
        base_url="https://ehr.example.org/fhir/R4",
        metadata=True,
        read=None,
        fhir_version="4.0",
        requires=(),
        slow_after=None,
        max_age=None,
        max_body=2_097_152,
        ca=None,
        auth=None,
    )
    whole = KIND.parse(
        {
            **BASE,
            "metadata": "true",
            "read": "Patient/zz-uptime-1",
            "fhir_version": "4.0.1",
            "requires": ["Patient.read", "Observation.search-type"],
            "slow_after": "1s500ms",
            "max_age": "1h",
            "max_body": "65536",
            "ca": "/etc/wardwatch/ca.pem",
            "auth": {"bearer": "env:EHR_TOKEN"},
        }
    )
    assert (whole.slow_after, whole.max_age, whole.max_body) == (1500, 3_600_000, 65_536)


@pytest.mark.parametrize(
    ("wrong", "places"),
    [
        ({"base_url": "ehr.example.org"}, ["base_url"]),
        ({"base_url": "https://ehr.example.org/r4?x=1"}, ["base_url"]),
        ({"base_url": "https://user:pw@ehr.example.org/r4"}, ["base_url"]),
        ({"read": "Patient"}, ["read"]),
        ({"read": "Patient/zz/1"}, ["read"]),
        ({"read": "Patient?name=x"}, ["read"]),
        ({"read": "Patient/zz-1\n"}, ["read"]),
        ({"fhir_version": "R4"}, ["fhir_version"]),
        ({"requires": ["Patient.reed"]}, ["requires.0"]),
        ({"requires": ["Patient.read", "patient.read", "read"]}, ["requires.1", "requires.2"]),
        ({"requires": "Patient.read"}, ["requires"]),
        ({"slow_after": "5"}, ["slow_after"]),
        ({"max_age": "0s", "read": "Patient/a"}, ["max_age"]),
        ({"max_body": "17000000"}, ["max_body"]),
        ({"max_body": "10"}, ["max_body"]),
        ({"ca": "ca.pem"}, ["ca"]),
        ({"metadata": "perhaps"}, ["metadata"]),
        ({"metadata": "false"}, [""]),
        ({"metadata": "false", "read": "Patient/a", "requires": ["Patient.read"]}, [""]),
        ({"max_age": "1h"}, [""]),
        ({"base_url": "http://ehr.example.org", "ca": "/ca.pem"}, [""]),
        ({"base_url": "http://ehr.example.org", "auth": {"bearer": "env:T"}}, [""]),
        ({"auth": {}}, ["auth"]),
        ({"auth": {"bearer": "hunter2"}}, ["auth.bearer"]),
        (
            {"auth": {"bearer": "env:T", "basic": {"user": "u", "password": "env:P"}}},
            ["auth"],
        ),
        ({"auth": {"basic": {"user": "a:b", "password": "env:P"}}}, ["auth.basic.user"]),
        ({"auth": {"header": {"name": "X-Key", "value": "env:P"}}}, ["auth.header"]),
        (
            {"auth": {"bearer": "env:T", "smart_backend": {"client_id": "abc", "key": "env:K"}}},
            ["auth"],
        ),
        ({"search": "Patient?family=x", "retries": "3"}, ["search", "retries"]),
        ({"search_by": "post"}, [""]),
        ({"search_by": "put", "search": "Location?_id=1"}, ["search_by"]),
        ({"profile": "cerner"}, ["profile"]),
        ({"budget": {"requests": "0", "per": "1m"}}, ["budget.requests"]),
        ({"budget": {"requests": "5"}}, ["budget.per"]),
        ({"budget": {"requests": "1", "per": "1m"}, "read": "Patient/a"}, [""]),
        ({"export": "Patient/zz"}, ["export"]),
        ({"subscription": "zz"}, ["subscription"]),
    ],
)
def test_a_wrong_spec_names_every_place(wrong: dict[str, Any], places: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        KIND.parse({**BASE, **wrong})
    named = [".".join(map(str, error["loc"])) for error in caught.value.errors()]
    assert named == places


def test_contradictions_are_told_together() -> None:
    with pytest.raises(ValidationError) as caught:
        KIND.parse(
            {
                "base_url": "http://ehr.example.org",
                "metadata": "false",
                "requires": ["Patient.read"],
                "max_age": "1h",
                "ca": "/ca.pem",
            }
        )
    assert caught.value.errors()[0]["msg"] == (
        "Value error, with metadata false, read or search is needed; requires needs metadata; "
        "max_age needs read; ca needs an https base_url"
    )
