"""Which act is permitted in which state of an incident, and to whom. Pure.

The table of every state and act is written out in `tests/unit/alerts/test_permitted.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from alerts.people import PATIENT_SAFETY, Act, ActKind, IncidentState, Standing

_S = IncidentState
_LASTING = frozenset({_S.OPEN, _S.ACKNOWLEDGED, _S.RECOVERED})
PERMITTED: Mapping[ActKind, frozenset[IncidentState]] = {
    ActKind.ACKNOWLEDGED: frozenset({_S.OPEN, _S.ACKNOWLEDGED}),
    ActKind.NOTED: frozenset(IncidentState),
    ActKind.RAISED: _LASTING,
    ActKind.RESOLVED: frozenset({_S.RECOVERED}),
    ActKind.CLOSED: frozenset({_S.RESOLVED}),
    ActKind.FALSE_POSITIVE: _LASTING,
    ActKind.MERGED: _LASTING,
}
"""In which states each act of people is done."""
HARM_SHOWS = frozenset(IncidentState)
"""Category 4 is set however long ago it was, and lowered from there: harm may show late."""
ENDING = frozenset({ActKind.RESOLVED, ActKind.FALSE_POSITIVE, ActKind.MERGED})
"""What takes an incident off the list of those that wait."""

DETAILS = {
    "act.people_only": "a service acknowledges; everything else is done by a person",
    "act.patient_safety": "category 4 is set, lowered and ended by the role clinical",
    "incident.state": "not in the state it is in",
    "incident.acknowledged": "somebody else has acknowledged it, and that lasts",
    "incident.itself": "an incident cannot be merged into itself",
    "incident.unknown_target": "there is no incident of the key to merge into",
    "incident.target_not_open": "what it is merged into must be open",
    "incident.target_less_urgent": "what it is merged into must be of its category or higher",
}
"""What stands in the way, by code."""


class IllegalActError(Exception):
    """`code` is one of `DETAILS`; `state` is that of the incident that stands in the way."""

    def __init__(self, code: str, state: IncidentState) -> None:
        super().__init__(code)
        self.code = code
        self.state = state


def decide(
    key: str, now: Standing, act: Act, *, safety: bool, target: Standing | None = None
) -> Act:
    """The act to record, or IllegalActError.

    `safety`: whoever acts may rule on patient safety. `target` is the other incident of a merge,
    None where there is none of that key.
    """
    if act.by_service and act.kind is not ActKind.ACKNOWLEDGED:
        raise IllegalActError("act.people_only", now.state)
    harm = act.category == PATIENT_SAFETY
    lowers = act.kind is ActKind.RAISED and now.category == PATIENT_SAFETY
    if now.state not in (HARM_SHOWS if harm or lowers else PERMITTED[act.kind]):
        raise IllegalActError("incident.state", now.state)
    grave = now.category == PATIENT_SAFETY and act.kind in {ActKind.RAISED, *ENDING}
    if (harm or grave) and not safety:
        raise IllegalActError("act.patient_safety", now.state)
    held = now.acknowledged if now.state is _S.ACKNOWLEDGED else None
    if act.kind is ActKind.ACKNOWLEDGED and held is not None and held.by != act.by:
        raise IllegalActError("incident.acknowledged", now.state)
    if act.kind is ActKind.MERGED:
        _mergeable(key, now, act, target)
    return act


def _mergeable(key: str, now: Standing, act: Act, target: Standing | None) -> None:
    """Only an open incident takes one in, and a merged one is not open: there are no circles."""
    if act.into == key:
        raise IllegalActError("incident.itself", now.state)
    if target is None:
        raise IllegalActError("incident.unknown_target", now.state)
    if target.state not in (_S.OPEN, _S.ACKNOWLEDGED):
        raise IllegalActError("incident.target_not_open", target.state)
    if target.category < now.category:
        raise IllegalActError("incident.target_less_urgent", target.state)
