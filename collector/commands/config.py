"""`wardwatch config`: is the operator's file right, and what may be written in it."""

from __future__ import annotations

import argparse
import json
import sys

from alerts import paging, training
from alerts.channels import registry
from collector import agreements, staffing, unread
from collector.businesshours import holiday_problem
from probes import times
from probes.clock import SystemClock
from probes.config import Config
from probes.config_places import COLLECTOR
from probes.configfile import ConfigErrors, digest, load, read_secret, schema

CHECK_EXAMPLES = """\
Examples:
  wardwatch config check wardwatch.yaml
  wardwatch config check wardwatch.yaml --json

Nothing is started and no address is contacted. Secrets that are on this host are looked at and never
shown: one that cannot be what its field asks for is a problem, one that cannot be read here a note.

Exit code: 0 the file is right, 2 bad usage or it is not (all problems listed with file, line and path).
"""

SCHEMA_EXAMPLES = """\
Examples:
  wardwatch config schema > wardwatch.schema.json

References between entries, rules of recurrence and the like are beyond a schema; `config check`
knows them.

Exit code: 0 printed, 2 bad usage.
"""

EXAMPLES = """\
Examples:
  wardwatch config check wardwatch.yaml
  wardwatch config schema > wardwatch.schema.json
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "config",
        help="check the operator's file, or print its schema",
        description="Check the operator's file, or print the JSON Schema it follows.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="list every problem of a file",
        description="List every problem of a file, or say in short what it describes.",
        epilog=CHECK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("file", metavar="FILE", help="the operator's YAML file")
    check.add_argument("--json", action="store_true", help="print the answer as JSON")
    check.set_defaults(func=run_check)
    printed = actions.add_parser(
        "schema",
        help="print the JSON Schema of the file",
        description="Print the JSON Schema of the file, for editors that complete and check.",
        epilog=SCHEMA_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    printed.add_argument("--json", action="store_true", help="the same: it is JSON always")
    printed.set_defaults(func=run_schema)


def run_check(args: argparse.Namespace) -> int:
    try:
        config = load(
            args.file,
            channel_check=registry.check,
            holiday_check=holiday_problem,
            secrets=True,
            channel_secrets=lambda kind, spec: registry.examine(kind, spec, read_secret),
        )
    except ConfigErrors as error:
        if args.json:
            _print_json({"ok": False, "problems": problems(error)})
        else:
            count = len(error.problems)
            sys.stderr.write(
                f"{error}\n\n{count} {'problem' if count == 1 else 'problems'}, nothing is started. "
                "Mend them, then check again.\n"
                "What may be written: probes/README.md and `wardwatch config schema`.\n"
            )
        return 2
    notes = [*remarks(config, SystemClock().now_ms()), *unread.remarks(config, read_secret)]
    if args.json:
        _print_json(
            {
                "ok": True,
                "version": digest(config),
                "counts": counts(config),
                "notes": notes,
            }
        )
    else:
        shown = ", ".join(f"{name} {number}" for name, number in counts(config).items())
        sys.stdout.write(
            f"{args.file} is right: {config.organization.name}, version {digest(config)}.\n{shown}\n"
        )
        for line in notes:
            sys.stdout.write(f"note: {line}\n")
    return 0


def run_schema(_args: argparse.Namespace) -> int:
    _print_json(schema())
    return 0


def problems(error: ConfigErrors) -> list[dict[str, str | int]]:
    return [
        {"file": p.file, "line": p.line, "path": p.path, "message": p.message}
        for p in error.problems
    ]


def counts(config: Config) -> dict[str, int]:
    return {
        "sites": len(config.sites),
        "agents": len(config.agents),
        "systems": len(config.systems),
        "checks": len(config.checks),
        "maintenance windows": len(config.maintenance),
        "channels": len(config.channels),
        "routes": len(config.routes),
    }


def remarks(config: Config, now: int) -> list[str]:
    """What is allowed and still likely not meant; `now` is UTC ms."""
    today = times.from_ms(now, config.organization.zone).date()
    out = []
    keyless = [
        name for name, agent in config.agents.items() if agent.key is None and name != COLLECTOR
    ]
    if keyless:
        out.append(f"no key pinned, so no results are taken from: {', '.join(keyless)}")
    if not config.routes:
        out.append("no routes, so no incident is sent to anybody")
    unused = [name for name in config.escalation if name not in {r.escalate for r in config.routes}]
    if unused:
        out.append(f"no route names them, so they call nobody: {', '.join(unused)}")
    waiting = [w.id for w in config.maintenance if w.approval is None and w.cancelled is None]
    if waiting:
        out.append(f"not approved, so they exclude nothing: {', '.join(waiting)}")
    return [
        *out,
        *staffing.remarks(config, now),
        *paging.remarks(config),
        *agreements.remarks(config, today),
        *training.remarks(config.contacts, today),
    ]


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
