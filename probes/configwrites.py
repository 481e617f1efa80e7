"""Checks that write: not too often, and none where another one writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probes import times
from probes.configchecks import agents_of, attempt, section
from probes.contract import Writes
from probes.yamlfile import Document, Path, Problem


def writes_problems(document: Document, writes: Mapping[str, Writes]) -> Iterator[Problem]:
    """`writes` by check."""
    checks = section(document, "checks")
    first: dict[str, str] = {}
    for name, written in writes.items():
        path: Path = ("checks", name)
        every = attempt(times.parse_duration, checks[name].get("every"))
        if every and every < written.least_every_ms:
            least = times.duration_text(written.least_every_ms)
            yield document.problem((*path, "every"), f"{written.because}: at least {least}")
        if written.alone is None:
            continue
        if len(agents_of(document, checks[name])) > 1:
            place = path if "from" not in checks[name] else (*path, "from")
            yield document.problem(place, "this check writes: name exactly one agent under from")
        other = first.setdefault(written.alone, name)
        if other != name:
            message = f"the check {other} writes to the same place; one alone may"
            yield document.problem((*path, "spec"), message)
