"""`oscal.json`: the attestation as OSCAL assessment-results. Pure.

Every UUID is of version 5, made from the attestation's id and version and what it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from uuid import NAMESPACE_URL, uuid5

from collector.attest import strictjson
from collector.attest.strictjson import Value
from collector.audit.controls import Control
from collector.bundle.layout import ENTRIES, ROWS, evidence_of
from collector.bundle.predicate import TYPE
from collector.reports import predicate
from collector.reports.objectives import Finding, Found, findings
from collector.reports.predicate import Predicate, Result
from probes.times import rfc3339

VERSION = "1.2.1"
_MARKUP = re.compile(r"([\\`*_\[\]<>^~$&|#])")
_NO_TOKEN = re.compile(r"[^A-Za-z0-9.]+")


def oscal(found: Mapping[str, Value], digests: Mapping[str, str]) -> bytes:
    """`digests`: SHA-256 in hexadecimal by member of the bundle; canonical JSON and a newline.

    The bundle's own digest cannot stand in it, for this file is in the bundle. PredicateError as
    for every rendering.
    """
    read = predicate.read(found)
    document: dict[str, Value] = {
        "uuid": _uuid(read, "document"),
        "metadata": {
            "title": f"Availability attestation {_plain(read.attestation_id)}",
            "last-modified": rfc3339(read.computed_at),
            "version": str(read.version),
            "oscal-version": VERSION,
            "parties": [
                {
                    "uuid": _uuid(read, "organization"),
                    "type": "organization",
                    "name": read.scope.organization,
                }
            ],
        },
        "import-ap": {
            "href": f"#{_uuid(read, 'method')}",
            "remarks": "There is no assessment plan in OSCAL: the method is what was planned.",
        },
        "results": [_result(read)],
        "back-matter": {"resources": list(_resources(read, digests))},
    }
    return strictjson.write({"assessment-results": document}) + b"\n"


def _result(read: Predicate) -> Value:
    found = list(findings(read))
    controls = dict.fromkeys(_control_id(one.control) for one in found)
    selected: list[Value] = [{"control-id": one} for one in controls]
    return {
        "uuid": _uuid(read, "result"),
        "title": f"Availability of the systems of {_plain(read.scope.organization)}",
        "description": "Availability recomputed from signed evidence. Findings are about the "
        "topic that each names, and not on whether a control is met.",
        "start": rfc3339(read.period.start),
        "end": rfc3339(read.period.end),
        "props": [
            _prop("assurance-level", read.assurance.level),
            _prop("log-origin", read.log.origin),
            _prop("log-size", str(read.log.to.size)),
            _prop("log-root", read.log.to.root),
        ],
        "reviewed-controls": {"control-selections": [{"include-controls": selected}]},
        "observations": [_observation(read, one) for one in read.results],
        "findings": [_finding(read, one) for one in found],
    }


def _observation(read: Predicate, one: Result) -> Value:
    name = next((each.name for each in read.scope.systems if each.id == one.system), one.system)
    return {
        "uuid": _uuid(read, f"observation/{one.system}"),
        "title": f"Availability of {_plain(name)}",
        "description": "Scheduled tests of the system, from every vantage point.",
        "methods": ["TEST"],
        "collected": rfc3339(read.computed_at),
        "props": list(_props(one)),
        "relevant-evidence": [
            {
                "href": f"#{_uuid(read, f'evidence/{one.system}')}",
                "description": "The signed results of this system, with their proofs.",
            },
            {
                "href": f"#{_uuid(read, 'log')}",
                "description": "The entries of the log over the period.",
            },
            {
                "href": f"#{_uuid(read, 'rows')}",
                "description": "The config versions, windows and corrections behind the numbers.",
            },
        ],
    }


def _props(one: Result) -> Iterator[Value]:
    figures = one.figures
    for name, ratio in (
        ("after-exclusions", figures.after_exclusions),
        ("raw", figures.raw),
        ("worst-case", figures.worst_case),
    ):
        yield _prop(f"{name}-numerator", str(ratio.numerator))
        yield _prop(f"{name}-denominator", str(ratio.denominator))
        if ratio.percent is not None:
            yield _prop(f"{name}-percent", ratio.percent)
    for name, told in (
        ("target-percent", one.target),
        ("verdict", one.verdict),
        ("minimum-percent", one.minimum),
        ("minimum-verdict", one.minimum_verdict),
    ):
        if told is not None:
            yield _prop(name, told)
    if one.corrected is not None:
        percent = one.corrected.figures.after_exclusions.percent
        for name, told in (("percent", percent), ("verdict", one.corrected.verdict)):
            if told is not None:
                yield _prop(f"corrected-{name}", told)
    yield _prop("results-scheduled", str(one.expected))
    yield _prop("results-received", str(one.received))


def _finding(read: Predicate, one: Finding) -> Value:
    control, judgement = one.control, one.judgement
    observed: list[Value] = [
        {"observation-uuid": _uuid(read, f"observation/{each.system}")} for each in read.results
    ]
    return {
        "uuid": _uuid(read, f"finding/{one.population}/{control.framework}/{control.id}"),
        "title": f"{control.framework} {control.id}: {control.topic}",
        "description": judgement.text,
        "target": {
            "type": "objective-id",
            "target-id": _control_id(control),
            "title": control.topic,
            "status": {
                "state": "satisfied" if judgement.found is Found.PASS else "not-satisfied",
                "reason": judgement.found.value,
                "remarks": judgement.text,
            },
        },
        **({"related-observations": observed} if observed else {}),
    }


def _resources(read: Predicate, digests: Mapping[str, str]) -> Iterator[Value]:
    yield {
        "uuid": _uuid(read, "method"),
        "title": "Method",
        "description": f"{read.method.semantics}, formula {read.method.formula}.",
    }
    yield _resource(read, "log", ENTRIES, digests)
    yield _resource(read, "rows", ROWS, digests)
    for one in read.results:
        member = evidence_of(one.system)
        yield _resource(read, f"evidence/{one.system}", member, digests)


def _resource(read: Predicate, what: str, member: str, digests: Mapping[str, str]) -> Value:
    link: dict[str, Value] = {"href": member}
    if member in digests:
        link["hashes"] = [{"algorithm": "SHA-256", "value": digests[member]}]
    return {
        "uuid": _uuid(read, what),
        "title": f"{_plain(member)} in the bundle",
        "rlinks": [link],
    }


def _uuid(read: Predicate, what: str) -> str:
    own = uuid5(NAMESPACE_URL, TYPE)
    return str(uuid5(own, f"{read.attestation_id}/{read.version}/{what}"))


def _control_id(control: Control) -> str:
    """A token (OSCAL): `soc2-a1.1`, `hipaa-164.312-c-1`."""
    framework = "".join(control.framework.split(" (")[0].split())
    return _NO_TOKEN.sub("-", f"{framework}-{control.id}").strip("-").lower()


def _prop(name: str, value: str) -> Value:
    return {"name": name, "ns": TYPE, "value": value}


def _plain(text: str) -> str:
    """Titles are Markdown (OSCAL markup-line): a name in it is text."""
    return _MARKUP.sub(r"\\\1", text)
