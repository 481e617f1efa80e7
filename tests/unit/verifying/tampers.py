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
    "Who carries the bundle": tampers_carrying,
    "The insider": tampers_numbers,
    "The insider, with the log,": tampers_log,
    "The insider, with its heads,": tampers_heads,
    "The insider, with disclosed rows,": tampers_rows,
    "The insider, against agents or with one,": tampers_agents,
}
"""Modules of cases, by who does it."""
CASES = tampering.CASES
