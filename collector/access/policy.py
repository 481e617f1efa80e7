"""Who may do what: one table, and everything that is not in it is denied."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from probes.roles import Role

__all__ = [
    "APPROVING",
    "GRANTS",
    "READING",
    "SERVICE_ROLES",
    "Permission",
    "Role",
    "permissions_of",
]


class Permission(StrEnum):
    """What a route asks for; also the scopes a token can have."""

    SYSTEMS_READ = "systems.read"
    RESULTS_READ = "results.read"
    AVAILABILITY_READ = "availability.read"
    INCIDENTS_READ = "incidents.read"
    INCIDENTS_ACT = "incidents.act"
    INCIDENTS_PATIENT_SAFETY = "incidents.patient_safety"
    """To set category 4, and to lower, resolve or otherwise end what has it."""
    INCIDENTS_NOTES_READ = "incidents.notes.read"
    """To read what people typed."""
    OUTBOX_REDRIVE = "outbox.redrive"
    """To have dead messages sent again."""
    MAINTENANCE_READ = "maintenance.read"
    MAINTENANCE_PROPOSE = "maintenance.propose"
    MAINTENANCE_APPROVE = "maintenance.approve"
    MAINTENANCE_CANCEL = "maintenance.cancel"
    MAINTENANCE_FINISH = "maintenance.finish"
    CORRECTIONS_READ = "corrections.read"
    CORRECTIONS_REQUEST = "corrections.request"
    CORRECTIONS_APPROVE = "corrections.approve"
    AGENTS_READ = "agents.read"
    AGENTS_MANAGE = "agents.manage"
    """To invite agents, and to approve and revoke their keys."""
    CONTACTS_READ = "contacts.read"
    ROTA_READ = "rota.read"
    """To see who is on duty, by name."""
    ROTA_OVERRIDE = "rota.override"
    """To put somebody else on duty for a time."""
    WHAT_IF_RUN = "what_if.run"
    JOURNAL_READ = "journal.read"
    EVIDENCE_READ = "evidence.read"
    """To read the evidence log; the audit log needs `journal.read` too."""
    LOGS_MANAGE = "logs.manage"
    """To revoke a key of a log, and to begin the logs anew."""
    AUDIT_EXPORT = "audit.export"
    """To read the whole audit trail out, or an audit pack of it; each time is a row of it."""
    ATTESTATIONS_READ = "attestations.read"
    """To see attestations and take their bundles; each time is a row of the audit trail."""
    ATTESTATIONS_ISSUE = "attestations.issue"
    """To have one made. What it says nobody can choose."""
    METRICS_READ = "metrics.read"
    ACCOUNTS_READ = "accounts.read"
    ACCOUNTS_MANAGE = "accounts.manage"
    SELF = "self"
    """One's own account, tokens and sessions: whoever is known has it."""


P = Permission
READING = frozenset(
    {
        P.SYSTEMS_READ,
        P.RESULTS_READ,
        P.AVAILABILITY_READ,
        P.INCIDENTS_READ,
        P.MAINTENANCE_READ,
        P.CORRECTIONS_READ,
        P.AGENTS_READ,
        P.METRICS_READ,
        P.SELF,
    }
)
APPROVING = frozenset({P.MAINTENANCE_APPROVE, P.CORRECTIONS_APPROVE})

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: READING,
    Role.OPERATOR: READING
    | {
        P.CONTACTS_READ,
        P.ROTA_READ,
        P.ROTA_OVERRIDE,
        P.INCIDENTS_ACT,
        P.OUTBOX_REDRIVE,
        P.MAINTENANCE_PROPOSE,
        P.MAINTENANCE_CANCEL,
        P.MAINTENANCE_FINISH,
        P.CORRECTIONS_REQUEST,
        P.ATTESTATIONS_READ,
        P.ATTESTATIONS_ISSUE,
        P.WHAT_IF_RUN,
    },
    Role.APPROVER: READING | APPROVING | {P.CONTACTS_READ, P.ROTA_READ, P.MAINTENANCE_CANCEL},
    Role.CLINICAL: READING
    | {
        P.CONTACTS_READ,
        P.ROTA_READ,
        P.ROTA_OVERRIDE,
        P.INCIDENTS_ACT,
        P.INCIDENTS_PATIENT_SAFETY,
        P.INCIDENTS_NOTES_READ,
    },
    Role.AUDITOR: READING
    | {
        P.ROTA_READ,
        P.JOURNAL_READ,
        P.EVIDENCE_READ,
        P.AUDIT_EXPORT,
        P.ACCOUNTS_READ,
        P.ATTESTATIONS_READ,
    },
    Role.ADMIN: READING
    | {
        P.CONTACTS_READ,
        P.ROTA_READ,
        P.INCIDENTS_NOTES_READ,
        P.OUTBOX_REDRIVE,
        P.AGENTS_MANAGE,
        P.LOGS_MANAGE,
        P.JOURNAL_READ,
        P.EVIDENCE_READ,
        P.AUDIT_EXPORT,
        P.ATTESTATIONS_READ,
        P.ATTESTATIONS_ISSUE,
        P.ACCOUNTS_READ,
        P.ACCOUNTS_MANAGE,
    },
}
"""An auditor reads evidence and who did what, and changes nothing. Who rules the accounts could
make up a second person, so an admin never approves."""

SERVICE_ROLES = frozenset({Role.VIEWER, Role.OPERATOR, Role.AUDITOR})
"""What a program may be. None approves, for who made it could have proposed; nobody is told of
harm to a patient, or given an account, by one."""


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """All that the roles grant together; with `admin` among them nothing that approves."""
    held = frozenset(roles)
    granted = frozenset[Permission]().union(*(GRANTS[role] for role in held))
    return granted - APPROVING if Role.ADMIN in held else granted
