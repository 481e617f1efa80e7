"""Checks of single entries that the model leaves open: specs, channels, windows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from probes import agentkeys, recurrence, registry, times
from probes.config_channels import NotHeardError
from probes.config_hours import COUNTRY
from probes.configbudgets import budget_problems
from probes.configchecks import attempt, section
from probes.configclaims import claims_problems
from probes.configexclusive import exclusive_problems
from probes.configoncall import oncall_problems
from probes.configpayers import payer_problems
from probes.configwrites import writes_problems
from probes.contract import Kind
from probes.modelerrors import problems_of
from probes.yamlfile import Document, Path, Problem

T = TypeVar("T")
Parsed = dict[str, tuple[Kind[Any], Any]]
"""Kind and spec of checks whose spec is right, by check."""
ChannelCheck = Callable[[str, Mapping[str, Any]], None]
ChannelSecrets = Callable[[str, Mapping[str, Any]], Iterable[tuple[tuple[str, ...], str]]]
"""Given a kind and the fields of a right entry: the fields whose secret is on this host and cannot be
theirs, and what it should be.
"""
HolidayCheck = Callable[[str, str | None], tuple[str, str] | None]
"""Given country and subdivision: (the key that is wrong, what is wrong), or None."""


def entry_problems(
    document: Document,
    *,
    kinds: bool,
    channel_check: ChannelCheck | None,
    holiday_check: HolidayCheck | None = None,
    secrets: bool = False,
    channel_secrets: ChannelSecrets | None = None,
) -> list[Problem]:
    """In no particular order."""
    found = [
        *_keys(document),
        *_windows(document),
        *payer_problems(document),
        *oncall_problems(document),
    ]
    if kinds:
        parsed: Parsed = {}
        for name, check in section(document, "checks").items():
            found += _spec(document, name, check, parsed, secrets=secrets)
        found += _timeouts(document, parsed)
        found += budget_problems(document, _said(parsed, lambda kind: kind.demand))
        found += writes_problems(document, _said(parsed, lambda kind: kind.writes))
        found += claims_problems(document, _said(parsed, lambda kind: kind.claims))
        found += exclusive_problems(document, _said(parsed, lambda kind: kind.exclusive))
    if channel_check is not None:
        for name, channel in section(document, "channels").items():
            path: Path = ("channels", name)
            found += _channel(document, path, channel, channel_check, channel_secrets)
    if holiday_check is not None:
        found += _country(document, holiday_check)
    return found


def _said(parsed: Parsed, what: Callable[[Kind[Any]], Callable[[Any], T | None]]) -> dict[str, T]:
    """What the kinds say of their specs, by check."""
    said = {name: what(kind)(config) for name, (kind, config) in parsed.items()}
    return {name: found for name, found in said.items() if found is not None}


def _country(document: Document, check: HolidayCheck) -> Iterator[Problem]:
    holidays = document.data.get("holidays") if isinstance(document.data, dict) else None
    written = holidays if isinstance(holidays, dict) else {}
    country, subdivision = written.get("country"), written.get("subdivision")
    if not isinstance(country, str) or not re.fullmatch(COUNTRY, country):
        return  # the model says so
    if subdivision is None or isinstance(subdivision, str):
        wrong = check(country, subdivision)
        if wrong is not None:
            yield document.problem(("holidays", wrong[0]), wrong[1])


def _spec(
    document: Document,
    id_: str,
    check: dict[str, Any],
    parsed: Parsed,
    *,
    secrets: bool,
) -> Iterator[Problem]:
    """What is wrong with a spec; a right one goes into `parsed`."""
    path: Path = ("checks", id_)
    name, spec = check.get("kind"), check.get("spec", {})
    if not isinstance(name, str) or not name or not isinstance(spec, dict):
        return
    if name not in registry.KINDS:
        known = ", ".join(registry.KINDS)
        yield document.problem((*path, "kind"), f"unknown kind; there are {known}")
        return
    place = (*path, "spec")
    try:
        kind = registry.load(name)
        config = kind.parse(spec)
        parsed[id_] = (kind, config)
        _finish(kind.prepare(config))
        if secrets:
            kind.examine(config)
    except ValidationError as error:
        yield from problems_of(error, document, place, spec)
    except ValueError as error:
        yield document.problem(place, str(error))  # a kind's own words: places, never values
    except ModuleNotFoundError as error:
        extra = registry.EXTRAS.get(name, name)
        message = f"needs the library {error.name}: pip install 'wardwatch[{extra}]'"
        yield document.problem((*path, "kind"), message)


def _timeouts(document: Document, parsed: Parsed) -> Iterator[Problem]:
    """Those that end before an answer would be late: a right one would be down."""
    for id_, (kind, spec) in parsed.items():
        timeout = attempt(times.parse_duration, section(document, "checks")[id_].get("timeout"))
        within = kind.answers_within_ms(spec)
        if timeout and timeout <= within:
            told = times.duration_text(within)
            message = f"a right answer may take {told}: write a longer timeout"
            yield document.problem(("checks", id_, "timeout"), message)


def _finish(pending: Awaitable[None] | None) -> None:
    """Wait in a thread: the caller may stand inside an event loop of its own."""
    if pending is None:
        return

    async def wait() -> None:
        await pending

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, wait()).result()


def _channel(
    document: Document,
    path: Path,
    channel: dict[str, Any],
    check: ChannelCheck,
    secrets: ChannelSecrets | None,
) -> Iterator[Problem]:
    name = channel.get("kind")
    if not isinstance(name, str) or not name:
        return
    spec = {key: value for key, value in channel.items() if key not in ("kind", "baa")}
    try:
        check(name, spec)
        for below, words in () if secrets is None else secrets(name, spec):
            yield document.problem((*path, *below), words)
    except NotHeardError:
        problem = "receivers of this kind tell us nothing: leave inbound out"
        yield document.problem((*path, "inbound"), problem)
    except ValidationError as error:
        yield from problems_of(error, document, path, spec)
    except KeyError:
        yield document.problem((*path, "kind"), "unknown channel kind")


def _keys(document: Document) -> Iterator[Problem]:
    """Pinned keys that are spelled as keys are, and are none."""
    for name, agent in section(document, "agents").items():
        key = agent.get("key") if isinstance(agent, dict) else None
        if not isinstance(key, str) or re.fullmatch(agentkeys.PATTERN, key) is None:
            continue
        try:
            agentkeys.parse(key)
        except ValueError:
            path: Path = ("agents", name, "key")
            yield document.problem(path, "nobody has this key; write what the agent prints")


def _windows(document: Document) -> Iterator[Problem]:
    windows = document.data.get("maintenance") if isinstance(document.data, dict) else None
    zone = _zone(document)
    for number, window in enumerate(windows if isinstance(windows, list) else ()):
        if not isinstance(window, dict):
            continue
        path: Path = ("maintenance", number)
        if isinstance(window.get("rrule"), str):
            try:
                recurrence.parse(window["rrule"])
            except ValueError as error:
                yield document.problem((*path, "rrule"), str(error))
        if "approval" not in window:
            continue
        if "proposed" not in window:
            yield document.problem((*path, "approval"), "an approval without a proposal")
            continue
        proposed, approved = (_instant(window[key], zone) for key in ("proposed", "approval"))
        if proposed is not None and approved is not None and approved < proposed:
            yield document.problem((*path, "approval", "at"), "approved before it was proposed")


def _zone(document: Document) -> ZoneInfo | None:
    try:
        return ZoneInfo(document.data["organization"]["timezone"])
    except (KeyError, TypeError, ValueError, OSError):
        return None


def _instant(act: Any, zone: ZoneInfo | None) -> int | None:
    value = attempt(times.parse_datetime, act.get("at")) if isinstance(act, dict) else None
    if value is None or (value.tzinfo is None and zone is None):
        return None
    found: int | None = attempt(lambda v: times.to_ms(v, zone or ZoneInfo("UTC")), value)
    return found
