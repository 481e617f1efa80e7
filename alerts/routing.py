"""Who is told: routes by family, cause and priority. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.events import Cause, Family, Priority
from probes.config import Route


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
