"""How we sign in to an instance of ServiceNow: a password, a key, or a token by OAuth 2.0."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from aiohttp import encode_basic_auth

from alerts.bearer import Tokens
from alerts.calls import Calls, Reply, Site, User, read_text
from alerts.channel import ChannelEnv
from probes.config_words import Model, SecretRef, Word

TOKEN = "/oauth_token.do"  # noqa: S105 - an address
"""Takes forms alone; asked again while a token is valid, it may give the same one for longer."""


class OAuth(Model):
    client_id: Word
    """Client ID of the entry in the application registry."""
    client_secret: SecretRef
    """Where its client secret is; read when it signs in."""
    refresh_token: SecretRef | None = None
    """Where a refresh token is, which it signs in by; left out: client credentials."""


class Entry(Model):
    """What an entry of both kinds begins with."""

    url: Site
    """The instance, such as `https://hospital.service-now.com`."""
    user: User | None = None
    """Who we sign in as, with `password`."""
    password: SecretRef | None = None
    """Where the user's password is; read at each attempt."""
    oauth: OAuth | None = None
    """Signs in by OAuth 2.0, instead of user and password."""


class Instance:
    """Calls to one instance, signed in. Several attempts may run at once."""

    def __init__(
        self, entry: Entry, env: ChannelEnv, calls: Calls, api_key: str | None = None
    ) -> None:
        """`api_key`: reference of a REST API key to sign in by, if by one."""
        self._entry = entry
        self._env = env
        self._calls = calls
        self._api_key = api_key
        self._tokens: Tokens | None = None
        if entry.oauth is not None:
            form = _form(entry.oauth, env)
            self._tokens = Tokens(f"{entry.url}{TOKEN}", form, env, calls)

    async def call(
        self, method: str, path: str, *, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Reply:
        async def ask(login: Mapping[str, str], known: Collection[int]) -> Reply:
            url = f"{self._entry.url}{path}"
            return await self._calls.call(
                method, url, headers=login, body=body, query=query, also=known
            )

        if self._tokens is not None:
            return await self._tokens.signed_in(ask)
        return await ask(self._login(), ())

    def _login(self) -> Mapping[str, str]:
        entry = self._entry
        if entry.user is None or entry.password is None:
            return {"x-sn-apikey": read_text(self._env, str(self._api_key))}
        password = read_text(self._env, entry.password)
        return {"authorization": encode_basic_auth(entry.user, password)}


def one_way(entry: Entry, **others: str | None) -> None:
    """ValueError unless there is exactly one way to sign in; `others` are more of them, by field."""
    if (entry.user is None) != (entry.password is None):
        raise ValueError("user and password belong together")
    ways = [entry.user, entry.oauth, *others.values()]
    if sum(way is not None for way in ways) != 1:
        named = ", or ".join(["user and password", "oauth", *others])
        raise ValueError(f"write one way to sign in and no other: {named}")


def _form(oauth: OAuth, env: ChannelEnv) -> Callable[[int], Mapping[str, str]]:
    def form(_now_ms: int) -> Mapping[str, str]:
        """A refresh token stays the same all its life; it is read anew, as people replace it."""
        secret = read_text(env, oauth.client_secret)
        named = {"client_id": oauth.client_id, "client_secret": secret}
        if oauth.refresh_token is None:
            return {"grant_type": "client_credentials", **named}
        token = read_text(env, oauth.refresh_token)
        return {"grant_type": "refresh_token", **named, "refresh_token": token}

    return form
