"""`wardwatch-agent kinds`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from agent.commands.options import BAD_INPUT, Parsers, described
from probes import registry
from probes.contract import Kind
from probes.engines import table as engines
from probes.profiles import table as profiles
from probes.reasons import MEANINGS

EXAMPLES = """\
Examples:
  wardwatch-agent kinds
  wardwatch-agent kinds fhir
  wardwatch-agent kinds fhir --profile epic
  wardwatch-agent kinds engine --profile mirth
  wardwatch-agent kinds --json

With --profile: what is assumed of that vendor's servers, or of that engine, and what to ask its
team for.
Exit code: 0 printed, 2 no such kind, or none with that profile.
"""


def add(parsers: Parsers) -> None:
    parser = described(
        parsers.add_parser("kinds", help="list the probe kinds, and vendors' profiles"),
        "List the probe kinds this agent knows; of one, its reasons; with --json both.",
        EXAMPLES,
    )
    parser.add_argument("kind", nargs="?", metavar="KIND", help="this one only")
    parser.add_argument("--profile", metavar="NAME", help="of a vendor, for a KIND that has some")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=kinds)


def kinds(args: argparse.Namespace) -> int:
    problem = _problem(args)
    if problem is not None:
        sys.stderr.write(f"{problem}\n")
        return BAD_INPUT
    wanted = sorted(registry.KINDS) if args.kind is None else [args.kind]
    found = [registry.load(name) for name in wanted]
    if args.profile is not None:
        _write_profile(args)
    elif args.json:
        _print_json([_document(kind) for kind in found])
    elif args.kind is not None:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(found[0])))
    else:
        width = max(len(kind.name) for kind in found)
        sys.stdout.write("".join(f"{kind.name:<{width}}  {kind.summary}\n" for kind in found))
    return 0


def _problem(args: argparse.Namespace) -> str | None:
    if args.kind is not None and args.kind not in registry.KINDS:
        return f"KIND: no kind of this name; there are {', '.join(sorted(registry.KINDS))}"
    if args.profile is None:
        return None
    if args.kind is None:
        return "--profile: name the kind, too: wardwatch-agent kinds fhir --profile epic"
    profiles = registry.load(args.kind).profiles
    if not profiles:
        return f"--profile: {args.kind} has none"
    if args.profile not in profiles:
        return f"--profile: there are {', '.join(profiles)}"
    return None


def _document(kind: Kind[Any]) -> dict[str, Any]:
    return {
        "name": kind.name,
        "summary": kind.summary,
        "reasons": sorted(kind.reasons),
        "profiles": list(kind.profiles),
    }


def _lines(kind: Kind[Any]) -> list[str]:
    width = max(map(len, kind.reasons))
    lines = [f"{kind.name}: {kind.summary}"]
    lines += [
        f"  {reason.value:<{width}}  {MEANINGS[reason][1]}" for reason in sorted(kind.reasons)
    ]
    if kind.profiles:
        lines.append(f"Profiles: {', '.join(kind.profiles)}; see --profile.")
    return lines


def _write_profile(args: argparse.Namespace) -> None:
    of_engine = args.kind == "engine"
    if args.json:
        document = engines.document if of_engine else _profile_document
        _print_json(document(args.profile))
    else:
        lines = engines.told if of_engine else _profile_lines
        sys.stdout.write("".join(f"{line}\n" for line in lines(args.profile)))


def _profile_document(name: str) -> dict[str, Any]:
    return profiles.document(profiles.PROFILES[name])


def _profile_lines(name: str) -> Iterator[str]:
    return profiles.told(profiles.PROFILES[name])


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")
