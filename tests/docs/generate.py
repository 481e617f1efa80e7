"""Rewrites the generated parts of the documents from the code: `make generate`.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.
With `--check` nothing is written; exit 1 names the documents that differ.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from agent import condition, hostfile
from agent.cli import build_parser as agent_parser
from collector.access.policy import GRANTS, SERVICE_ROLES, Permission, Role
from collector.api.openapi import described, summary
from collector.api.routes import AnyRoute
from collector.api.table import ROUTES
from collector.attest.faults import MEANINGS as LOG_FAULTS
from collector.attest.policyfile import POLICY_MEANINGS as POLICY_FAULTS
from collector.attesting import refusals as attestation_refusals
from collector.audit import kinds as row_kinds
from collector.bundle.assurance import LIMIT_MEANINGS
from collector.bundle.faults import BUNDLE_MEANINGS
from collector.businesshours import holidays_version
from collector.cli import build_parser as collector_parser
from collector.reports.timestamps import STAMP_MEANINGS
from collector.reports.tsa import TSA_MEANINGS
from collector.tlog.signer import KEY_FAULTS
from collector.tlog.troubles import TROUBLES
from collector.verifying.failures import EXIT_CODES
from collector.verifying.failures import MEANINGS as FAILURES
from collector.verifying.telling import QUESTIONS
from collector.witness.refusals import MEANINGS as WITNESS_REFUSALS
from probes import registry
from probes.engines import table as engines
from probes.metrics import METRICS
from probes.profiles import table as profiles
from probes.reasons import MEANINGS
from probes.reference import config_reference, reference
from tests.unit.verifying.tampers import CASES, WHO

F = TypeVar("F", bound=StrEnum)
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


def troubles() -> str:
    rows = [f"| `{trouble}` | {meaning} |" for trouble, meaning in condition.MEANINGS.items()]
    return "\n".join(["| reason | meaning |", "|---|---|", *rows])


def verify_checks() -> str:
    rows = [f"| {check} | {question} |" for check, question in QUESTIONS.items()]
    return "\n".join(["| check | what it answers |", "|---|---|", *rows])


def verify_failures() -> str:
    rows = [
        f"| `{code}` | {one.kind} | {EXIT_CODES[one.kind]} | {one.what} | {one.ask} |"
        for code, one in FAILURES.items()
    ]
    return "\n".join(
        ["| failure | class | exit | what was found | what to do |", "|---|---|---|---|---|", *rows]
    )


def verify_tampers() -> str:
    rows = [
        f"| {who} {one.words} | `{one.expected}` |"
        for who, module in WHO.items()
        for one in CASES
        if one.made.__module__ == module.__name__
    ]
    return "\n".join(["| what | ends in |", "|---|---|", *rows])


def limits() -> str:
    rows = [f"| `{limit}` | {meaning} |" for limit, meaning in LIMIT_MEANINGS.items()]
    return "\n".join(["| limit | meaning |", "|---|---|", *rows])


def unsigned() -> str:
    rows = [f"| `{one.value}` | {why} | {what} |" for one, (why, what) in TROUBLES.items()]
    return "\n".join(["| code | why | next |", "|---|---|---|", *rows])


def faults(meanings: Mapping[F, str]) -> str:
    rows = [f"| `{fault.value}` | {meaning} |" for fault, meaning in meanings.items()]
    return "\n".join(["| fault | meaning |", "|---|---|", *rows])


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
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        return "\n\n".join(blocks(build()))
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def blocks(parser: argparse.ArgumentParser) -> list[str]:
    """The help of a command and of all its subcommands, as a terminal prints it."""
    own = f"```text\n$ {parser.prog} --help\n{parser.format_help().rstrip()}\n```"
    return [own, *(text for sub in below(parser) for text in blocks(sub))]


def below(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    nested = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return [sub for a in nested for sub in a.choices.values()]


def leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The commands that do something, in the order of the help."""
    subs = below(parser)
    own = [parser] if not subs or parser.get_default("func") else []
    return [*own, *(leaf for sub in subs for leaf in leaves(sub))]


def codes(parser: argparse.ArgumentParser) -> dict[int, str]:
    """What the help of a command says of its exit codes; ValueError when it says nothing."""
    _, found, text = (parser.epilog or "").partition("Exit code: ")
    if not found:
        raise ValueError(f"{parser.prog}: the help has no line `Exit code: `")
    told = " ".join(text.split()).rstrip(".")
    return {int(code): what for code, what in re.findall(r"(\d) (.+?)(?=, \d |$)", told)}


def exit_codes() -> str:
    """A row for the commands that say the same."""
    same: dict[str, list[str]] = {}
    for leaf in leaves(collector_parser()):
        told = codes(leaf)
        cells = " | ".join(told.get(code, "") for code in range(5))
        same.setdefault(cells, []).append(f"`{leaf.prog.removeprefix('wardwatch ')}`")
    rows = [f"| {', '.join(names)} | {cells} |" for cells, names in same.items()]
    return "\n".join(["| command | 0 | 1 | 2 | 3 | 4 |", "|---|---|---|---|---|---|", *rows])


def roles() -> str:
    head = f"| permission | {' | '.join(role.value for role in Role)} |"
    rows = [
        f"| `{permission.value}` | "
        + " | ".join("yes" if permission in GRANTS[role] else "" for role in Role)
        + " |"
        for permission in Permission
    ]
    services = f"A service is {', '.join(role.value for role in Role if role in SERVICE_ROLES)}."
    return "\n".join([head, f"|---{'|---' * len(Role)}|", *rows, "", services])


def routes() -> str:
    """What programs ask, by address; the sentence is the operation's summary."""
    rows = [
        f"| `{route.method} {route.path}` | {needs(route)} | {summary(route)} |"
        for route in sorted(filter(described, ROUTES), key=lambda r: (r.path, r.method))
    ]
    return "\n".join(["| request | needs | does |", "|---|---|---|", *rows])


def needs(route: AnyRoute) -> str:
    known = isinstance(route.needs, Permission)
    return f"`{route.needs.value}`" if known else f"nobody known: {route.needs.value}"


def holidays() -> str:
    """Which edition answers here: another one may know other days."""
    return f"Public holidays are those of the package `holidays` {holidays_version()}."


PARTS: dict[str, Callable[[], str]] = {
    "reasons": reasons,
    "kinds": kinds,
    "agent metrics": lambda: metrics("agent"),
    "agent troubles": troubles,
    "collector metrics": lambda: metrics("collector"),
    "agent commands": lambda: helps(agent_parser),
    "collector commands": lambda: helps(collector_parser),
    "exit codes": exit_codes,
    "log faults": lambda: faults(LOG_FAULTS),
    "time stamp faults": lambda: faults(STAMP_MEANINGS),
    "authority troubles": lambda: faults(TSA_MEANINGS),
    "policy faults": lambda: faults(POLICY_FAULTS),
    "verify checks": verify_checks,
    "verify failures": verify_failures,
    "verify tampers": verify_tampers,
    "bundle faults": lambda: faults(BUNDLE_MEANINGS),
    "assurance limits": limits,
    "log key faults": lambda: faults(KEY_FAULTS),
    "log troubles": unsigned,
    "witness refusals": lambda: faults(WITNESS_REFUSALS),
    "engines": engines.markdown,
    "fhir profiles": profiles.markdown,
    "roles": roles,
    "routes": routes,
    "row kinds": row_kinds.markdown,
    "attestation refusals": attestation_refusals.markdown,
    "config reference": config_reference,
    "host reference": lambda: reference(hostfile.Host, hostfile.TERMS),
    "holidays": holidays,
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
