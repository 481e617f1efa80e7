"""What the models leave open of payers: whom they belong to, ids, rules, lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probes import recurrence, times
from probes.configchecks import LOOKS_LIKE_PHI, attempt, like_phi, section
from probes.yamlfile import Document, Path, Problem


def payer_problems(document: Document) -> Iterator[Problem]:
    for name, system in section(document, "systems").items():
        payer = system.get("payer")
        if not isinstance(payer, dict):
            continue
        path: Path = ("systems", name, "payer")
        impact = system.get("impact")
        if isinstance(impact, dict) and impact.get("service", "general") != "billing":
            message = "only a billing system is a payer's path: write impact.service: billing"
            yield document.problem(path, message)
        windows = payer.get("published_downtime")
        if isinstance(windows, list):
            yield from _windows(document, (*path, "published_downtime"), windows)


def _windows(document: Document, path: Path, windows: list[Any]) -> Iterator[Problem]:
    first: dict[str, Path] = {}
    for number, window in enumerate(windows):
        if not isinstance(window, dict):
            continue
        here = (*path, number)
        id_, rule = window.get("id"), window.get("rrule")
        if isinstance(id_, str):
            if like_phi(id_):
                yield document.problem((*here, "id"), LOOKS_LIKE_PHI)
            if id_ in first:
                line = document.lines.get(first[id_])
                where = "" if line is None else f", first in line {line}"
                yield document.problem((*here, "id"), f"the id is used twice{where}")
            first.setdefault(id_, (*here, "id"))
        if isinstance(rule, str):
            try:
                recurrence.parse(rule)
            except ValueError as error:
                yield document.problem((*here, "rrule"), str(error))
        start, end = (_local(window.get(key)) for key in ("start", "end"))
        if start is not None and end is not None and end <= start:
            yield document.problem((*here, "end"), "it ends after it starts")


def _local(value: Any) -> Any:
    """None also for a time with an offset: the model refuses it."""
    found = attempt(times.parse_datetime, value)
    return None if found is None or found.tzinfo is not None else found
