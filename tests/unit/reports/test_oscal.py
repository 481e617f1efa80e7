from __future__ import annotations

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from trestle.oscal.assessment_results import AssessmentResults

from collector.reports.objectives import JUDGED
from collector.reports.oscal import oscal
from tests.support.predicates import predicate

DIGESTS = {"evidence/ehr.bin": "ab" * 32, "log/entries.bin": "cd" * 32}


def made(found: Any = None) -> Any:
    return json.loads(oscal(found or predicate(), DIGESTS))["assessment-results"]


def found_for(found: Any, control: str) -> list[tuple[str, str]]:
    (result,) = made(found)["results"]
    return [
        (one["target"]["status"]["state"], one["target"]["status"]["reason"])
        for one in result["findings"]
        if one["target"]["target-id"] == control
    ]


def instants(value: Any) -> Any:
    """OSCAL leaves it open how an instant is spelled."""
    if isinstance(value, dict):
        return {name: instants(one) for name, one in value.items()}
    if isinstance(value, list):
        return [instants(one) for one in value]
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value


def test_compliance_trestle_reads_it_and_writes_the_same(tmp_path: Path) -> None:
    data = oscal(predicate(), DIGESTS)
    path = tmp_path / "oscal.json"
    path.write_bytes(data)
    read = AssessmentResults.oscal_read(path)
    assert read is not None
    assert instants(json.loads(read.oscal_serialize_json())) == instants(json.loads(data))


def test_trestle_would_notice_a_field_that_is_missing(tmp_path: Path) -> None:
    document = json.loads(oscal(predicate(), DIGESTS))
    del document["assessment-results"]["results"][0]["reviewed-controls"]
    path = tmp_path / "oscal.json"
    path.write_text(json.dumps(document))
    with pytest.raises(Exception, match="reviewed"):
        AssessmentResults.oscal_read(path)


def test_an_observation_tests_a_system_and_names_its_evidence_with_its_digest() -> None:
    document = made()
    (result,) = document["results"]
    assert (result["start"], result["end"]) == (
        "2026-07-01T05:00:00.000Z",
        "2026-08-01T05:00:00.000Z",
    )
    ehr, lab = result["observations"]
    assert ehr["methods"] == ["TEST"]
    props = {one["name"]: one["value"] for one in ehr["props"]}
    assert props["after-exclusions-percent"] == "99.8995"
    assert props["verdict"] == "breached"
    assert (props["corrected-percent"], props["corrected-verdict"]) == ("99.8995", "indeterminate")
    assert "corrected-percent" not in {one["name"] for one in lab["props"]}
    assert "raw-percent" not in {one["name"] for one in lab["props"]}
    resources = {f"#{one['uuid']}": one for one in document["back-matter"]["resources"]}
    evidence, log, rows = (resources[one["href"]] for one in ehr["relevant-evidence"])
    assert evidence["rlinks"] == [
        {
            "href": "evidence/ehr.bin",
            "hashes": [{"algorithm": "SHA-256", "value": "ab" * 32}],
        }
    ]
    assert log["rlinks"][0]["hashes"][0]["value"] == "cd" * 32
    assert rows["rlinks"] == [{"href": "rows.jsonl"}]
    unknown = resources[lab["relevant-evidence"][0]["href"]]
    assert unknown["rlinks"] == [{"href": "evidence/lab.bin"}]
    assert document["import-ap"]["href"] in resources


def test_uuids_are_of_version_5_one_each_and_others_for_a_revision() -> None:
    def uuids(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["uuid"]] if "uuid" in value else []
            return own + [found for one in value.values() for found in uuids(one)]
        return [found for one in value for found in uuids(one)] if isinstance(value, list) else []

    first = uuids(made())
    assert len(first) == len(set(first)) == 20
    assert {uuid.UUID(one).version for one in first} == {5}
    assert uuids(made()) == first
    revision = predicate()
    revision["version"] = 3
    assert not set(uuids(made(revision))) & set(first)


def test_every_control_that_is_named_has_a_finding_and_no_other() -> None:
    (result,) = made()["results"]
    (selection,) = result["reviewed-controls"]["control-selections"]
    named = [one["control-id"] for one in selection["include-controls"]]
    assert named == [
        "soc2-a1.1",
        "soc2-cc7.2",
        "soc2-a1.2",
        "soc2-cc7.1",
        "soc2-cc7.3",
        "soc2-cc7.4",
        "soc2-cc7.5",
        "hipaa-164.308-a-7-i",
        "hipaa-164.312-c-1",
    ]
    assert {one["target"]["target-id"] for one in result["findings"]} == set(named)
    assert len(result["findings"]) == len(JUDGED)


SATISFIED, FAILED, OPEN = (
    ("satisfied", "pass"),
    ("not-satisfied", "fail"),
    ("not-satisfied", "other"),
)


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("met", SATISFIED), ("breached", FAILED), ("indeterminate", OPEN), ("no_data", OPEN)],
)
def test_a_target_is_satisfied_only_if_it_was_met(verdict: str, status: tuple[str, str]) -> None:
    found: Any = predicate()
    found["results"][0]["verdict"] = verdict
    assert found_for(found, "hipaa-164.308-a-7-i") == [status]


def test_without_a_target_nothing_is_satisfied() -> None:
    found: Any = predicate()
    found["results"][0].update(target=None, verdict=None)
    assert found_for(found, "hipaa-164.308-a-7-i") == [OPEN]


@pytest.mark.parametrize(("level", "status"), [("L1", OPEN), ("L2", SATISFIED), ("L3", SATISFIED)])
def test_evidence_counts_as_unchanged_only_where_it_was_witnessed(
    level: str, status: tuple[str, str]
) -> None:
    found: Any = predicate()
    found["assurance"]["level"] = level
    assert found_for(found, "hipaa-164.312-c-1") == [status]


def test_what_was_not_measured_answered_or_authorized_in_time_is_not_satisfied() -> None:
    found: Any = predicate()
    assert found_for(found, "soc2-a1.1") == [FAILED]  # nothing was measured of the laboratory
    assert found_for(found, "soc2-cc7.4") == [SATISFIED]
    assert found_for(found, "soc2-cc7.1") == [SATISFIED]
    found["results"].pop()
    assert found_for(found, "soc2-a1.1") == [SATISFIED]
    found["incidents"][0].update(detectedAt=None, acknowledgedAt=None, recoveredAt=None)
    for control in ("soc2-cc7.3", "soc2-cc7.4", "soc2-cc7.5"):
        assert found_for(found, control) == [FAILED]
    found["exclusions"][0]["preRegistered"] = False
    assert found_for(found, "soc2-cc7.1") == [OPEN]


def test_a_name_in_a_title_is_no_markdown() -> None:
    found: Any = predicate()
    found["scope"]["systems"][0]["name"] = "<b> *x* [y](http://z) `c`"
    (result,) = made(found)["results"]
    assert result["observations"][0]["title"] == (
        r"Availability of \<b\> \*x\* \[y\](http://z) \`c\`"
    )
