"""What is refused is counted and logged: who, from where, for what; words of ours and ids only."""

from __future__ import annotations

import logging

from aiohttp import web

from collector.api.parts import PARTS

log = logging.getLogger("wardwatch.access")


def refused(request: web.Request, code: str, account: str) -> None:
    """`account` is of who asked, `nobody` where that is not known: what was typed is never kept."""
    parts = request.app[PARTS]
    parts.metrics.access_refused.labels(code).inc()
    resource = request.match_info.route.resource
    log.warning(
        "access.refused code=%s account=%s peer=%s method=%s route=%s",
        code,
        account,
        parts.door.peer(request),
        request.method,
        "none" if resource is None else resource.canonical,
    )
