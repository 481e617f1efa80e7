"""Who may stand in on an on-call schedule: the rules of overrides that people make.

Each function gives the value to record, or raises RefusedActError. The history is all that was
recorded before.
"""

from __future__ import annotations

from collector.core.acting import RefusedActError
from probes.acts import RotaOverride, Signed
from probes.history import History


def make(history: History, one: RotaOverride) -> RotaOverride:
    """The override to record: of somebody who could be in the schedule, and not all past."""
    config = history.latest
    schedule, contact = config.on_call.get(one.schedule), config.contacts.get(one.person)
    if schedule is None:
        raise RefusedActError("override.unknown_schedule", one.schedule)
    if contact is None or contact.role != schedule.role:
        raise RefusedActError("override.wrong_contact", one.person)
    if one.end <= one.start:
        raise RefusedActError("override.empty", one.schedule)
    if one.end <= one.made.at:
        raise RefusedActError("override.past", one.schedule)
    return one


def cancel(history: History, number: int, signed: Signed) -> Signed:
    """The cancellation to record: once, and while there is something left of the override."""
    known = next((one for one in history.overrides if one.id == number), None)
    if known is None:
        raise RefusedActError("override.unknown", str(number))
    if known.cancelled is not None:
        raise RefusedActError("override.cancelled", str(number))
    if known.end <= signed.at:
        raise RefusedActError("override.past", str(number))
    return signed
