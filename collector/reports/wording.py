"""What the codes of a predicate mean, in the words of a report. Pure.

A code that is not known here is printed as it stands: a later issuer may know more.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.bundle.assurance import LIMIT_MEANINGS
from collector.bundle.gaps import Cause
from collector.core.windows import Why

SIMULATED = "simulated"
"""The limitation that a sample claims (`collector/bundle/sample.py`)."""
VERDICTS = {
    "met": "met",
    "breached": "breached",
    "indeterminate": "not decided",
    "no_data": "no data",
    "open": "open",
}
VERDICT_SENTENCES = {
    "met": "The target was met: the availability does not fall below it even if everything was "
    "down in the time nobody observed.",
    "breached": "The target was breached: the availability falls below it even if everything was "
    "up in the time nobody observed.",
    "indeterminate": "Not decided: whether the target was met depends on time that nobody "
    "observed. It cannot be called met, nor breached.",
    "no_data": "No data: nothing in the period could be judged, so nothing is claimed.",
    "open": "The period had not ended.",
}
NO_TARGET = "no target"
SCOPE_NOTE = "The contract's verdict is that of the system; a site's says how the site fared alone."
NO_TARGET_SENTENCE = "No target was in force at the end of the period, so there is no verdict."
SCOPES = {
    "organization": "the whole organization",
    "worst_site": "the site that fared worst",
    "user_weighted": "its sites, weighted by their users",
}
FIGURES = ("After approved exclusions", "Raw", "Worst case")
"""In the order of every table."""
_RAW = (
    "Time up or degraded, of all time up, degraded or down. Nothing is excluded: maintenance counts "
    "like any other time."
)
FIGURE_MEANINGS = {
    "contract-v1": (
        (
            "Time up or degraded, of all time up, degraded or down, without approved maintenance. This "
            "is the contract's figure."
        ),
        _RAW,
        (
            "Time up or degraded, of all eligible time: whatever nobody observed counts as down. "
            "Approved maintenance is left out."
        ),
    ),
    "whole-period-v1": (
        (
            "Time up, degraded or in approved maintenance, of all that and the time down: by the "
            "contract approved maintenance counts as available. This is the contract's figure."
        ),
        _RAW,
        (
            "Time up, degraded or in approved maintenance, of all eligible time: whatever nobody "
            "observed counts as down."
        ),
    ),
    "mixed": (
        (
            "Time up or degraded, of all time up, degraded or down. Approved maintenance is left out or "
            "counts as available, as each system's contract has it. This is the contract's figure."
        ),
        _RAW,
        "The same of all eligible time: whatever nobody observed counts as down.",
    ),
}
"""By formula: each figure in its order."""
FORMULAS = {
    "contract-v1": "approved maintenance is left out",
    "whole-period-v1": "approved maintenance counts as available",
    "mixed": "the systems' contracts differ",
}
WHYS: dict[str, str] = {
    Why.CANCELLED: "cancelled",
    Why.UNAPPROVED: "not approved",
    Why.SELF_APPROVED: "approved by its own proposer",
    Why.APPROVED_LATE: "approved when it had begun",
    Why.DURING_OUTAGE: "approved during an outage, which stays in",
    Why.EMPTY: "it has no time in it",
}
NOT_APPROVED = "no: there is no approval"
PRE_REGISTERED: Mapping[bool | None, str] = {
    True: "yes: witnesses had the approval before it began",
    False: "no: witnesses had the approval only later",
    None: "not known: no witness had it",
}
CAUSES: dict[str, str] = {
    Cause.TOMBSTONE: "the agent gave results up for want of space, and said so",
    Cause.CHAIN_HOLE: "a numbered batch is not in the log",
    Cause.AGENT_RESTARTED: "the agent began anew, with its memory lost",
    Cause.COLLECTOR_AWAY: "the collector was away",
    Cause.NEW_VERSION: "the configuration had just changed",
    Cause.AGENT_SILENT: "nothing came from the agent",
    Cause.NOT_RECORDED: "batches cover the time, but hold no result",
}
STATES = {
    "up": "up",
    "degraded": "degraded",
    "down": "down",
    "unknown": "unknown",
    "excluded": "maintenance",
    "not_monitored": "not monitored",
}
LEVELS = {
    "L1": "Signed by the log alone. Nobody outside has seen the log: whoever holds its key and "
    "all copies could have written another one.",
    "L2": "Signed by the log and cosigned by witnesses, who saw it grow and nothing removed. All "
    "measuring or all witnessing may be in one hand.",
    "L3": "Signed by the log, cosigned by a witness whose declared operator is another "
    "organization, and measured by agents of at least two operators.",
}
LIMITS = {
    **{limit.value: f"{text[0].upper()}{text[1:]}." for limit, text in LIMIT_MEANINGS.items()},
    SIMULATED: "Simulated: nothing of this was measured, and nothing of it happened.",
}
UNKNOWN_POLICIES = {
    "reported": "unknown time is reported by itself, counts as down in the worst case, and decides "
    "no verdict in anybody's favour",
}
ROUNDING = {"truncated": "digits are cut off, never rounded up"}


def word(words: Mapping[str, str], code: str | None, otherwise: str = "none") -> str:
    return otherwise if code is None else words.get(code, code)
