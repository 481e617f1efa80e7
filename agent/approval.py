"""Does the collector take what an agent's key signs? One question, whose answer is not kept."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from probes import agentconfig
from probes.agentconfig import CONTENT_TYPE, PATH, QUESTION_TYPE, Question

TIMEOUT_S = 5.0
ANSWER_LIMIT = 65_536


class _Problem(msgspec.Struct):
    code: str = ""


async def refusal(
    session: aiohttp.ClientSession,
    collector: URL,
    agent: str,
    key: Ed25519PrivateKey,
    now_ms: int,
    random_bytes: Callable[[int], bytes],
) -> str | None:
    """The code of it; empty where it takes the key, None where it does not say."""
    question = Question(org=None, agent=agent, have=0, at=now_ms, nonce=random_bytes(16).hex())
    try:
        async with session.post(
            collector / PATH,
            data=agentconfig.ask(key, question),
            headers={"Content-Type": QUESTION_TYPE},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        ) as response:
            if response.status == 200 and response.content_type == CONTENT_TYPE:
                return ""
            return msgspec.json.decode(
                await response.content.read(ANSWER_LIMIT), type=_Problem
            ).code
    except (aiohttp.ClientError, OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None  # away or busy, of another release, or somebody else
