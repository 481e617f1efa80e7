"""A window's content: what an approval covers, and the checks of one that comes by itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from probes.config_windows import Window
from probes.configchecks import cross_problems
from probes.configentries import entry_problems
from probes.modelerrors import problems_of
from probes.yamlfile import Document, Path, Problem

CONTENT = ("id", "systems", "start", "end", "timezone", "rrule", "exdate", "expect_down")
"""The keys of a window that say when and what; the rest is who said so."""


class WindowErrors(Exception):  # noqa: N818 - it holds all of them
    """Every problem of the windows given; paths are below `maintenance`."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def entry_schema() -> dict[str, Any]:
    """JSON Schema of a window as it is proposed: what and when, without who said so."""
    schema = Window.model_json_schema(by_alias=True)
    return {
        "type": "object",
        "title": "Window",
        "properties": {name: schema["properties"][name] for name in CONTENT},
        "required": [name for name in schema["required"] if name in CONTENT],
        "additionalProperties": False,
    }


def content(window: Window) -> dict[str, Any]:
    """What may be compared field by field; the order of systems and dates means nothing."""
    data = window.model_dump(mode="json", include=set(CONTENT))
    return {**data, "systems": sorted(data["systems"]), "exdate": sorted(data["exdate"])}


@lru_cache(maxsize=4096)
def digest(window: Window) -> str:
    """SHA-256 of the canonical content, 64 hex digits."""
    return hashlib.sha256(
        json.dumps(
            content(window), ensure_ascii=False, separators=(",", ":"), sort_keys=True
        ).encode()
    ).hexdigest()


def proposals(
    entries: Iterable[Any],
    systems: Iterable[str],
    by: str,
    at: str,
    document: Document | None = None,
) -> tuple[Window, ...]:
    """Windows proposed by `by` at the instant `at` (RFC 3339); WindowErrors lists all problems.

    The checks are those of the operator's file. An entry holds content only: who proposes is told
    beside it, and other acts are acts of their own. `document` is where the entries were read.
    """
    given = list(entries)
    written = [
        {**entry, "proposed": {"by": by, "at": at}} if isinstance(entry, dict) else entry
        for entry in given
    ]
    data = {"systems": {name: {} for name in systems}, "maintenance": written}
    source = Document("", data, {}) if document is None else document
    read = Document(source.file, data, source.lines)
    problems = [
        p
        for p in (*cross_problems(read), *entry_problems(read, kinds=False, channel_check=None))
        if p.path.startswith("maintenance[")
    ]
    windows: list[Window] = []
    for number, entry in enumerate(given):
        path: Path = ("maintenance", number)
        problems += _foreign(entry, read, path)
        try:
            windows.append(Window.model_validate(written[number]))
        except ValidationError as error:
            problems += problems_of(error, read, path, written[number])
    if problems:
        raise WindowErrors(tuple(sorted(set(problems))))
    return tuple(windows)


def _foreign(entry: Any, document: Document, path: Path) -> list[Problem]:
    keys: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    return [
        document.problem((*path, name), "an act of its own; a proposal holds what and when")
        for name in ("proposed", "approval", "cancelled", "finished")
        if name in keys
    ]
