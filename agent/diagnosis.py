"""What was found on an agent's host as lines for a person: how it is, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.allowing import Refusal
from agent.offset import Reading
from probes.batch import CLOCK_ERROR_LIMIT_MS
from probes.reasons import MEANINGS, Reason

MIB = 1 << 20
LEAST_BYTES = 64 * MIB
CLOSE_MS = 500
"""Two clocks kept by NTP differ by less."""
KEY_BYTES = 32


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Line:
    """`advice` is what to do next; empty where all is well."""

    subject: str
    level: Level
    found: str
    advice: str = ""


_NEXT: dict[Reason, str] = {
    Reason.DNS_NOT_FOUND: "check its spelling; this host asks the servers in /etc/resolv.conf",
    Reason.AGENT_DNS: "see that a name server in /etc/resolv.conf answers this host",
    Reason.AGENT_LISTEN: "stop what listens there, or name another address of this host",
    Reason.AGENT_NETWORK: "see that this host has a route there",
    Reason.AGENT_RESOURCES: "raise the limit of open files (LimitNOFILE), or give the host memory",
    Reason.TCP_REFUSED: "start what should listen there, or mend the port",
    Reason.TCP_RESET: "ask who keeps the firewall or proxy between here and there",
    Reason.TCP_TIMEOUT: "ask who keeps the firewall between here and there to let it through",
    Reason.TLS_UNTRUSTED: "name the file of its CA under `ca` in the host's file",
    Reason.TLS_HOSTNAME: "use the name that stands in its certificate",
    Reason.TLS_EXPIRED: "renew its certificate, or set this host's clock",
    Reason.TLS_NOT_TLS: "the port speaks no TLS: mend the port",
    Reason.AGENT_SECRET: "make the file readable for the agent's user, or mend the reference",
    Reason.AGENT_CONFIG: "install the extra its kind needs, or a newer agent",
    Reason.AGENT_CRASH: "run it with `wardwatch-agent probe`; it is a defect of ours",
}


def of_reason(subject: str, reason: Reason) -> Line:
    """A connection or a check that failed, in the words of the list of reasons."""
    advice = _NEXT.get(reason, "try it with `wardwatch-agent probe`")
    return Line(subject, Level.FAIL, f"{reason.value}: {MEANINGS[reason][1].rstrip('.')}", advice)


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """Of the key file. `fingerprint` where it could be read; `is_known`: pinned or enrolled."""

    path: str
    exists: bool
    mode: int = 0
    is_ours: bool = True
    size: int | None = None
    fingerprint: str | None = None
    is_known: bool = False
    is_rotating: bool = False


def key(facts: KeyFacts) -> Line:
    if not facts.exists:
        make = "make one: wardwatch-agent enrol --help, or wardwatch-agent key --help"
        return Line("key", Level.FAIL, f"{facts.path} is not there", make)
    if facts.mode & 0o077:
        return Line("key", Level.FAIL, "others may read it", f"chmod 600 {facts.path}")
    if not facts.is_ours or facts.size is None:
        found = f"{facts.path} belongs to another user or cannot be read"
        return Line("key", Level.FAIL, found, "run this as the agent's user, or chown it")
    if facts.size != KEY_BYTES or facts.fingerprint is None:
        found = f"{facts.path} is no key of ours"
        return Line("key", Level.FAIL, found, "restore it, or remove it and enrol again")
    return _standing(facts, facts.fingerprint)


def _standing(facts: KeyFacts, fingerprint: str) -> Line:
    if facts.is_rotating:
        advice = "finish it: wardwatch-agent rotate --help"
        return Line("key", Level.WARN, "a rotation was begun and is not finished", advice)
    if not facts.is_known:
        advice = "enrol it (wardwatch-agent enrol --help), or pin it in the operator's file"
        return Line("key", Level.WARN, "the collector may not know it", advice)
    return Line("key", Level.OK, fingerprint)


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """Of the state folder. `fault`: the system's name of what kept a file from being written."""

    path: str
    exists: bool
    mode: int = 0
    is_ours: bool = True
    fault: str | None = None
    free_bytes: int = 0
    may_take: int = 0
    """Bytes the spool may grow by: its limit, less what is there."""
    is_held: bool = False
    """Does an agent run with it now?"""


def folder(facts: FolderFacts) -> list[Line]:
    if not facts.exists:
        advice = f"make it for the agent's user: install -d -m 700 {facts.path}"
        return [Line("state", Level.FAIL, f"{facts.path} is not there", advice)]
    if facts.fault is not None:
        advice = f"chown it to the agent's user, and mount it writable: {facts.path}"
        return [Line("state", Level.FAIL, f"nothing can be written there ({facts.fault})", advice)]
    if not facts.is_ours:
        advice = f"chown it to the agent's user: {facts.path}"
        state = Line("state", Level.WARN, "the folder belongs to another user", advice)
    elif facts.mode & 0o077:
        state = Line("state", Level.WARN, "others may look into it", f"chmod 700 {facts.path}")
    else:
        state = Line("state", Level.OK, facts.path)
    running = (
        "an agent runs with this folder" if facts.is_held else "no agent runs with this folder"
    )
    return [state, _room(facts), Line("process", Level.OK, running)]


def _room(facts: FolderFacts) -> Line:
    found = (
        f"{facts.free_bytes // MIB} MiB are free, the spool may take {facts.may_take // MIB} more"
    )
    if facts.free_bytes < LEAST_BYTES:
        return Line("room", Level.FAIL, found, "make room: results cannot be kept")
    if facts.free_bytes < facts.may_take:
        return Line("room", Level.WARN, found, "make room, or set spool.max_bytes lower")
    return Line("room", Level.OK, found)


@dataclass(frozen=True, slots=True)
class CollectorFacts:
    """`reason` None: connected, TLS verified. `status` of `/healthz`; None without an answer."""

    url: str
    reason: Reason | None
    status: int | None = None
    reading: Reading | None = None


def collector(facts: CollectorFacts | None) -> list[Line]:
    if facts is None:
        return [Line("collector", Level.OK, "none: this agent stands alone")]
    if facts.reason is not None:
        return [of_reason("collector", facts.reason)]
    if facts.status != 200:
        found = "no answer" if facts.status is None else f"status {facts.status}"
        advice = "see that the address is the collector's own, without a proxy's login before it"
        return [Line("collector", Level.FAIL, f"{facts.url}: {found} to /healthz", advice)]
    return [Line("collector", Level.OK, facts.url), clock(facts.reading)]


def approval(code: str | None) -> list[Line]:
    """`code`: how the collector refuses what this key signs; empty: it takes it, None: it does not say."""
    if code == "":
        return [Line("approval", Level.OK, "the collector takes what this key signs")]
    if code == "config.unknown_agent":
        found = "the collector does not take what this key signs"
        advice = "enrol it, or have an admin compare the fingerprint and approve it: wardwatch agent list"
        return [Line("approval", Level.FAIL, found, advice)]
    return []


def clock(reading: Reading | None) -> Line:
    if reading is None:
        advice = "update the collector"
        return Line("clock", Level.WARN, "the collector does not tell its time", advice)
    found = f"the collector's is {reading.offset_ms:+d} ms, within {reading.error_ms} ms"
    worst_ms = abs(reading.offset_ms) + reading.error_ms
    advice = "keep both hosts by NTP: timedatectl, chronyc tracking"
    if worst_ms > CLOCK_ERROR_LIMIT_MS:
        return Line("clock", Level.FAIL, found, advice)
    if abs(reading.offset_ms) > CLOSE_MS:
        return Line("clock", Level.WARN, found, advice)
    return Line("clock", Level.OK, found)


def config_problem(text: str) -> Line:
    """One mistake of the operator's file on this host."""
    return Line("config", Level.FAIL, text, "mend the file: wardwatch-agent run would not start")


def no_config(fault: str | None = None) -> Line:
    """`fault`: why the one that is kept is not to be used."""
    if fault is not None:
        found = f"what the collector served and is kept here is not to be used: {fault}"
        advice = "start the agent with the collector in reach; README, 'Checks from the collector'"
        return Line("checks", Level.FAIL, found, advice)
    advice = "start the agent once, with the collector in reach, and ask again"
    return Line("checks", Level.WARN, "the collector has served none yet", advice)


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """`reason` None: it got as far as its first connection, to `place`. `refusal`: the host's word.

    One that listens there and may not has both: a place, and `agent.not_allowed`.
    """

    check: str
    reason: Reason | None
    place: str = ""
    refusal: Refusal | None = None


def checks(found: Sequence[CheckFacts]) -> list[Line]:
    """A line for each that cannot run, and one for the others."""
    lines = []
    for one in found:
        if one.reason is not None and one.place:
            said = f"this host lets no check listen on {one.place}"
            advice = "add it under `allow_listen` in the host's file"
            lines.append(Line(f"check {one.check}", Level.FAIL, said, advice))
        elif one.reason is not None:
            lines.append(of_reason(f"check {one.check}", one.reason))
        elif one.refusal is not None:
            said = f"this host does not allow {one.place} ({one.refusal.value})"
            advice = "add an entry under `allow` in the host's file"
            lines.append(Line(f"check {one.check}", Level.FAIL, said, advice))
    well = len(found) - len(lines)
    said = f"{well} of {len(found)} have their secrets, a name that resolves, and may connect"
    level = Level.OK if well == len(found) else Level.WARN
    return [*lines, Line("checks", level, said, "" if level is Level.OK else "see above")]


def canaries(answered: Mapping[str, bool]) -> list[Line]:
    if not answered:
        advice = "name two or more that always answer, on different paths, under `canaries`"
        return [Line("canaries", Level.WARN, "none: a lost network here reads as down", advice)]
    lines = [
        Line(f"canary {place}", Level.OK, "answers")
        if well
        else Line(
            f"canary {place}", Level.FAIL, "does not answer", "name one that does, or mend the path"
        )
        for place, well in answered.items()
    ]
    if len(answered) == 1:
        advice = "name another one, on a different path"
        lines.append(Line("canaries", Level.WARN, "only one", advice))
    return lines


@dataclass(frozen=True, slots=True)
class ReceiverFacts:
    """Of the fallback. `reason` None: connected. `has_secret` None where it needs none."""

    name: str
    place: str
    reason: Reason | None
    has_secret: bool | None


def fallback(found: Sequence[ReceiverFacts]) -> list[Line]:
    if not found:
        advice = "name a webhook or a mail server under `fallback` in the host's file"
        return [Line("fallback", Level.WARN, "nobody is told while the line is lost", advice)]
    lines = []
    for one in found:
        subject = f"fallback {one.name}"
        if one.reason is not None:
            lines.append(of_reason(subject, one.reason))
        elif one.has_secret is False:
            advice = "make the file readable for the agent's user, with a secret of the right form"
            lines.append(Line(subject, Level.FAIL, "its secret cannot be used", advice))
        else:
            lines.append(Line(subject, Level.OK, one.place))
    return lines


def worst(lines: Sequence[Line]) -> Level:
    levels = {line.level for line in lines}
    return next(
        (level for level in (Level.FAIL, Level.WARN) if level in levels),
        Level.OK,
    )
