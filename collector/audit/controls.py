"""Which population is evidence for which control: `controls.csv`. Pure.

Only the identifiers are the frameworks' own; the topics are ours. HITRUST's are licensed, so it is
mapped by topic alone. A mapping says where to look, not that a control is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from collector.audit.safecsv import line

SOC2 = "SOC 2 (TSC 2017)"
HIPAA = "HIPAA (45 CFR)"
HITECH = "HITECH (42 USC)"
NIST = "NIST CSF 2.0"
HITRUST = "HITRUST"
BY_TOPIC = "by topic"


class Control(NamedTuple):
    framework: str
    id: str
    topic: str


_HIPAA_AUDIT = Control(HIPAA, "164.312(b)", "what is done in the system is recorded")
_ACTIVITY = Control(
    HIPAA, "164.308(a)(1)(ii)(D)", "when records of activity were read out for review"
)

MAPPED: dict[str, tuple[Control, ...]] = {
    "systems": (
        Control(SOC2, "A1.1", "which systems are watched, and which are not"),
        Control(SOC2, "CC7.2", "what is monitored for anomalies"),
        Control(HIPAA, "164.308(a)(7)(ii)(E)", "which systems matter most, and their targets"),
        Control(NIST, "ID.AM-02", "inventory of systems and services"),
        Control(NIST, "PR.IR-04", "availability is planned for, with targets"),
        Control(HITRUST, BY_TOPIC, "inventory; business continuity"),
    ),
    "checks": (
        Control(SOC2, "A1.1", "how availability is measured"),
        Control(SOC2, "CC7.2", "how components are monitored"),
        Control(NIST, "DE.CM-09", "hardware, software and services are monitored"),
        Control(NIST, "DE.CM-06", "services of suppliers are monitored"),
        Control(HITRUST, BY_TOPIC, "monitoring of system use"),
    ),
    "incidents": (
        Control(SOC2, "CC7.3", "events are judged and become incidents"),
        Control(SOC2, "CC7.4", "incidents are answered in time"),
        Control(SOC2, "CC7.5", "systems recover, and when"),
        Control(SOC2, "A1.2", "failures that recovery had to cope with"),
        Control(HIPAA, "164.308(a)(6)(ii)", "incidents are answered and documented"),
        Control(HIPAA, "164.308(a)(7)(i)", "outages of systems that care depends on"),
        Control(
            HITECH, "17932", "when something was found: an input to judging notification duties"
        ),
        Control(NIST, "DE.AE-08", "incidents are declared by criteria"),
        Control(NIST, "RS.MA-03", "incidents have a category and priority"),
        Control(NIST, "RS.MA-02", "incidents are acknowledged and judged"),
        Control(NIST, "RC.RP-05", "recovery is verified"),
        Control(HITRUST, BY_TOPIC, "incident management"),
    ),
    "config_changes": (
        Control(SOC2, "CC7.1", "changes of the configuration are recorded"),
        Control(HIPAA, "164.308(a)(8)", "changes that an evaluation has to look at"),
        _HIPAA_AUDIT,
        Control(NIST, "PR.PS-01", "configuration is managed"),
        Control(HITRUST, BY_TOPIC, "change management"),
    ),
    "config_fields": (
        Control(SOC2, "CC7.1", "which field was changed with which version"),
        Control(NIST, "PR.PS-01", "configuration is managed"),
        Control(HITRUST, BY_TOPIC, "change management"),
    ),
    "windows": (
        Control(SOC2, "A1.2", "planned downtime is authorized"),
        Control(SOC2, "CC7.1", "planned changes are approved by a second person"),
        Control(HIPAA, "164.308(a)(7)(i)", "planned outages of systems that care depends on"),
        Control(NIST, "PR.PS-01", "changes are planned and approved"),
        Control(HITRUST, BY_TOPIC, "change management; separation of duties"),
    ),
    "corrections": (
        Control(SOC2, "A1.1", "reported availability is changed by two people only, and visibly"),
        Control(HIPAA, "164.312(c)(1)", "records are not altered; a correction stands beside them"),
        Control(NIST, "PR.PS-04", "records stay as they were made"),
        Control(HITRUST, BY_TOPIC, "integrity of records; separation of duties"),
    ),
    "drills": (
        Control(SOC2, "A1.3", "recovery is tested"),
        Control(HIPAA, "164.308(a)(7)(ii)(D)", "contingency plans are tested and revised"),
        Control(NIST, "ID.IM-02", "what exercises show is learned from"),
        Control(NIST, "PR.DS-11", "restores from backups are tested"),
        Control(HITRUST, BY_TOPIC, "business continuity"),
    ),
    "access": (
        Control(SOC2, "CC6.2", "access is granted and removed by authorized people"),
        Control(SOC2, "CC6.3", "roles are changed, with separation of duties"),
        Control(HIPAA, "164.308(a)(4)(ii)(C)", "access is established and modified"),
        Control(HIPAA, "164.308(a)(3)(ii)(C)", "access ends"),
        Control(HIPAA, "164.312(a)(1)", "access is technically limited to who was granted it"),
        Control(HITECH, "17931", "safeguards of a business associate"),
        Control(NIST, "PR.AA-01", "identities and credentials are managed"),
        Control(NIST, "PR.AA-05", "permissions are managed"),
        Control(HITRUST, BY_TOPIC, "access control; review of access rights"),
    ),
    "sign_ins": (
        Control(SOC2, "CC7.2", "logins and failures are recorded"),
        Control(HIPAA, "164.308(a)(5)(ii)(C)", "logins are monitored"),
        Control(HIPAA, "164.312(d)", "who enters proves who they are"),
        _HIPAA_AUDIT,
        Control(NIST, "PR.AA-03", "people and programs are authenticated"),
        Control(HITRUST, BY_TOPIC, "audit logging; authentication"),
    ),
    "agent_keys": (
        Control(SOC2, "CC7.2", "who measures proves who they are"),
        Control(HIPAA, "164.312(d)", "agents prove who they are"),
        Control(HIPAA, "164.312(c)(1)", "evidence is signed; what does not hold is recorded"),
        Control(NIST, "PR.AA-01", "credentials of agents are managed"),
        Control(HITRUST, BY_TOPIC, "management of keys"),
    ),
    "exports": (
        Control(SOC2, "CC7.2", "who read the audit trail out"),
        _ACTIVITY,
        _HIPAA_AUDIT,
        Control(HITECH, "17940", "records for audits"),
        Control(NIST, "PR.PS-04", "records are made available for monitoring"),
        Control(HITRUST, BY_TOPIC, "protection of audit logs"),
    ),
    "rota": (
        Control(SOC2, "CC7.4", "somebody is on duty to answer incidents"),
        Control(HIPAA, "164.308(a)(6)(ii)", "who was there to answer"),
        Control(NIST, "GV.RR-02", "roles and who has them are known"),
        Control(HITRUST, BY_TOPIC, "incident management; roles and responsibilities"),
    ),
    "staffing_gaps": (
        Control(SOC2, "CC7.4", "times in which too few people were on duty"),
        Control(NIST, "GV.RR-03", "people enough for what is to be done"),
        Control(HITRUST, BY_TOPIC, "incident management"),
    ),
    "rota_overrides": (
        Control(SOC2, "CC7.4", "who stood in for whom, and who decided it"),
        Control(NIST, "GV.RR-02", "roles and who has them are known"),
        Control(HITRUST, BY_TOPIC, "roles and responsibilities"),
    ),
    "contact_changes": (
        Control(SOC2, "CC7.4", "who answers for what in an incident is kept up"),
        Control(HIPAA, "164.308(a)(2)", "who is responsible is named"),
        Control(NIST, "GV.RR-02", "roles and who has them are known"),
        Control(HITRUST, BY_TOPIC, "roles and responsibilities"),
    ),
    "training": (
        Control(HIPAA, "164.308(a)(5)(i)", "people are trained in security"),
        Control(NIST, "PR.AT-01", "people are trained"),
        Control(NIST, "PR.AT-02", "people in special roles are trained for them"),
        Control(HITRUST, BY_TOPIC, "education and awareness"),
    ),
    "agreements": (
        Control(HIPAA, "164.308(b)(1)", "agreements with business associates"),
        Control(HITECH, "17931", "duties of business associates"),
        Control(NIST, "GV.SC-05", "requirements are part of agreements with suppliers"),
        Control(HITRUST, BY_TOPIC, "third parties"),
    ),
}
"""By the name of the population."""


def controls() -> bytes:
    """`controls.csv`."""
    return line(("population", "framework", "control", "topic")) + b"".join(_lines())


def _lines() -> Iterator[bytes]:
    for population, found in MAPPED.items():
        for one in found:
            yield line((population, one.framework, one.id, one.topic))
