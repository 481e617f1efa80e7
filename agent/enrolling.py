"""What an agent asks its collector about its key: one request, one answer of ours, or why none."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent.enrolled import Enrolled
from agent.identity import public_text
from probes import agentkeys

ENROL, ROTATE = "agent/v1/enrol", "agent/v1/rotate"
TIMEOUT_S = 20.0
ANSWER_LIMIT = 65_536

REFUSALS = {
    "agent.enrolment_refused": "The token does not enrol this agent here: it was used with another "
    "key, has expired, was replaced by a newer one, or is of another agent or site. An admin makes "
    "a new one: wardwatch agent invite",
    "agent.rotation_refused": "The collector does not know this agent's key. Enrol first.",
    "agent.clock": "This host's clock is more than 5 minutes off the collector's: set it, and try "
    "again.",
    "agent.unknown": "The collector's file has no agent of this name.",
    "agent.built_in": "The collector runs this agent itself: take another name for this one.",
    "agent.key_pinned": "The operator's file pins this agent's key under agents.NAME.key: it is "
    "changed there, and needs no enrolment and no rotation.",
    "agent.key_of_another": "Another agent has this key: was its state folder copied? Name a new "
    "folder, and enrol with a new token.",
    "agent.not_approved": "Nobody has approved this agent's key yet: wardwatch agent list",
    "agent.too_many_keys": "Too many keys of this agent are still taken: wait some days.",
}
"""What to do, by the collector's code."""
STATES = {
    "revoked": "This key is revoked. Move agent.key away, and enrol with a new token.",
    "replaced": "Another key has taken the place of this one. If nobody here rotated it, somebody "
    "else has it: tell an admin, who revokes both (wardwatch agent keys).",
}
"""What to do where a key's state stands in the way."""


class Standing(msgspec.Struct):
    organization: str
    agent: str
    fingerprint: str
    state: str


class _Problem(msgspec.Struct):
    code: str = ""
    state: str = ""


class RefusedError(Exception):
    """The collector refuses; the text says what to do and is ours."""


class NoAnswerError(Exception):
    """Nobody answers; the text says what to do. The same may be asked again."""


async def enrol(
    session: aiohttp.ClientSession,
    collector: URL,
    secret: str,
    agent: str,
    key: Ed25519PrivateKey,
    now_ms: int,
) -> Standing:
    """Present the key of `agent`; `secret` is what proves that it was invited."""
    own = public_text(key)
    statement = agentkeys.enrolment(agentkeys.secret_hash(secret), agent, own, now_ms)
    body: dict[str, str | int] = {
        "token": secret,
        "agent": agent,
        "key": own,
        "at": now_ms,
        "proof": agentkeys.sign(key, statement),
    }
    return await _ask(session, collector / ENROL, body, own)


async def rotate(
    session: aiohttp.ClientSession,
    collector: URL,
    enrolled: Enrolled,
    old: Ed25519PrivateKey,
    new: Ed25519PrivateKey,
    now_ms: int,
) -> Standing:
    """Announce that `new` takes the place of `old`."""
    before, after = public_text(old), public_text(new)
    statement = agentkeys.rotation(enrolled.organization, enrolled.agent, before, after, now_ms)
    body: dict[str, str | int] = {
        "agent": enrolled.agent,
        "old": before,
        "new": after,
        "at": now_ms,
        "by_old": agentkeys.sign(old, statement),
        "by_new": agentkeys.sign(new, statement),
    }
    standing = await _ask(session, collector / ROTATE, body, after)
    if standing.state == "revoked":
        raise RefusedError("The new key is revoked already: enrol anew, with a new token.")
    return standing


def a_session(tls: ssl.SSLContext | None) -> aiohttp.ClientSession:
    """`tls` left out: what the host trusts."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=True if tls is None else tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
    )


async def _ask(
    session: aiohttp.ClientSession, url: URL, body: Mapping[str, str | int], key: str
) -> Standing:
    try:
        async with session.post(url, json=body, allow_redirects=False) as response:
            status, wait = response.status, response.headers.get("Retry-After", "")
            data = await response.content.read(ANSWER_LIMIT)
    except aiohttp.ClientConnectorCertificateError:
        raise NoAnswerError(
            f"The certificate of {url.origin()} is not trusted here, or is of another name; "
            "`--ca FILE` names the CA that made it."
        ) from None
    except aiohttp.ClientSSLError:
        raise NoAnswerError(
            f"No TLS can be agreed with {url.origin()}; is it an http:// address?"
        ) from None
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise NoAnswerError(
            f"No answer of {url.origin()}. Whether it was done or not: run the same once more."
        ) from None
    if status == 200:
        return _standing(url, data, key)
    raise _refusal(url, status, data, wait)


def _standing(url: URL, data: bytes, key: str) -> Standing:
    """An answer names the key that was sent; any other 200 is someone else's."""
    try:
        found = msgspec.json.decode(data, type=Standing)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        found = None
    if found is None or found.fingerprint != agentkeys.fingerprint(key):
        raise NoAnswerError(f"What answers at {url.origin()} is no Wardwatch collector.")
    return found


def _refusal(url: URL, status: int, data: bytes, wait: str) -> RefusedError | NoAnswerError:
    try:
        told = msgspec.json.decode(data, type=_Problem)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        told = _Problem()
    text = STATES.get(told.state) if told.code == "agent.key_state" else REFUSALS.get(told.code)
    if text is not None:
        return RefusedError(f"{text} [{told.code}]")
    if status == 429 or status >= 500:
        seconds = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 10
        return NoAnswerError(f"{url.origin()} is busy (status {status}): try in {seconds} s.")
    return RefusedError(
        f"{url.origin()} does not take this (status {status}); is it a collector of this release?"
    )
