"""Who is told: routes by family, cause and priority, notices by role. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.events import Cause, Family, Priority
from alerts.ladder import Ladder
from alerts.paging import escalates, is_routed
from alerts.receivers import of_role, reached
from alerts.telling import Audience
from probes.config import Config
from probes.config_channels import Notices, Route
from probes.config_people import Role


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


def ladders(config: Config, family: Family, rejected_at: int | None = None) -> tuple[Ladder, ...]:
    """The policies of every route that may fit, each once. `rejected_at`: when the incident was first
    rejected by all, from when on it goes to the routes of availability, too. None where the
    collector climbs none.
    """
    out: dict[str, list[tuple[Priority, int]]] = {}
    for route in config.routes if escalates(config, family) else ():
        since = 0 if family.value in route.families else rejected_at
        fits = since == 0 or Family.AVAILABILITY.value in route.families
        if route.escalate is None or since is None or not fits:
            continue
        out.setdefault(route.escalate, []).append((Priority(route.min_priority), since))
    return tuple(Ladder(name, config.escalation[name], tuple(takes)) for name, takes in out.items())


def routed(
    config: Config, family: Family, priority: Priority, causes: Sequence[Cause] = ()
) -> tuple[str, ...]:
    """`receivers` of the routes, without those whom whoever does not page leaves alone."""
    named = receivers(config.routes, family, priority, causes)
    return tuple(to for to in named if is_routed(config, to, family))


def noticed(config: Config, audience: Audience) -> tuple[str, ...]:
    """Channels of the roles a notice is for; without any, by what reaches the contacts of the role;
    where nothing does, whom the routes name for P1.

    A notice that reaches somebody else is better than one that reaches nobody.
    """
    named = config.notices or Notices()
    roles: dict[Audience, tuple[tuple[Role, tuple[str, ...]], ...]] = {
        Audience.CLINICAL_LIAISON: (("clinical_liaison", named.clinical_liaison),),
        Audience.CLINICAL_LEADERSHIP: (("clinical_leadership", named.clinical_leadership),),
        Audience.LEGAL_COMPLIANCE: (("legal_compliance", named.legal_compliance),),
        Audience.SAFETY: (
            ("clinical_leadership", named.clinical_leadership),
            ("legal_compliance", named.legal_compliance),
        ),
    }
    found = (
        to
        for role, channels in roles[audience]
        for to in channels or reached(config, of_role(config, role)) or _instead(config)
    )
    return tuple(dict.fromkeys(found))


def _instead(config: Config) -> list[str]:
    everybody = routed(config, Family.AVAILABILITY, Priority.P1)
    return [name for name in everybody if not config.channels[name].is_for_customers]
