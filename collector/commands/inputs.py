"""Options that several commands share: versions of the operator's file, results, instants."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from collector.core.periods import END_MS
from collector.replay import Input, ReplayErrors, instant, read_results
from probes.configfile import ConfigErrors, load
from probes.history import History, Version
from probes.times import parse_datetime

PERIOD = ("--from", "--to", "--now")
"""Their calendar months and weeks must exist too."""


def add_history(
    parser: argparse.ArgumentParser, option: str = "--config", *, required: bool = True
) -> None:
    parser.add_argument(
        option,
        action="append",
        required=required,
        metavar="FILE[@INSTANT]",
        help="the operator's file; with an instant, in force from then on; may be repeated",
    )


def add_results(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--results", required=required, metavar="FILE", help="results, JSON lines")


def add_now(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--now", metavar="T", help="edge of knowledge (default: --to)")


def history(files: Sequence[str], problems: list[str], option: str = "--config") -> History | None:
    """The versions named; None after anything wrong, which is appended to `problems`."""
    versions: list[Version] = []
    for item in files:
        path, at = item, None
        if "@" in item and not Path(item).exists():
            path, _, at = item.rpartition("@")
        try:
            config = load(path, kinds=False)
        except ConfigErrors as found:
            problems.append(str(found))
            continue
        if at is None:
            if len(files) > 1:
                problems.append(f"{option} {item}: with several files each needs @INSTANT")
            versions.append(Version(None, config))
            continue
        try:
            versions.append(Version(instant(parse_datetime(at), config), config))
        except ValueError as problem:
            problems.append(f"{option} {item}: {problem}")
    if len({v.at for v in versions}) < len(versions):
        problems.append(f"{option}: two files take effect at the same instant")
    return History(versions) if versions and len(versions) == len(files) else None


def instants(
    given: Sequence[tuple[str, str | None]], known: History | None, problems: list[str]
) -> dict[str, int]:
    """UTC milliseconds by option, of those given; a time without zone is the organization's."""
    found: dict[str, int] = {}
    for name, text in given:
        if text is None:
            continue
        try:
            written = parse_datetime(text)
            if known is not None:
                at = instant(written, known.latest)
                if name in PERIOD and not 0 <= at < END_MS:
                    raise ValueError("write an instant of the years 1970 to 8999")  # noqa: TRY301
                found[name] = at
        except ValueError as problem:
            problems.append(f"{name}: {problem}")
    if found.get("--from", 0) >= found.get("--to", 1 << 60):
        problems.append("--to: must be later than --from")
    return found


def results(path: str, known: History | None, problems: list[str]) -> Input | None:
    if known is None:
        return None
    try:
        return read_results(Path(path), known)
    except ReplayErrors as found:
        problems.extend(found.problems)
        return None


def refuse(problems: Sequence[str]) -> int:
    """Say all of it; the exit code of bad input."""
    sys.stderr.write("\n".join(problems) + "\nNothing was computed.\n")
    return 2
