"""What receivers tell us by their webhooks: whose word it is, of which incident, and what. Pure.

Text that people typed there is looked at by the tripwire and kept nowhere: it leaves this module in
`Heard.texts` and goes no further than that look.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from alerts.lookup import bounded_key
from alerts.people import IncidentState, Standing
from probes.signing import SecretError

T = TypeVar("T")
LEAST_CHARS = 16
"""Of a secret that is sent or signed with as it stands."""
Keys = Sequence[bytes]


class Told(StrEnum):
    """What somebody did to our ticket there."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    WROTE = "wrote"
    """They wrote something, or did what we know nothing of."""


class Fault(StrEnum):
    """Why a request is not taken for the receiver's."""

    UNSIGNED = "unsigned"
    WRONG = "wrong_signature"
    OLD = "old"


class Effect(StrEnum):
    """What became of what was told: a closed list, in metrics, journal and answers."""

    ACKNOWLEDGED = "acknowledged"
    """Recorded and shown; a service's acknowledgement stops nothing."""
    UNCHANGED = "unchanged"
    """It stands so here already, and so does what we told the receiver ourselves."""
    STILL_ON = "still_on"
    """Resolved there while the trouble goes on: nothing changes here."""
    PEOPLE_ONLY = "people_only"
    """It has recovered, and a person resolves it here."""
    OVER = "over"
    """Acknowledged there when it was over here."""
    REPEATED = "repeated"
    """The same event once more."""
    CROWDED = "crowded"
    """More events of one incident than are taken of a channel."""
    UNKNOWN = "unknown"
    """Of no incident of ours."""
    NOTHING = "nothing"
    """It tells of no step that is taken up."""


@dataclass(frozen=True, slots=True)
class Heard:
    """`key`: as our ticket has it there. `event`: the sender's id of the event, as far as what they
    signed holds one; None where the same words may be meant anew. `texts` are never kept.
    """

    key: str
    told: Told
    event: str | None = None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` by their names in lower case, `body` as it came, `at` UTC ms of ours."""

    headers: Mapping[str, str]
    body: bytes
    at: int

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


class UnreadableError(Exception):
    """What came is signed, and is not what the receiver's product sends."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """How receivers of a kind tell us. `heard` raises UnreadableError; `shown` makes the answer that a person there reads, where the product shows one; `steps` say
    what to set in the product, with `{url}` for our address.
    """

    keys: Callable[[bytes], Keys]
    verify: Callable[[Keys, Request], Fault | None]
    heard: Callable[[Request], tuple[Heard, ...]]
    steps: tuple[str, ...]
    shown: Callable[[str], dict[str, Any]] | None = None
    noted: bool = False
    """It keeps tickets in which a note of ours disturbs nobody: a hit of the tripwire is told there."""


def words(text: bytes) -> Keys:
    """Secrets that are used as they stand, several while they change; SecretError."""
    found = text.split()
    if not found or any(len(word) < LEAST_CHARS for word in found):
        raise SecretError
    return found


def read(body: bytes, shape: type[T]) -> T:
    """Of a JSON document what `shape` names; UnreadableError."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise UnreadableError from None


def digest(*parts: bytes) -> str:
    """An id of an event whose sender signs none."""
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


_INCIDENT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.[a-z]{1,20}\.[0-9]{1,15}")


def incident_of(text: str, org: str, channel: str) -> str | None:
    """The key of the incident in a ticket's key, or in what a person wrote for one.

    No id of ours holds `_` or `.`: some receivers have one for the other.
    """
    whole = text.replace("_", ".")
    own = whole.removeprefix(f"{org}.").removesuffix(f".{channel}")
    # whole first: an organization may be called like a system of its
    return next((key for key in (whole, own) if _INCIDENT.fullmatch(key)), None)


def is_shortened(text: str, key: str, org: str, channel: str, chars: int) -> bool:
    """Is this the key of an incident as a field of so many characters holds it?"""
    return text == bounded_key(f"{org}.{key}.{channel}", chars)


_LASTING = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED})


def judged(told: Told, now: Standing) -> Effect:
    """What comes of it by what the incident stands at; repeats are told apart before.

    An acknowledgement that stands is not given anew by a service: receivers that echo what they
    hear from us would otherwise answer one another for ever.
    """
    if told is Told.WROTE:
        return Effect.NOTHING
    if told is Told.RESOLVED:
        if now.state in _LASTING:
            return Effect.STILL_ON
        return Effect.PEOPLE_ONLY if now.state is IncidentState.RECOVERED else Effect.UNCHANGED
    if now.state not in _LASTING:
        return Effect.OVER
    return Effect.ACKNOWLEDGED if now.acknowledged is None else Effect.UNCHANGED
