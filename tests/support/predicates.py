"""A whole predicate, written out by hand: two systems over July 2026 in Chicago."""

from __future__ import annotations

import copy

from collector.attest.strictjson import Value

MIN = 60_000
HOUR = 60 * MIN
DAY = 24 * HOUR
START = 1_782_882_000_000  # 2026-07-01T05:00:00Z, midnight in Chicago
END = START + 31 * DAY
OUTAGE = (START + 2 * DAY + 135 * MIN, START + 2 * DAY + 179 * MIN + 38_400)
BLIND = (START + 9 * DAY + 10 * HOUR, START + 9 * DAY + 11 * HOUR + 30_500)
WINDOW = (START + 4 * DAY + 2 * HOUR, START + 4 * DAY + 4 * HOUR)
LATE_WINDOW = (START + 11 * DAY + 2 * HOUR, START + 11 * DAY + 3 * HOUR)
DOWN_MS = OUTAGE[1] - OUTAGE[0]
UNKNOWN_MS = BLIND[1] - BLIND[0]
DEGRADED_MS = 20 * MIN
WHOLE = END - START
EXCLUDED = WINDOW[1] - WINDOW[0]
ROOT = "n2jHk0hJX2yYl8oQ1yJ0E3mPz2m2jKqk5u9b8y1m2fA="


def _percent(numerator: int, denominator: int) -> str:
    """Four decimals, cut off."""
    whole, part = divmod(numerator * 1_000_000 // denominator, 10_000)
    return f"{whole}.{part:04d}"


def _ratio(numerator: int, denominator: int) -> dict[str, Value]:
    return {
        "numerator": numerator,
        "denominator": denominator,
        "percent": _percent(numerator, denominator),
    }


def _figures() -> dict[str, Value]:
    judged = WHOLE - EXCLUDED - UNKNOWN_MS
    return {
        "raw": _ratio(judged + EXCLUDED - DOWN_MS, judged + EXCLUDED),
        "afterExclusions": _ratio(judged - DOWN_MS, judged),
        "worstCase": _ratio(judged - DOWN_MS, WHOLE - EXCLUDED),
    }


def _milliseconds() -> dict[str, Value]:
    eligible = WHOLE - EXCLUDED
    return {
        "eligible": eligible,
        "up": eligible - DOWN_MS - UNKNOWN_MS - DEGRADED_MS,
        "degraded": DEGRADED_MS,
        "down": DOWN_MS,
        "unknown": UNKNOWN_MS,
        "excluded": EXCLUDED,
        "notMonitored": 0,
    }


def _coverage() -> str:
    return _percent(WHOLE - EXCLUDED - UNKNOWN_MS, WHOLE - EXCLUDED)


def _judged_by() -> dict[str, Value]:
    eligible = WHOLE - EXCLUDED
    return {
        "scope": "organization",
        "site": None,
        "known": _percent(eligible - UNKNOWN_MS - DOWN_MS, eligible - UNKNOWN_MS),
        "min": _percent(eligible - UNKNOWN_MS - DOWN_MS, eligible),
        "max": _percent(eligible - DOWN_MS, eligible),
    }


def _ehr() -> dict[str, Value]:
    return {
        "system": "ehr",
        "formula": "contract-v1",
        "figures": _figures(),
        "milliseconds": _milliseconds(),
        "coverage": _coverage(),
        "sites": [
            {
                "site": "north",
                "figures": _figures(),
                "milliseconds": _milliseconds(),
                "coverage": _coverage(),
                "verdict": "breached",
                "minimumVerdict": "met",
            }
        ],
        "target": "99.95",
        "verdict": "breached",
        "minimum": "99.5",
        "minimumVerdict": "met",
        "scope": "organization",
        "judgedBy": _judged_by(),
        "runs": {"judged": 177_903, "good": 177_811},
        "expected": 178_560,
        "received": 178_318,
        "outcomes": {
            "up": 178_061,
            "degraded": 80,
            "down": 92,
            "misconfigured": 0,
            "unknown": 85,
        },
        "corrected": {
            "figures": _figures(),
            "milliseconds": _milliseconds(),
            "coverage": _coverage(),
            "verdict": "indeterminate",
            "minimumVerdict": "met",
            "judgedBy": _judged_by(),
            "corrections": ["power-cut"],
        },
    }


def _lab() -> dict[str, Value]:
    nothing: dict[str, Value] = {"numerator": 0, "denominator": 0, "percent": None}
    return {
        "system": "lab",
        "formula": "contract-v1",
        "figures": {
            "raw": nothing,
            "afterExclusions": nothing,
            "worstCase": {"numerator": 0, "denominator": WHOLE, "percent": "0.0000"},
        },
        "milliseconds": {
            "eligible": WHOLE,
            "up": 0,
            "degraded": 0,
            "down": 0,
            "unknown": WHOLE,
            "excluded": 0,
            "notMonitored": 0,
        },
        "coverage": "0.0000",
        "sites": [],
        "target": None,
        "verdict": None,
        "minimum": None,
        "minimumVerdict": None,
        "scope": None,
        "judgedBy": None,
        "runs": {"judged": 0, "good": 0},
        "expected": 44_640,
        "received": 0,
        "outcomes": {"up": 0, "degraded": 0, "down": 0, "misconfigured": 0, "unknown": 0},
        "corrected": None,
    }


def _exclusions() -> list[Value]:
    return [
        {
            "window": "weekday-early",
            "system": "ehr",
            "start": WINDOW[0],
            "end": WINDOW[1],
            "excludes": True,
            "why": None,
            "proposedBy": "change-1",
            "approvedBy": "approver-1",
            "approvedAt": START - 3 * DAY,
            "row": 41,
            "logIndex": 9_021,
            "preRegistered": True,
            "witnessedAt": START - 3 * DAY + 5 * MIN,
            "appliedMs": EXCLUDED,
        },
        {
            "window": "hurried",
            "system": "ehr",
            "start": LATE_WINDOW[0],
            "end": LATE_WINDOW[1],
            "excludes": False,
            "why": "approved_late",
            "proposedBy": "change-1",
            "approvedBy": "approver-1",
            "approvedAt": LATE_WINDOW[0] + 7 * MIN,
            "row": 57,
            "logIndex": 31_444,
            "preRegistered": False,
            "witnessedAt": LATE_WINDOW[0] + 12 * MIN,
            "appliedMs": 0,
        },
    ]


def _states() -> list[Value]:
    slow = START + 20 * DAY + 13 * HOUR
    spans: list[Value] = [
        [START, OUTAGE[0], "up"],
        [*OUTAGE, "down"],
        [OUTAGE[1], BLIND[0], "up"],
        [*BLIND, "unknown"],
        [BLIND[1], slow, "up"],
        [slow, slow + DEGRADED_MS, "degraded"],
        [slow + DEGRADED_MS, END, "up"],
    ]
    return [
        {"system": "ehr", "spans": spans},
        {"system": "lab", "spans": [[START, END, "unknown"]]},
    ]


def _agent(agent: str, operator: str, key: str, batches: int, late: int) -> Value:
    return {
        "agent": agent,
        "site": "north",
        "operator": operator,
        "keys": [f"SHA256:{key}"],
        "clockErrorMaxMs": 14,
        "batches": batches,
        "late": late,
    }


def _check(check: str, every: int) -> Value:
    return {
        "id": check,
        "kind": "fhir",
        "agents": ["north-1", "north-2"],
        "every": every,
        "timeout": 10_000,
        "role": "group:reads" if check == "ehr-read" else "critical",
        "quorum": 1 if check == "ehr-write" else None,
    }


_KEY_1 = "p1gqGJ6v2bN0l3mQw9yRk8tZ5xVfHs4cUoE7aDiWj0M"
_KEY_2 = "Zk8tZ5xVfHs4cUoE7aDiWj0Mp1gqGJ6v2bN0l3mQw9y"


def predicate() -> dict[str, Value]:
    """A new one each time: tests change it."""
    return copy.deepcopy(
        {
            "attestationId": "st-elsewhere-2026-07",
            "version": 2,
            "computedAt": END + 73 * HOUR,
            "software": {"version": "0.1.0", "algorithmHash": "sha256:" + "5e" * 32},
            "signer": {
                "keyId": "st-elsewhere.example.org/wardwatch/evidence+1a2b3c4d",
                "name": "St Elsewhere Health",
            },
            "supersedes": "st-elsewhere-2026-07/1",
            "scope": {
                "organization": "St Elsewhere Health",
                "systems": [
                    {
                        "id": "ehr",
                        "name": "EHR",
                        "checks": [_check("ehr-read", 30_000), _check("ehr-write", 90_000)],
                    },
                    {"id": "lab", "name": "Laboratory", "checks": [_check("lab-query", 120_000)]},
                ],
                "undisclosedSystems": True,
            },
            "period": {
                "start": START,
                "end": END,
                "timezone": "America/Chicago",
                "now": END + 72 * HOUR,
                "evidenceFrom": START - 29 * HOUR,
            },
            "method": {
                "semantics": "urn:wardwatch:semantics:1",
                "formula": "contract-v1",
                "confirm": [
                    {"check": "ehr-read", "down": 2, "up": 1},
                    {"check": "ehr-write", "down": 2, "up": 1},
                    {"check": "lab-query", "down": 3, "up": 1},
                ],
                "unknownPolicy": "reported",
                "rounding": "truncated",
                "tzdata": "2026.1",
            },
            "vantagePoints": [
                _agent("north-1", "St Elsewhere Health", _KEY_1, 267_843, 3),
                _agent("north-2", "Example Auditors", _KEY_2, 267_790, 0),
            ],
            "results": [_ehr(), _lab()],
            "outages": [
                {
                    "system": "ehr",
                    "start": OUTAGE[0],
                    "end": OUTAGE[1],
                    "minMs": DOWN_MS - 30_000,
                    "maxMs": DOWN_MS + 30_000,
                }
            ],
            "exclusions": _exclusions(),
            "gaps": [
                {
                    "system": "ehr",
                    "check": "ehr-read",
                    "agent": "north-1",
                    "start": BLIND[0],
                    "end": BLIND[1],
                    "slots": 121,
                    "cause": "agent_silent",
                },
                {
                    "system": "ehr",
                    "check": "ehr-read",
                    "agent": "north-2",
                    "start": BLIND[0],
                    "end": BLIND[1],
                    "slots": 121,
                    "cause": "chain_hole",
                },
                {
                    "system": "lab",
                    "check": "lab-query",
                    "agent": "north-1",
                    "start": START,
                    "end": END,
                    "slots": 44_640,
                    "cause": "not_recorded",
                },
            ],
            "gapsLeftOut": 0,
            "incidents": [
                {
                    "id": "ehr-availability-1783020900000",
                    "system": "ehr",
                    "family": "availability",
                    "category": 3,
                    "priority": "P1",
                    "startedAt": OUTAGE[0],
                    "detectedAt": OUTAGE[0] + 30_000,
                    "acknowledgedAt": OUTAGE[0] + 4 * MIN,
                    "recoveredAt": OUTAGE[1],
                    "resolvedAt": None,
                }
            ],
            "configChanges": [
                {
                    "row": 52,
                    "at": START + 8 * DAY,
                    "logIndex": 24_118,
                    "commitment": "c1" * 32,
                    "changed": True,
                },
                {
                    "row": 55,
                    "at": START + 10 * DAY,
                    "logIndex": 30_002,
                    "commitment": "c2" * 32,
                    "changed": False,
                },
            ],
            "lateEvidence": {
                "batches": 3,
                "results": 211,
                "longestMs": 41 * MIN,
                "afterClose": 0,
            },
            "log": {
                "origin": "st-elsewhere.example.org/wardwatch/evidence",
                "from": {"size": 8_802},
                "to": {"size": 98_765, "root": ROOT},
                "entries": 89_963,
                "checkpoints": 8_928,
            },
            "assurance": {
                "level": "L2",
                "limits": ["collusion", "operators_declared"],
                "witnesses": [{"name": "witness.example.net", "operator": "Example Auditors"}],
            },
            "limitations": ["between_checkpoints"],
            "selfMonitoring": {
                "awayMs": 95_000,
                "checkpoints": 8_928,
                "witnessLagMaxMs": 2_350,
            },
            "verify": {"command": "wardwatch verify st-elsewhere-2026-07.zip"},
            "states": _states(),
        }
    )
