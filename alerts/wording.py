"""The words of letters and reports for what enumerations mean. Pure."""

from __future__ import annotations

from alerts.deadlines import DeadlineKind
from alerts.events import Cause, Family, Priority
from alerts.grouping import GroupStep
from alerts.mdr import Horizon
from alerts.people import ActKind, CategoryReason, IncidentState, Ruling
from alerts.telling import Step
from alerts.transitions import TransitionKind
from alerts.why import CategoryWhy
from probes.config_systems import ImpactClass

CAUSES = {
    Cause.DOWN: "down",
    Cause.DEGRADED: "impaired",
    Cause.OVERRUN: "still down after its maintenance window",
    Cause.UNKNOWN: "not observed: nobody can tell whether it works",
    Cause.MISCONFIGURED: "refusing the monitoring's requests",
    Cause.REJECTED_BY_ALL: "refusing the monitoring from everywhere",
    Cause.SILENT: "sending nothing though it should",
    Cause.FLOODED: "sending far more than usual",
    Cause.EXPIRING: "a certificate ends soon",
    Cause.BURNING: "its error budget is being spent too fast",
}
FAMILIES = {
    Family.AVAILABILITY: "availability",
    Family.ACCESS: "access of the monitoring",
    Family.BLIND: "no observation",
    Family.FEED: "feed",
    Family.EXPIRY: "expiry",
    Family.BUDGET: "error budget",
}
PRIORITIES = {
    Priority.P1: "most urgent",
    Priority.P2: "urgent",
    Priority.P3: "not urgent",
    Priority.P4: "for information",
}
CLASSES = {
    ImpactClass.ADMINISTRATIVE: "offices, not the care of patients",
    ImpactClass.CLINICAL: "the care of patients",
    ImpactClass.POINT_OF_CARE: "the care of patients at the bedside",
}
WHYS: dict[str, str] = {
    CategoryWhy.ADMINISTRATIVE: "a system of offices, not of care",
    CategoryWhy.MONITORING_ONLY: "some of the monitoring is refused, users perhaps not",
    CategoryWhy.IMPAIRED: "slow, or working in part",
    CategoryWhy.UNOBSERVED: "not observed: it may work or not",
    CategoryWhy.REJECTED_BY_ALL: "the monitoring is refused everywhere",
    CategoryWhy.WORKAROUND: "down, with a usable workaround",
    CategoryWhy.NO_WORKAROUND: "down, with no documented workaround",
    CategoryWhy.WORKAROUND_ENDED: "past the time for which the workaround may be used",
    CategoryWhy.WORKAROUND_UNUSABLE: "the workaround needs a system that does not work",
    CategoryWhy.LASTED: "impaired for long, with no documented workaround",
    CategoryWhy.CARRIED: "as serious as an incident that belongs to it",
    CategoryReason.WIDER_IMPACT: "a person found that more is affected",
    CategoryReason.NARROWER_IMPACT: "a person found that less is affected",
    CategoryReason.WORKAROUND_FAILED: "a person found that the workaround fails",
    CategoryReason.WORKAROUND_WORKS: "a person found that the workaround works",
    CategoryReason.SAFETY_RULED_OUT: "a person ruled out harm to patients",
    CategoryReason.PATIENT_HARMED: "a person reports that a patient came to harm",
    CategoryReason.PATIENT_AT_RISK: "a person reports that a patient is at risk",
    CategoryReason.CARE_DELAYED: "a person reports that care was delayed",
    CategoryReason.WRONG_INFORMATION: "a person reports that wrong information was shown",
}
DEADLINES = {
    DeadlineKind.RESPONSE_WARNED: "somebody should answer",
    DeadlineKind.RESPONSE_BREACHED: "somebody must have answered",
    DeadlineKind.ACKNOWLEDGEMENT_EXPIRED: "the acknowledgement ends",
    DeadlineKind.REVIEW_DUE: "the category is looked at again",
    DeadlineKind.REPORT_DUE: "the incident report is due",
    DeadlineKind.REPORT_OVERDUE: "the incident report is overdue",
    DeadlineKind.MDR_SOON: "the report to the FDA is due soon",
    DeadlineKind.MDR_DUE: "the report to the FDA is due",
    DeadlineKind.LIAISON_NOTICE: "the clinical liaison must have been told",
    DeadlineKind.WORKAROUND_NOTICE: "the clinical liaison is told that the workaround ends",
    DeadlineKind.LEADERSHIP_NOTICE: "clinical leadership must have been told",
    DeadlineKind.LEGAL_NOTICE: "legal and compliance must have been told",
    DeadlineKind.LATE_DIGEST: "the clinical liaison is told",
    DeadlineKind.NOTICE_BREACHED: "a notice must have arrived",
    DeadlineKind.ESCALATED: "more people are told",
}
STEPS: dict[Step, str] = {
    TransitionKind.OPENED: "A new incident.",
    TransitionKind.FOUND_LATE: "A past incident, found late; it is over.",
    TransitionKind.REOPENED: "The trouble is back: the incident is open again.",
    TransitionKind.CAUSE_ADDED: "The trouble has changed its form.",
    TransitionKind.SITE_ADDED: "Another site is affected.",
    TransitionKind.RAISED: "The incident has become more serious.",
    TransitionKind.ATTACHED: "It was found to belong to the incident of another system.",
    TransitionKind.PARTED: "It no longer belongs to the incident of another system.",
    TransitionKind.PAGED: "A new incident.",
    TransitionKind.RECOVERED: "The trouble is over.",
    TransitionKind.CORRECTED: "Late evidence shows that the trouble is over.",
    TransitionKind.RESOLVED: "The incident is resolved.",
    ActKind.ACKNOWLEDGED: "Somebody has taken it on.",
    ActKind.RAISED: "A person has set the category.",
    ActKind.CLOSED: "The incident is closed: the work on it is done.",
    ActKind.FALSE_POSITIVE: "A person has found that nothing was wrong.",
    ActKind.MERGED: "It goes on as part of another incident.",
    ActKind.RULED: "A person has ruled whose the rejection was.",
    ActKind.CAUTIONED: "Something written here looks like patient information. Please remove it;"
    " Wardwatch has kept nothing of it.",
    DeadlineKind.RESPONSE_WARNED: "Nobody has answered yet, and an answer is due soon.",
    DeadlineKind.RESPONSE_BREACHED: "Nobody has answered in time.",
    DeadlineKind.ACKNOWLEDGEMENT_EXPIRED: "Whoever took it on has not said more in time.",
    DeadlineKind.REVIEW_DUE: "The category a person set is to be looked at again.",
    DeadlineKind.REPORT_DUE: "The report on this incident is due now.",
    DeadlineKind.REPORT_OVERDUE: "The report on this incident is overdue.",
    DeadlineKind.MDR_SOON: "A report to the FDA may be due soon. Whether it is, people decide.",
    DeadlineKind.MDR_DUE: "The last day for a report to the FDA is over, if one was due.",
    DeadlineKind.LIAISON_NOTICE: "For the clinical liaison: care is affected without a workaround.",
    DeadlineKind.WORKAROUND_NOTICE: "For the clinical liaison: the workaround is about to end.",
    DeadlineKind.LEADERSHIP_NOTICE: "For clinical leadership: a patient safety event.",
    DeadlineKind.LEGAL_NOTICE: "For legal and compliance: a patient safety event.",
    DeadlineKind.NOTICE_BREACHED: "A notice that must be given has not arrived in time.",
    DeadlineKind.ESCALATED: "Nobody has taken it on: please do, or find somebody who does.",
    GroupStep.GATHERED: "Other systems are in trouble with it: they are named below.",
}
RULINGS = {
    Ruling.OURS: "ours: we were at fault, and the time stays unknown",
    Ruling.THEIRS: "theirs: the system was at fault, and the time counts as down",
}
STATES = {
    IncidentState.OPEN: "open",
    IncidentState.ACKNOWLEDGED: "open, and somebody is on it",
    IncidentState.RECOVERED: "recovered, not yet resolved",
    IncidentState.RESOLVED: "resolved",
    IncidentState.CLOSED: "closed",
    IncidentState.MERGED: "part of another incident",
    IncidentState.FALSE_POSITIVE: "no incident: nothing was wrong",
}
ABOUT = {
    DeadlineKind.LIAISON_NOTICE: "to the clinical liaison",
    DeadlineKind.WORKAROUND_NOTICE: "to the clinical liaison, of a workaround that ends",
    DeadlineKind.LEADERSHIP_NOTICE: "to clinical leadership",
    DeadlineKind.LEGAL_NOTICE: "to legal and compliance",
    Horizon.USER_FACILITY: "by a user facility, within 10 work days",
    Horizon.MANUFACTURER: "by a manufacturer, within 30 days",
    Horizon.MANUFACTURER_URGENT: "by a manufacturer, within 5 work days",
}
BY_SERVICE = (
    "A service has acknowledged it, such as another product. That stops nothing: nobody has taken it"
    " on here yet."
)
