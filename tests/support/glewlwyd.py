"""A real OpenID provider on loopback: Glewlwyd, from Debian's package `glewlwyd`.

Its own database and configuration in a temporary folder, set up over its own REST API.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from joserfc.jwk import ECKey, RSAKey

SERVER = "/usr/bin/glewlwyd"
SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
MODULES = "/usr/lib/glewlwyd"
ADMIN = {"username": "admin", "password": "password"}  # as its schema has it, on loopback only
PASSWORD = "correct horse battery"
CLIENT_SECRET = "5c1d0c7e-wardwatch"
CONFIG = """
port={port}
bind_address="127.0.0.1"
external_url="http://127.0.0.1:{port}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="WARNING"
cookie_secure=0
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{modules}/user"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
hash_algorithm="SHA512"
database = {{ type="sqlite3"; path="{database}"; }};
"""


@dataclass
class Glewlwyd:
    """`issuer` is the one plugin; `admin` is logged in to its REST API."""

    url: str
    issuer: str
    admin: httpx.AsyncClient

    async def use_key(self, kind: str, name: str) -> None:
        """Sign with a new key from now on: `RS256` or `ES256`."""
        key = (
            RSAKey.generate_key(2048) if kind == "RS256" else ECKey.generate_key("P-256")
        ).as_dict(private=True)
        keys = {"keys": [{**key, "kid": name, "alg": kind}]}
        plugin = await self._get("/mod/plugin/hospital")
        plugin["parameters"] |= {"jwks-private": json.dumps(keys), "default-kid": name}
        await self._done(self.admin.put("/mod/plugin/hospital", json=plugin))
        await self._done(self.admin.put("/mod/plugin/hospital/reset", json={}))

    async def add_user(self, name: str, **properties: Any) -> None:
        user = {"username": name, "name": "Zz Test", "password": PASSWORD, "enabled": True}
        scopes = {"scope": ["openid", "g_profile"]}
        await self._done(self.admin.post("/user/", json=user | scopes | properties))

    async def add_client(self, redirect_uri: str) -> None:
        client = {
            "client_id": "wardwatch",
            "confidential": True,
            "client_secret": CLIENT_SECRET,
            "enabled": True,
            "redirect_uri": [redirect_uri],
            "authorization_type": ["code"],
            "token_endpoint_auth_method": ["client_secret_basic"],
        }
        await self._done(self.admin.post("/client/", json=client))

    async def add_plugin(self, issuer: str) -> None:
        """Code flow with PKCE alone, its answers with `iss`, groups from a user's property."""
        users = await self._get("/mod/user/database")
        login, groups = ({"multiple": m, "read": True, "write": True} for m in (False, True))
        users["parameters"]["data-format"] |= {"login": login, "groups": groups}
        await self._done(self.admin.put("/mod/user/database", json=users))
        await self._done(self.admin.put("/mod/user/database/reset", json={}))
        key = ECKey.generate_key("P-256").as_dict(private=True)
        off = dict.fromkeys(
            (
                "allow-non-oidc",
                "auth-type-token-enabled",
                "auth-type-password-enabled",
                "auth-type-client-enabled",
                "auth-type-refresh-enabled",
                "pkce-method-plain-allowed",
                "refresh-token-rolling",
            ),
            False,
        )
        on = dict.fromkeys(
            (
                "jwks-show",
                "auth-type-code-enabled",
                "pkce-allowed",
                "pkce-required",
                "oauth-as-iss-id",
            ),
            True,
        )
        durations = dict.fromkeys(
            ("access-token-duration", "refresh-token-duration", "code-duration"), 600
        )
        claims = [
            {"name": "groups", "user-property": "groups", "scope": ["openid"]},
            {"name": "preferred_username", "user-property": "login", "scope": ["openid"]},
        ]
        parameters = {
            "iss": issuer,
            "subject-type": "public",
            "jwks-private": json.dumps({"keys": [{**key, "kid": "first", "alg": "ES256"}]}),
            "default-kid": "first",
            "claims": claims,
        }
        plugin = {"module": "oidc", "name": "hospital", "display_name": "Hospital"}
        body = {**plugin, "parameters": {**parameters, **on, **off, **durations}}
        await self._done(self.admin.post("/mod/plugin/", json=body))

    async def visit(self, url: str, user: str) -> dict[str, str]:
        """As a person with a browser: log in, consent; the query of the redirect back."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.get(url)
            assert (page.status_code, "/login.html?" in page.headers["location"]) == (302, True)
            login = {"username": user, "password": PASSWORD}
            await self._done(browser.post(f"{self.url}/api/auth/", json=login))
            grant = f"{self.url}/api/auth/grant/wardwatch"
            await self._done(browser.put(grant, json={"scope": "openid"}))
            back = await browser.get(f"{url}&g_continue")
        assert back.status_code == 302
        return dict(parse_qsl(urlsplit(back.headers["location"]).query))

    async def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.admin.get(path)).raise_for_status().json()
        return found

    async def _done(self, pending: Any) -> None:
        answer = await pending
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def glewlwyd(folder: Path) -> AsyncIterator[Glewlwyd]:
    """Started, with one plugin; ended by its process id."""
    database = folder / "glewlwyd.db"
    with sqlite3.connect(database) as connection:
        connection.executescript("pragma synchronous = off;" + SCHEMA.read_text())
    connection.close()
    port = _free_port()
    config = folder / "glewlwyd.conf"
    config.write_text(CONFIG.format(port=port, modules=MODULES, database=database))
    log = folder / "glewlwyd.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            SERVER, f"--config-file={config}", stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=f"{url}/api", trust_env=False) as admin:
            await _answering(admin, process, log)
            provider = Glewlwyd(url, f"{url}/api/hospital", admin)
            await provider._done(admin.post("/auth/", json=ADMIN))
            await provider.add_plugin(provider.issuer)
            yield provider
    finally:
        if process.returncode is None:
            process.kill()  # nothing of it is kept, and asked to end it waits for its connections
        await process.wait()


async def _answering(
    admin: httpx.AsyncClient, process: asyncio.subprocess.Process, log: Path
) -> None:
    """Until its API answers; AssertionError with its log when it ends instead."""
    while True:
        assert process.returncode is None, log.read_text()
        try:
            await admin.get("/config")
        except httpx.TransportError:
            await asyncio.sleep(0.02)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
