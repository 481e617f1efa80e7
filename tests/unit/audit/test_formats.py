"""One row in three formats: nothing is lost, nothing forged, nothing that was not to be told."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit import fhir, jsonl, syslog
from collector.audit.flat import pairs, text
from collector.audit.kinds import KINDS
from collector.journal import CONFIG, Row, canonical
from tests.support.soak import longer

AT = 1_767_225_600_000
ROW = Row(
    7,
    "access.account.roles",
    AT,
    AT + 1_500,
    "zoë",
    canonical({"account": "ann", "before": ["viewer"], "roles": ["operator"], "note": 'a"b\\c]d'}),
)
SHA = hashlib.sha256(ROW.data).hexdigest()
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
DATA = st.dictionaries(NAMES, VALUES, max_size=4)


def row(data: dict[str, Any], kind: str = "window.proposed", actor: str = "ann") -> Row:
    return Row(3, kind, AT, AT, actor, canonical(data))


def parsed(line: bytes) -> tuple[str, dict[str, list[tuple[str, str]]], str]:
    """Header, structured data by name, message: the grammar of RFC 5424, read by hand."""
    said = line.decode().removesuffix("\n")
    header, rest = said.split(" [", 1)
    rest = "[" + rest
    elements: dict[str, list[tuple[str, str]]] = {}
    while rest.startswith("["):
        name = re.match(r"\[([!#-<>-\\^-~]{1,32})", rest)
        assert name is not None
        rest = rest[name.end() :]
        elements[name[1]] = []
        while rest.startswith(" "):
            param = re.match(r' ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"', rest)
            assert param is not None, rest
            elements[name[1]].append((param[1], re.sub(r'\\(["\\\]])', r"\1", param[2])))
            rest = rest[param.end() :]
        assert rest.startswith("]"), rest
        rest = rest[1:]
    return header, elements, rest


def test_a_json_line_holds_the_bytes_as_they_stand() -> None:
    assert jsonl.line(ROW, "org").decode() == (
        '{"actor":"zoë","at":"2026-01-01T00:00:00.000Z","data":{"account":"ann",'
        '"before":["viewer"],"note":"a\\"b\\\\c]d","roles":["operator"]},"id":7,'
        f'"kind":"access.account.roles","length":{len(ROW.data)},'
        f'"recorded_at":"2026-01-01T00:00:01.500Z","sha256":"{SHA}"}}\n'
    )


def test_of_a_config_only_its_hash_is_told_in_every_format() -> None:
    config = Row(1, CONFIG, AT, AT, "system", canonical({"channels": {"desk": "env:SECRET"}}))
    for line in (jsonl.line(config, "org"), syslog.line(config, "org"), fhir.line(config, "org")):
        assert b"SECRET" not in line
        assert hashlib.sha256(config.data).hexdigest().encode() in line
    assert json.loads(jsonl.line(config, "org"))["data"] is None


@settings(max_examples=longer(30))
@given(DATA)
def test_any_row_is_one_json_line_whose_data_has_the_hash_that_is_told(
    data: dict[str, Any],
) -> None:
    line = jsonl.line(row(data), "org")
    assert line.count(b"\n") == 1
    told = json.loads(line)
    assert hashlib.sha256(canonical(told["data"])).hexdigest() == told["sha256"]
    assert line == canonical(told) + b"\n"


def test_a_syslog_line_to_the_letter() -> None:
    assert syslog.line(ROW, "st-elsewhere").decode() == (
        "<109>1 2026-01-01T00:00:01.500Z - wardwatch - access.account.roles "
        '[journal@32473 org="st-elsewhere" id="7" kind="access.account.roles" actor="zoë" '
        f'at="2026-01-01T00:00:00.000Z" sha256="{SHA}" length="{len(ROW.data)}"]'
        '[data@32473 account="ann" before="[\\"viewer\\"\\]" note="a\\"b\\\\c\\]d" '
        'roles="[\\"operator\\"\\]"] An account has other roles.\n'
    )
    failed = syslog.line(row({}, "access.login.failed"), "o").decode()
    assert failed.startswith("<108>1 2026-01-01T00:00:00.000Z - wardwatch - access.login.failed ")
    assert failed.endswith('length="2"] A login of a known account failed.\n')


@settings(max_examples=longer(30))
@given(DATA, st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_row_is_one_line_of_syslog_that_reads_back(data: dict[str, Any], actor: str) -> None:
    line = syslog.line(row(data, actor=actor), "org")
    assert line.count(b"\n") == 1
    assert line.decode()[:-1].isprintable()
    assert b"\xef\xbb\xbf" not in line or "\ufeff" in actor + json.dumps(data, ensure_ascii=False)
    header, elements, message = parsed(line)
    assert header == "<109>1 2026-01-01T00:00:00.000Z - wardwatch - window.proposed"
    assert message == f" {KINDS['window.proposed'].meaning}."
    journal = dict(elements["journal@32473"])
    assert back(journal["actor"]) == actor
    left_out = journal.get("left_out", "").split()
    told = dict(elements.get("data@32473", []))
    assert told.keys() | set(left_out) == data.keys()
    for name, value in told.items():
        assert back(value) == (
            data[name] if isinstance(data[name], str) else back(text(data[name]))
        )


def back(said: str) -> Any:
    """The way back from `flat.text`, which leaves numbers and words of JSON as text."""
    return json.loads(said) if said.startswith(('"', "{", "[")) else said


def test_a_value_that_is_too_long_is_left_out_and_named() -> None:
    _, elements, _ = parsed(syslog.line(row({"a": "x" * 1_024, "signed": "x" * 1_025}), "org"))
    assert elements["data@32473"] == [("a", "x" * 1_024)]
    assert dict(elements["journal@32473"])["left_out"] == "signed"


def test_a_kind_that_is_in_no_table_makes_no_broken_line() -> None:
    for kind in ("a kind\nof <109>1 forged", "é", "x" * 33, ""):
        _, elements, message = parsed(syslog.line(row({}, kind), "org"))
        assert (back(dict(elements["journal@32473"])["kind"]), message) == (kind, "")
        assert b" - wardwatch - - [" in syslog.line(row({}, kind), "org")


def test_every_kind_is_a_valid_audit_event_without_a_patient() -> None:
    codes = {}
    for kind in KINDS:
        data = (
            {"complete": True} if kind == "audit.export_ended" else {"key": "k", "n": 1, "of": ""}
        )
        found = fhir.resource(row(data, kind), "org")
        AuditEvent.model_validate(found)
        assert "atient" not in json.dumps(found["agent"]) + json.dumps(found["entity"])
        codes[kind] = (found["type"]["code"], found["action"], found["outcome"])
    assert codes["access.login"] == ("110114", "E", "0")
    assert codes["access.login.failed"] == ("110114", "E", "4")
    assert codes["access.account.roles"] == ("110113", "U", "0")
    assert codes["window.approved"] == ("attest", "U", "0")
    assert codes["correction.requested"] == ("originate", "C", "0")
    assert codes["agent.equivocation"] == ("110113", "E", "4")
    assert codes["audit.exported"] == ("110101", "R", "0")
    cut = fhir.resource(row({"complete": False}, "audit.export_ended"), "org")
    assert cut["outcome"] == "4"
    assert set(fhir.OF_KIND) <= set(KINDS)
    AuditEvent.model_validate(fhir.resource(row({}, "of.no.table"), "org"))


@settings(max_examples=longer(30))
@given(DATA)
def test_any_row_is_one_line_of_fhir(data: dict[str, Any]) -> None:
    line = fhir.line(row(data), "org")
    assert line.count(b"\n") == 1
    found = json.loads(line)
    AuditEvent.model_validate(found)
    details = found["entity"][0]["detail"][3:]
    assert [(one["type"], one["valueString"]) for one in details] == pairs(row(data))


def test_who_acts_is_an_account_and_what_the_rules_do_is_asked_by_nobody() -> None:
    by_person, by_rules = fhir.resource(ROW, "org"), fhir.resource(row({}, actor="system"), "org")
    account = {"system": "urn:wardwatch:account", "value": "zoë"}
    assert by_person["agent"] == [{"who": {"identifier": account}, "requestor": True}]
    assert by_rules["agent"][0]["requestor"] is False
    assert by_person["recorded"] == "2026-01-01T00:00:01.500Z"
    assert by_person["period"]["start"] == "2026-01-01T00:00:00.000Z"
