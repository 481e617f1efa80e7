"""Who is told: routes by family, cause and priority, notices by role. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.events import Cause, Family, Priority
from alerts.telling import Audience
from probes.config import Config
from probes.config_channels import Notices, Route


def receivers(
    routes: Sequence[Route], family: Family, priority: Priority, causes: Sequence[Cause] = ()
) -> tuple[str, ...]:
    """Receivers of every route that fits, each once, in the order of the file.

    A route's `min_priority` is the least urgent one it takes. A priority only rises while an
    incident lasts, so whoever heard of its beginning hears of its end. Rejected by all pages
    support and the integration owner together: it goes to the routes of availability, too.
    """
    families = {family.value}
    if Cause.REJECTED_BY_ALL in causes:
        families.add(Family.AVAILABILITY.value)
    named = (
        receiver
        for route in routes
        if families.intersection(route.families) and priority.value <= route.min_priority
        for receiver in route.to
    )
    return tuple(dict.fromkeys(named))


def noticed(config: Config, audience: Audience) -> tuple[str, ...]:
    """Channels of the roles a notice is for; without any, whom the routes name for P1.

    A notice that reaches somebody else is better than one that reaches nobody.
    """
    named = config.notices or Notices()
    roles = {
        Audience.CLINICAL_LIAISON: (named.clinical_liaison,),
        Audience.CLINICAL_LEADERSHIP: (named.clinical_leadership,),
        Audience.LEGAL_COMPLIANCE: (named.legal_compliance,),
        Audience.SAFETY: (named.clinical_leadership, named.legal_compliance),
    }[audience]
    everybody = receivers(config.routes, Family.AVAILABILITY, Priority.P1)
    instead = [name for name in everybody if not config.channels[name].is_for_customers]
    return tuple(dict.fromkeys(to for channels in roles for to in channels or instead))
