"""Why an incident has its category: one word of a closed list, made of what is configured. Pure."""

from __future__ import annotations

from enum import StrEnum

from alerts.events import Cause, Family, Incident
from probes.config_policy import Policy
from probes.config_systems import Impact, ImpactClass


class CategoryWhy(StrEnum):
    """By the rules (semantics 5); for a person's own reasons see `people.CategoryReason`."""

    ADMINISTRATIVE = "administrative"
    """1: care does not need the system."""
    MONITORING_ONLY = "monitoring_only"
    """1: some of the monitoring is refused, not all of it."""
    IMPAIRED = "impaired"
    """2: it works in part."""
    UNOBSERVED = "unobserved"
    """2: nobody can tell whether it works."""
    REJECTED_BY_ALL = "rejected_by_all"
    """2: it refuses the monitoring everywhere."""
    WORKAROUND = "workaround"
    """2: it is down, and there is a usable workaround."""
    NO_WORKAROUND = "no_workaround"
    """3: it is down, and none is documented."""
    WORKAROUND_ENDED = "workaround_ended"
    """3: its `valid_for` has passed."""
    WORKAROUND_UNUSABLE = "workaround_unusable"
    """3: a system it requires does not work."""
    LASTED = "lasted"
    """3: not down, but for `raise_after` without a workaround."""
    CARRIED = "carried"
    """Higher than its own: that of an incident which is attached to it."""


_SECOND = {
    Family.ACCESS: CategoryWhy.REJECTED_BY_ALL,
    Family.BLIND: CategoryWhy.UNOBSERVED,
}
NEAR_MS = 600_000
"""By how much evidence that comes late moves a start at most, in ordinary times."""
_SEVERE = frozenset({Cause.DOWN, Cause.OVERRUN})


def why(impact: Impact, policy: Policy, incident: Incident, at: int) -> CategoryWhy | None:
    """At `at` (UTC ms), with `impact` and `policy` as configured; None where the rules alone
    do not lead to the category.
    """
    if impact.class_ is ImpactClass.ADMINISTRATIVE:
        return CategoryWhy.ADMINISTRATIVE if incident.category == 1 else CategoryWhy.CARRIED
    severe = not _SEVERE.isdisjoint(incident.causes)
    if incident.category == 1:
        return CategoryWhy.MONITORING_ONLY if incident.family is Family.ACCESS else None
    if incident.category == 2:
        if severe:
            return CategoryWhy.WORKAROUND
        return _SECOND.get(incident.family, CategoryWhy.IMPAIRED)
    if incident.category == 3:
        until = at if incident.recovered_at is None else min(at, incident.recovered_at)
        return _third(impact, policy, incident, until, severe=severe)
    return None


def _third(
    impact: Impact, policy: Policy, incident: Incident, until: int, *, severe: bool
) -> CategoryWhy:
    lasted = until - incident.started_at
    if not severe and lasted < policy.raise_after:
        return CategoryWhy.CARRIED
    documented = impact.workaround
    if documented is None:
        return CategoryWhy.NO_WORKAROUND if severe else CategoryWhy.LASTED
    if documented.valid_for is not None and lasted > documented.valid_for:
        return CategoryWhy.WORKAROUND_ENDED
    if documented.requires:
        return CategoryWhy.WORKAROUND_UNUSABLE
    # the rules go by the start as it is known best, which may be earlier than the recorded one
    near = documented.valid_for is not None and lasted > documented.valid_for - NEAR_MS
    return CategoryWhy.WORKAROUND_ENDED if near else CategoryWhy.CARRIED
