"""What a person or a program may be; the operator's file and the accounts use the same words."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    CLINICAL = "clinical"
    AUDITOR = "auditor"
    ADMIN = "admin"
