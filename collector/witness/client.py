"""Asks a witness to cosign a checkpoint of ours: bounded, one answer at a time, nothing believed
before it verifies.

A witness has a size; the proof is made from there. A log that does not know it asks with 0 and is
told. Where a witness has another size than was said, it is asked once more, from the one it names.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from collector.attest import checkpoint, note
from collector.attest.faults import AttestError
from collector.attest.note import Note, SignatureLine
from collector.attest.vkey import SignatureType, VerifierKey
from collector.witness import messages
from collector.witness.messages import AddCheckpoint, MessageError
from collector.witness.refusals import Refusal, Refused
from probes.addresses import web_address
from probes.clock import Clock

TIMEOUT_S = 10.0
"""Of one question."""
FAR_S = 86_400
"""A cosignature from further than this from our clock is of no use to anybody."""
_WITH_BODY = (200, 409)
_REFUSALS = {
    400: Refusal.REQUEST,
    403: Refusal.SIGNATURE,
    404: Refusal.ORIGIN,
    413: Refusal.TOO_LARGE,
    422: Refusal.PROOF,
    429: Refusal.BUSY,
}

Prove = Callable[[int], Awaitable[Sequence[bytes]]]
"""The consistency proof from a size to that of the checkpoint; asked with 0 < size < that one."""


@dataclass(frozen=True, slots=True)
class Witness:
    """`url`: its submission prefix. ValueError for an address that is neither https nor this host,
    and for a key that signs no cosignatures.
    """

    url: str
    key: VerifierKey

    def __post_init__(self) -> None:
        web_address(self.url)
        if "?" in self.url or "#" in self.url or self.key.type is not SignatureType.COSIGNATURE:
            raise ValueError("not the address of a witness, or not the key of one")


@dataclass(frozen=True, slots=True)
class Cosigned:
    """`line` verifies under the witness's key, at `time_s` by the clock of the witness."""

    line: SignatureLine
    time_s: int


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


@asynccontextmanager
async def opened(tls: ssl.SSLContext | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """A session for witnesses: no cookies, no proxies or netrc of the environment, nothing unpacked.

    `tls` trusts other certificates than this host does.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=True if tls is None else tls),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"accept-encoding": "identity"},
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield session


async def add_checkpoint(
    session: aiohttp.ClientSession,
    witness: Witness,
    signed: Note,
    held: int,
    prove: Prove,
    clock: Clock,
    timeout_s: float = TIMEOUT_S,
) -> Cosigned | Refused:
    """What the witness makes of it. `held`: the size it had when it last answered, 0 if unknown.

    AttestError when `signed` is no checkpoint. What `prove` raises passes through.
    """
    size = checkpoint.parse(signed.text).size

    async def ask(old: int) -> Cosigned | Refused:
        proof = tuple(await prove(old)) if 0 < old < size else ()
        body = messages.write(AddCheckpoint(old, proof, signed))
        answer = await _posted(session, witness.url, body, timeout_s)
        if isinstance(answer, Refused):
            return answer
        return _read(answer, witness.key, signed, old, clock)

    # it may have been set up anew since it had more than this; if not, it says what it has
    found = await ask(held if held <= size else 0)
    match found:
        case Refused(Refusal.SIZE, int(named)) if named <= size:
            return await ask(named)
        case _:
            return found


async def _posted(
    session: aiohttp.ClientSession, url: str, body: bytes, timeout_s: float
) -> _Answer | Refused:
    try:
        async with (
            asyncio.timeout(timeout_s),
            session.post(
                url.removesuffix("/") + messages.PATH,
                data=body,
                headers={"content-type": "text/plain; charset=utf-8"},
                allow_redirects=False,
            ) as response,
        ):
            if response.status not in _WITH_BODY:
                return _Answer(response.status, response.content_type, b"")
            data = bytearray()
            async for part in response.content.iter_any():
                data += part
                if len(data) > messages.MAX_ANSWER:
                    return Refused(Refusal.ANSWER)
            return _Answer(response.status, response.content_type, bytes(data))
    except TimeoutError:
        return Refused(Refusal.TIMEOUT)
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
        return Refused(Refusal.TLS)
    except (aiohttp.ClientError, OSError):
        return Refused(Refusal.NETWORK)


def _read(
    answer: _Answer, key: VerifierKey, signed: Note, old: int, clock: Clock
) -> Cosigned | Refused:
    match answer.status:
        case 200:
            return _verified(key, signed, answer.body, clock)
        case 409:
            is_size = answer.content_type == messages.SIZE_TYPE
            same = old == checkpoint.parse(signed.text).size
            return _conflict(answer.body if is_size else b"", old, same_size=same)
        case status:
            return Refused(_REFUSALS.get(status, Refusal.STATUS))


def _verified(key: VerifierKey, signed: Note, data: bytes, clock: Clock) -> Cosigned | Refused:
    """The first cosignature of this key; those of others are passed over, unread."""
    try:
        lines = messages.read_signatures(data)
    except MessageError:
        return Refused(Refusal.ANSWER)
    own = tuple(line for line in lines if (line.name, line.id) == (key.name, key.id))
    try:
        found = note.verify(Note(signed.text, own), [key])
    except AttestError:
        return Refused(Refusal.COSIGNATURE)
    time_s = found[0].time_s
    if time_s is None:
        return Refused(Refusal.COSIGNATURE)
    if abs(time_s - clock.now_ms() // 1000) > FAR_S:
        return Refused(Refusal.TIME)
    return Cosigned(own[0], time_s)


def _conflict(body: bytes, old: int, *, same_size: bool) -> Refused:
    """What 409 means: another size than was said, or another root for the same one."""
    try:
        named = messages.read_size(body)
    except MessageError:
        named = None
    if named is not None and named != old:
        return Refused(Refusal.SIZE, named)
    return Refused(Refusal.ROOT if same_size else Refusal.ANSWER, named)
