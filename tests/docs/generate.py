"""Rewrites the generated parts of the documents from the code: `make generate`.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.
With `--check` nothing is written; exit 1 names the documents that differ.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from agent.cli import build_parser as agent_parser
from collector.cli import build_parser as collector_parser
from probes import registry
from probes.metrics import METRICS
from probes.reasons import MEANINGS
from probes.reference import config_reference

ROOT = Path(__file__).resolve().parents[2]
PART = re.compile(
    r"<!-- generated: (?P<name>[a-z0-9 -]+) -->\n.*?<!-- end of (?P=name) -->", re.DOTALL
)


def reasons() -> str:
    rows = [f"| `{r}` | {', '.join(sorted(o))} | {text} |" for r, (o, text) in MEANINGS.items()]
    return "\n".join(["| reason | outcomes | meaning |", "|---|---|---|", *rows])


def kinds() -> str:
    rows = [
        f"| [`{name}`](kinds/{name}.md) | {registry.load(name).summary} |"
        for name in registry.KINDS
    ]
    return "\n".join(["| kind | what one run does |", "|---|---|", *rows])


def metrics(where: str) -> str:
    rows = [
        f"| `{m.name}` | {m.type} | {m.unit} | {', '.join(m.labels) or '-'} | {m.meaning} |"
        for m in METRICS
        if m.where == where
    ]
    return "\n".join(
        ["| metric | type | unit | labels | meaning |", "|---|---|---|---|---|", *rows]
    )


def helps(build: Callable[[], argparse.ArgumentParser]) -> str:
    os.environ["COLUMNS"] = "100"
    return "\n\n".join(blocks(build()))


def blocks(parser: argparse.ArgumentParser) -> list[str]:
    """The help of a command and of all its subcommands, as a terminal prints it."""
    own = f"```text\n$ {parser.prog} --help\n{parser.format_help().rstrip()}\n```"
    nested = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return [own, *(text for a in nested for sub in a.choices.values() for text in blocks(sub))]


PARTS: dict[str, Callable[[], str]] = {
    "reasons": reasons,
    "kinds": kinds,
    "agent metrics": lambda: metrics("agent"),
    "collector metrics": lambda: metrics("collector"),
    "agent commands": lambda: helps(agent_parser),
    "collector commands": lambda: helps(collector_parser),
    "config reference": config_reference,
}


def rewritten(text: str) -> str:
    """The document with every generated part made anew; KeyError names an unknown part."""

    def part(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- generated: {name} -->\n{PARTS[name]()}\n<!-- end of {name} -->"

    return PART.sub(part, text)


def documents() -> list[Path]:
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    )


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    stale = []
    for path in documents():
        old = path.read_text(encoding="utf-8")
        new = rewritten(old)
        if new != old:
            stale.append(str(path.relative_to(ROOT)))
            if not check:
                path.write_text(new, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'differs from the code; run: make generate' if check else 'rewritten'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
