"""Which act is permitted in which state of an incident, and to whom. Pure.

The table of every state and act is written out in `tests/unit/alerts/test_permitted.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from alerts.events import Cause
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
    ActKind.RULED: frozenset(IncidentState),
}
"""In which states each act of people is done."""
_TAKES_IN = frozenset({_S.OPEN, _S.ACKNOWLEDGED})
HARM_SHOWS = frozenset(IncidentState)
"""Category 4 is set however long ago it was, and lowered from there: harm may show late."""
ENDING = frozenset({ActKind.RESOLVED, ActKind.FALSE_POSITIVE, ActKind.MERGED})
"""What takes an incident off the list of those that wait."""

DETAILS = {
    "act.people_only": "a service acknowledges; everything else is done by a person",
    "act.patient_safety": "category 4 is set, lowered and ended by the role clinical",
    "incident.state": "not in the state it is in",
    "incident.acknowledged": "somebody else has acknowledged it, and that lasts",
    "incident.category_void": "the workaround's time is over: a category below the rules' would not"
    " hold, so nothing was set",
    "incident.not_rejected": "only a rejection by all is ruled: an incident with that cause",
    "incident.itself": "an incident cannot be merged into itself",
    "incident.unknown_target": "there is no incident of the key to merge into",
    "incident.target_not_open": "what it is merged into must be open",
    "incident.target_less_urgent": "what it is merged into must be of its category or higher",
}
"""What stands in the way, by code."""


class IllegalActError(Exception):
    """`code` is one of `DETAILS`; `state` is that of the incident that stands in the way, `needed`
    are those in which the act is done, where another one is needed.
    """

    def __init__(
        self, code: str, state: IncidentState, needed: Collection[IncidentState] = ()
    ) -> None:
        super().__init__(code)
        self.code = code
        self.state = state
        self.needed = tuple(one for one in IncidentState if one in needed)


def decide(
    key: str,
    now: Standing,
    act: Act,
    *,
    safety: bool,
    causes: Collection[Cause] = (),
    target: Standing | None = None,
) -> Act:
    """The act to record, or IllegalActError.

    `safety`: whoever acts may rule on patient safety. `causes` are the incident's. `target` is the other incident of a merge,
    None where there is none of that key.
    """
    if act.by_service and act.kind is not ActKind.ACKNOWLEDGED:
        raise IllegalActError("act.people_only", now.state)
    harm = act.category == PATIENT_SAFETY
    lowers = act.kind is ActKind.RAISED and now.category == PATIENT_SAFETY
    needed = HARM_SHOWS if harm or lowers else PERMITTED[act.kind]
    if now.state not in needed:
        raise IllegalActError("incident.state", now.state, needed)
    grave = now.category == PATIENT_SAFETY and act.kind in {ActKind.RAISED, *ENDING}
    if (harm or grave) and not safety:
        raise IllegalActError("act.patient_safety", now.state)
    held = now.acknowledged if now.state is _S.ACKNOWLEDGED else None
    if act.kind is ActKind.ACKNOWLEDGED and held is not None and held.by != act.by:
        raise IllegalActError("incident.acknowledged", now.state)
    if act.kind is ActKind.RAISED and _is_void(now, act):
        raise IllegalActError("incident.category_void", now.state)
    if act.kind is ActKind.RULED and Cause.REJECTED_BY_ALL not in causes:
        raise IllegalActError("incident.not_rejected", now.state)
    if act.kind is ActKind.MERGED:
        _mergeable(key, now, act, target)
    return act


def _is_void(now: Standing, act: Act) -> bool:
    """Would a category hold for no time at all? Past the workaround's end the rules' counts."""
    over = act.review_by is not None and act.review_by < act.at
    category = act.category or 0
    return over and category < now.rules_category == now.category


def _mergeable(key: str, now: Standing, act: Act, target: Standing | None) -> None:
    """Only an open incident takes one in, and a merged one is not open: there are no circles."""
    if act.into == key:
        raise IllegalActError("incident.itself", now.state)
    if target is None:
        raise IllegalActError("incident.unknown_target", now.state)
    if target.state not in _TAKES_IN:
        raise IllegalActError("incident.target_not_open", target.state, _TAKES_IN)
    if target.category < now.category:
        raise IllegalActError("incident.target_less_urgent", target.state)
