"""What others may ask an agent: its metrics, and whether it is alive."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

silent = logging.getLogger("wardwatch.http")
silent.disabled = True  # aiohttp logs broken requests with their text, which may hold anything


@dataclass(frozen=True, slots=True)
class Face:
    """What is shown: the metrics, whether the process is of use, and what ails it."""

    metrics: Callable[[], bytes]
    alive: Callable[[], bool]
    troubles: Callable[[], Sequence[str]]


class Server:
    """`GET /metrics` and `GET /healthz`; 503 tells a supervisor to start the agent again."""

    def __init__(self, face: Face) -> None:
        self._face = face
        app = web.Application(logger=silent)
        app.router.add_get("/metrics", self._get_metrics)
        app.router.add_get("/healthz", self._get_health)
        self._runner = web.AppRunner(app, access_log=None, logger=silent, handle_signals=False)

    def show(self, face: Face) -> None:
        """From now on this one."""
        self._face = face

    async def start(self, host: str, port: int) -> int:
        """Returns the port. OSError when it is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        bound: int = self._runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _get_metrics(self, _request: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        return web.Response(body=self._face.metrics(), headers=headers)

    async def _get_health(self, _request: web.Request) -> web.Response:
        """A restart mends none of the troubles, so they are told with 200."""
        if not self._face.alive():
            return web.json_response({"status": "stuck"}, status=503)
        troubles = list(self._face.troubles())
        return web.json_response(
            {"status": "degraded", "reasons": troubles} if troubles else {"status": "ok"}
        )
