"""What a verification tells while it goes on: a line for each thing checked, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """Things checked, in their order."""

    BUNDLE = "bundle"
    STATEMENT = "statement"
    MEMBERS = "members"
    CHECKPOINT = "checkpoint"
    ROWS = "rows"
    APPROVALS = "approvals"
    LOG = "log"
    SINCE = "since"
    CHAINS = "chains"
    SIGNATURES = "signatures"
    BEACONS = "beacons"
    EVIDENCE = "evidence"
    FIGURES = "figures"
    REPORTS = "reports"
    TIMESTAMP = "timestamp"


QUESTIONS = {
    Check.BUNDLE: "Is the file a bundle, byte for byte as one is written?",
    Check.STATEMENT: "Has a log key of the policy signed the statement?",
    Check.MEMBERS: "Is every member the one that the statement names, and none beside them?",
    Check.CHECKPOINT: "Have the log and a quorum of witnesses signed the final checkpoint?",
    Check.ROWS: "Are configs, windows, corrections and keys those of the log, and none kept back?",
    Check.APPROVALS: "When had the witnesses seen each approval?",
    Check.LOG: "Do the entries lead to every checkpoint that was published?",
    Check.SINCE: "Does the log continue the checkpoint that you kept?",
    Check.CHAINS: "Does each batch name the one before it, and none stand twice?",
    Check.SIGNATURES: "Has a key of the agent that was approved then signed each batch?",
    Check.BEACONS: "Were agents shown checkpoints of this log and no other?",
    Check.EVIDENCE: "Is each piece of evidence the one that the agent signed?",
    Check.FIGURES: "Do the same numbers come out, byte for byte?",
    Check.REPORTS: "Do report.html and oscal.json say what the statement says?",
    Check.TIMESTAMP: "Is the time stamp one of this statement?",
}
"""What each check answers."""


@dataclass(frozen=True, slots=True)
class Told:
    """`text`: what was found, in words. `note`: it is no failure, and somebody should know it."""

    check: Check
    text: str
    note: bool = False


@dataclass(frozen=True, slots=True)
class Doing:
    """`done` of `whole` of what a check goes through; None where nobody knows."""

    check: Check
    done: int
    whole: int | None


Tell = Callable[[Told | Doing], None]


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 entry`, `12 345 entries`."""
    name = one if number == 1 else many or f"{one}s"
    return f"{number:,} {name}".replace(",", " ")
