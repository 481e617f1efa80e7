"""Login by OpenID Connect: authorization code with PKCE, from the first redirect to who it is.

Imports Authlib, joserfc and httpx (the extra `oidc`), so it is imported only where configured.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from collector.access import oidc_logins
from collector.access.oidc_errors import OpenIdCode, OpenIdError
from collector.access.oidc_http import DEADLINE_S, Answer, Clients, Exchange, UnansweredError
from collector.access.oidc_logins import Login
from collector.access.oidc_provider import Endpoints, Provider
from collector.access.oidc_token import Expected, UnknownKeyError, judged
from collector.access.vouched import Vouched, roles_of, wanted_id
from collector.store.store import Store
from probes.clock import Clock
from probes.config_access import OpenIdProvider
from probes.configfile import read_secret

LIFE_MS = 600_000
"""How long a person may take at the provider."""


@dataclass(frozen=True, slots=True)
class Start:
    """Send the browser to `url` with `browser` in a cookie of `max_age_s` seconds; `finish` wants
    it back. `state` is in the address already.
    """

    url: str
    state: str
    browser: str
    max_age_s: int = LIFE_MS // 1000


class OpenId:
    """Logins of one organization. `redirect_uri` is the one address the provider sends people
    back to; `random_bytes` gives that many unguessable bytes.
    """

    def __init__(
        self,
        config: OpenIdProvider,
        redirect_uri: str,
        store: Store,
        org: str,
        *,
        clients: Clients,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        secret: Callable[[str], bytes] = read_secret,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._config = config
        self._redirect_uri = redirect_uri
        self._store = store
        self._org = org
        self._clock = clock
        self._random_bytes = random_bytes
        self._secret = secret
        self._exchange = Exchange(clients, deadline_s)
        self._provider = Provider(config.issuer, self._exchange, clock)

    async def start(self) -> Start:
        """Begin a login; OpenIdError UNREACHABLE, ISSUER or BUSY."""
        endpoints = await self._provider.endpoints()
        state, browser, nonce, verifier = (self._word() for _ in range(4))
        now = self._clock.now_ms()
        login = Login(_hash(state), _hash(browser), nonce, verifier, now + LIFE_MS)
        if not await self._store.write(oidc_logins.begin, self._org, login, now):
            raise OpenIdError(OpenIdCode.BUSY)
        url = prepare_grant_uri(
            endpoints.authorization,
            client_id=self._config.client_id,
            response_type="code",
            redirect_uri=self._redirect_uri,
            scope=" ".join(self._config.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Start(url, state, browser)

    async def finish(self, query: Mapping[str, str], browser: str) -> Vouched:
        """Who came back, by the query of the redirect and the cookie; any OpenIdError but BUSY.

        A state is used up by the first who brings it, whatever comes of it.
        """
        login = await self._store.write(oidc_logins.take, self._org, _hash(query.get("state", "")))
        if login is None or not hmac.compare_digest(login.browser, _hash(browser)):
            raise OpenIdError(OpenIdCode.STATE)
        if login.expires_at <= self._clock.now_ms():
            raise OpenIdError(OpenIdCode.EXPIRED)
        endpoints = await self._provider.endpoints()
        named = query.get("iss")
        if named != self._config.issuer and (named is not None or endpoints.names_itself):
            raise OpenIdError(OpenIdCode.ISSUER)
        if "error" in query:
            raise OpenIdError(OpenIdCode.DENIED)
        if "code" not in query:
            raise OpenIdError(OpenIdCode.TOKEN)
        id_token, access_token = await self._tokens(endpoints, query["code"], login)
        claims = await self._claims(id_token, access_token, login)
        if self._config.groups_claim not in claims:
            claims = {**await self._userinfo(endpoints, access_token, claims), **claims}
        return self._vouched(claims)

    def _word(self) -> str:
        """256 bits as text: 43 characters, what PKCE asks of a verifier."""
        return urlsafe_b64encode(self._random_bytes(32)).rstrip(b"=").decode()

    async def _tokens(
        self, endpoints: Endpoints, code: str, login: Login
    ) -> tuple[str, str | None]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": login.verifier,
        }
        headers = await self._authenticate(endpoints, form)
        answer = await self._asked(endpoints.token, form=form, headers=headers)
        id_token, access_token = answer.body.get("id_token"), answer.body.get("access_token")
        if not isinstance(id_token, str):
            raise OpenIdError(OpenIdCode.TOKEN)
        return id_token, access_token if isinstance(access_token, str) else None

    async def _authenticate(self, endpoints: Endpoints, form: dict[str, str]) -> dict[str, str]:
        """Say who asks where the provider wants it: in the headers given back, or the form."""
        ref = self._config.client_secret
        if ref is None:
            form["client_id"] = self._config.client_id
            return {}
        try:
            secret = (await asyncio.to_thread(self._secret, ref)).decode("ascii").strip()
        except (OSError, KeyError, UnicodeDecodeError):
            raise OpenIdError(OpenIdCode.SECRET) from None
        if not endpoints.basic:
            form |= {"client_id": self._config.client_id, "client_secret": secret}
            return {}
        # RFC 6749 2.3.1: each part is form-encoded before they are joined
        pair = f"{quote_plus(self._config.client_id)}:{quote_plus(secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    async def _asked(
        self, url: str, *, headers: dict[str, str], form: dict[str, str] | None = None
    ) -> Answer:
        try:
            answer = await self._exchange.ask(url, form=form, headers=headers)
        except UnansweredError:
            raise OpenIdError(OpenIdCode.UNREACHABLE) from None
        if 400 <= answer.status < 500:
            raise OpenIdError(OpenIdCode.TOKEN)
        if answer.status != 200:
            raise OpenIdError(OpenIdCode.UNREACHABLE)
        return answer

    async def _claims(
        self, id_token: str, access_token: str | None, login: Login
    ) -> dict[str, Any]:
        expected = Expected(
            self._config.issuer,
            self._config.client_id,
            login.nonce,
            access_token,
            self._clock.now_ms() // 1000,
        )
        try:
            return judged(id_token, await self._provider.keys(), expected)
        except UnknownKeyError:
            pass
        try:
            return judged(id_token, await self._provider.keys(anew=True), expected)
        except UnknownKeyError:
            raise OpenIdError(OpenIdCode.ID_TOKEN) from None

    async def _userinfo(
        self, endpoints: Endpoints, access_token: str | None, claims: dict[str, Any]
    ) -> Mapping[str, Any]:
        if endpoints.userinfo is None or access_token is None:
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = await self._asked(endpoints.userinfo, headers=headers)
        if answer.body.get("sub") != claims["sub"]:
            raise OpenIdError(OpenIdCode.ID_TOKEN)
        return answer.body

    def _vouched(self, claims: Mapping[str, Any]) -> Vouched:
        roles = roles_of(claims.get(self._config.groups_claim), self._config.roles)
        if not roles:
            raise OpenIdError(OpenIdCode.NO_ROLE)
        name = wanted_id(claims.get("preferred_username"))
        return Vouched(self._config.issuer, claims["sub"], name, roles)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
