"""All that somebody may do to a bundle, and the failure that names it."""

from __future__ import annotations

from tests.unit.verifying import (
    tampering,
    tampers_agents,
    tampers_carrying,
    tampers_heads,
    tampers_log,
    tampers_numbers,
    tampers_rows,
)

WHO = {
    "Somebody who carries the bundle": tampers_carrying,
    "An insider who has the log's key, with the statement and the evidence": tampers_numbers,
    "With the log": tampers_log,
    "With its heads, and an auditor who kept one": tampers_heads,
    "With the rows that are disclosed": tampers_rows,
    "With agents, or against them": tampers_agents,
}
"""Modules of cases, by who does it."""
CASES = tampering.CASES
