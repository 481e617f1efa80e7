"""What is known of an integration engine's monitoring interface, as data. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from probes.wire.engine import Channels, State

Paths = Callable[[str, int], Sequence[str]]
"""What to ask for below the base URL, of a channel, at a time in milliseconds since 1970."""
Read = Callable[[Sequence[bytes]], Channels]
"""The answers in that order. Raises EngineError."""


@dataclass(frozen=True, slots=True)
class Product:
    """`whole`: one answer tells of every channel. `tells`: signs of `Reading` it can know. `login`
    is where a session begins, of an engine that has some.
    """

    name: str
    title: str
    basis: str
    paths: Paths
    read: Read
    states: Mapping[str, State]
    tells: frozenset[str]
    channel: str
    """What a check names as its channel."""
    accept: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True
    login: str | None = None
    destinations: bool = False
    quirks: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


SIMULATED = "From public documents; tried against our own simulator only."
