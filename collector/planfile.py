"""Files of `wardwatch maintenance`: windows written as in the operator's file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from probes.config_windows import Window
from probes.windows import WindowErrors, proposals
from probes.yamlfile import Document, Problem, read, shown


@dataclass(frozen=True, slots=True)
class PlanFile:
    """The `maintenance` list of a file; who proposes is said beside it."""

    document: Document
    entries: Sequence[Any]

    def windows(self, systems: Iterable[str], by: str, at: str) -> tuple[Window, ...]:
        """Checked as the operator's file is; WindowErrors names file and line."""
        return proposals(self.entries, systems, by, at, self.document)

    def lines(self, problems: Iterable[dict[str, str]]) -> list[str]:
        """A collector's problems with `windows`, at their places in this file."""
        places = {shown(path): line for path, line in self.document.lines.items()}
        out = []
        for one in problems:
            path = one["path"].replace("windows", "maintenance", 1)
            near = path
            while near and near not in places:
                near = near[: max(near.rfind("."), near.rfind("["), 0)]
            out.append(f"{self.document.file}:{places.get(near, 1)}: {path}: {one['message']}")
        return out


def read_plan(path: str) -> PlanFile:
    """ConfigErrors or WindowErrors list what is wrong with the form of the file."""
    document, problems = read(path)
    data = document.data
    entries = data.get("maintenance") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        problems.append(
            Problem(path, 1, "maintenance", "write a list of windows, as in the operator's file")
        )
    others = [key for key in data if key != "maintenance"] if isinstance(data, dict) else []
    problems += [document.problem((key,), "the file holds `maintenance` alone") for key in others]
    if problems:
        raise WindowErrors(tuple(sorted(set(problems))))
    return PlanFile(document, entries if isinstance(entries, list) else [])
