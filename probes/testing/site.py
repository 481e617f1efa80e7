"""A web application on a port that can refuse connections, as every simulated web server is one."""

from __future__ import annotations

import asyncio
import ssl

from aiohttp import web

from probes.testing.port import Port


class Site:
    """`released` is set when hanging requests are to go."""

    def __init__(self, app: web.Application) -> None:
        self.released = asyncio.Event()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        self._port: Port | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> tuple[int, str]:
        """Listen; the port and the origin, such as https://127.0.0.1:8443."""
        await self._runner.setup()
        if self._runner.server is None:
            raise RuntimeError("aiohttp made no server")
        self._port = Port(self._runner.server, tls)
        port = self._port.open(host, port)
        authority = f"[{host}]" if ":" in host else host
        return port, f"{'http' if tls is None else 'https'}://{authority}:{port}"

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        self.released.set()
        if self._port is not None:
            self._port.close()
        await self._runner.cleanup()

    def turn(self, before: str, fault: str) -> None:
        """From one fault to another: `refuse` is the port's own."""
        if self._port is not None:
            self._port.turn(before, fault)
