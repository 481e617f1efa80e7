"""What `wardwatch maintenance` does with its arguments. Functions return exit codes."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from collector import plantext
from collector.client import AnsweredNoError, UsageError, act, ask, ask_all, asking, print_json
from collector.core import periods, preview
from collector.core.differences import Differs, differences
from collector.exchange import Collector
from collector.ics import CalendarError, Event, EventProblem, read_calendar
from collector.planfile import PlanFile, read_plan
from probes import times
from probes.clock import SystemClock
from probes.config import Config
from probes.configfile import ConfigErrors, load
from probes.windows import WindowErrors, content, proposals

API = "api/v1/maintenance"
LEAST_DIGITS = 12


def run_list(args: argparse.Namespace) -> int:
    return _guarded(lambda: asking(_list, args))


def run_preview(args: argparse.Namespace) -> int:
    if not 1 <= args.next <= preview.MOST:
        return _usage(f"--next: write a whole number from 1 to {preview.MOST}")
    if args.config is not None:
        return _guarded(lambda: _preview_offline(args))
    if args.name is None:
        return _usage("name a file or a window, or --config FILE for all windows of that file")
    return _guarded(lambda: asking(_preview_file if _is_file(args.name) else _preview_known, args))


def run_propose(args: argparse.Namespace) -> int:
    return _guarded(lambda: asking(_propose, args))


def run_approve(args: argparse.Namespace) -> int:
    if not re.fullmatch(f"[0-9a-fA-F]{{{LEAST_DIGITS},64}}", args.digest):
        return _usage(f"--digest: at least {LEAST_DIGITS} digits of what preview shows")
    return _guarded(lambda: asking(_approve, args))


def run_cancel(args: argparse.Namespace) -> int:
    return _guarded(lambda: asking(lambda to, a: _act(to, a, "cancel", {}), args))


def run_finish(args: argparse.Namespace) -> int:
    return _guarded(lambda: asking(lambda to, a: _act(to, a, "finish", {}), args))


def run_import(args: argparse.Namespace) -> int:
    if args.propose and args.config is not None:
        return _usage("--propose: it is the collector that records; leave out --config")
    if args.config is not None:
        return _guarded(lambda: _import_offline(args))
    return _guarded(lambda: asking(_import, args))


def _guarded(work: Callable[[], int]) -> int:
    """2 for whatever is wrong with a file or an argument, each problem on a line."""
    try:
        return work()
    except (WindowErrors, ConfigErrors, UsageError) as error:
        return _usage(str(error))


def _usage(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 2


def _is_file(name: str) -> bool:
    return "." in name or "/" in name


def _list(to: Collector, args: argparse.Namespace) -> int:
    answer = ask(to, API, "windows", query={"from": args.start, "to": args.end})
    if args.json:
        print_json(answer)
        return 0
    plantext.windows(answer["windows"])
    sys.stdout.write("\n")
    plantext.occurrences(answer["occurrences"], answer["from"], answer["to"])
    return 0


def _preview_offline(args: argparse.Namespace) -> int:
    config = load(args.config, kinds=False)
    since = _since(args, config)
    if args.name is not None and _is_file(args.name):
        windows = read_plan(args.name).windows(config.systems, "preview", times.rfc3339(since))
    else:
        windows = tuple(w for w in config.maintenance if args.name in (None, w.id))
        if args.name is not None and not windows:
            raise UsageError(f"{args.config}: there is no window {args.name}")
    shown = [
        {
            **content(window),
            "tzdata": times.tzdata_version(),
            "next": preview.shown(
                preview.ahead(window, since, args.next), preview.zones(window, config)
            ),
        }
        for window in windows
    ]
    return _show_previews(shown, args)


def _since(args: argparse.Namespace, config: Config) -> int:
    if args.start is None:
        return SystemClock().now_ms()
    try:
        written = times.parse_datetime(args.start)
    except ValueError as error:
        raise UsageError(f"--from: {error}") from None
    if written.year not in periods.YEARS:
        raise UsageError(f"--from: {periods.OUTSIDE}")
    return config.ms(written)


def _preview_known(to: Collector, args: argparse.Namespace) -> int:
    found = ask(
        to, f"{API}/{args.name}", "next", query={"next": str(args.next), "from": args.start}
    )
    return _show_previews([found], args)


def _preview_file(to: Collector, args: argparse.Namespace) -> int:
    plan = read_plan(args.name)
    query = {"next": str(args.next), "from": args.start}
    body = {"windows": plan.entries}
    found = _sent(plan, lambda: ask(to, f"{API}/preview", "windows", body, query))
    return _show_previews(found["windows"], args)


def _show_previews(found: list[dict[str, Any]], args: argparse.Namespace) -> int:
    if args.json:
        print_json({"windows": found})
        return 0
    if not found:
        sys.stdout.write("No windows.\n")
    for number, window in enumerate(found):
        sys.stdout.write("\n" if number else "")
        plantext.preview(window)
    return 0


def _propose(to: Collector, args: argparse.Namespace) -> int:
    plan = read_plan(args.file)
    body = {"windows": plan.entries, "replace": args.replace}
    return _show_windows(_sent(plan, lambda: act(to, API, "windows", body))["windows"], args)


def _sent(plan: PlanFile, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer; problems the collector finds are told at their places in the file."""
    try:
        return send()
    except AnsweredNoError as error:
        problems = error.problem.get("problems", ())
        if not problems or not all(p["path"].startswith("windows[") for p in problems):
            raise
        raise UsageError("\n".join(plan.lines(problems))) from None


def _approve(to: Collector, args: argparse.Namespace) -> int:
    present, seen = ask(to, f"{API}/{args.id}", "digest")["digest"], args.digest.lower()
    digest = present if present.startswith(seen) else seen.ljust(64, "0")
    code = _act(to, args, "approve", {"digest": digest})
    if not args.json:
        # those that run now or are empty, and the first it is good for
        window = ask(to, f"{API}/{args.id}", "next", query={"next": "20"})
        plantext.approved(window, window["next"])
    return code


def _act(to: Collector, args: argparse.Namespace, deed: str, more: Mapping[str, str]) -> int:
    body = {"ref": args.ref, **more}
    return _show_windows([act(to, f"{API}/{args.id}/{deed}", "digest", body)], args)


def _show_windows(found: list[dict[str, Any]], args: argparse.Namespace) -> int:
    if args.json:
        print_json({"windows": found})
    else:
        plantext.windows(found)
    return 0


def _import_offline(args: argparse.Namespace) -> int:
    config = load(args.config, kinds=False)
    known = {w.id: {**content(w), "cancelled": w.cancelled is not None} for w in config.maintenance}
    return _compare(args, tuple(config.systems), known)[0]


def _import(to: Collector, args: argparse.Namespace) -> int:
    systems = tuple(system["id"] for system in ask_all(to, "api/v1/systems", "systems")["systems"])
    known = {
        w["id"]: {**w, "cancelled": w["status"] == "cancelled"}
        for w in ask(to, API, "windows")["windows"]
    }
    code, new = _compare(args, systems, known)
    if code == 2 or not args.propose or not new:
        return code
    act(to, API, "windows", {"windows": new})
    sys.stderr.write(f"Proposed: {', '.join(str(one['id']) for one in new)}\n")
    return 0


def _compare(
    args: argparse.Namespace, systems: tuple[str, ...], known: dict[str, dict[str, Any]]
) -> tuple[int, list[dict[str, Any]]]:
    """Print what differs; the exit code without proposing, and the entries that are new."""
    events, problems = _calendar(args.file)
    there: dict[str, dict[str, Any]] = {}
    entries: dict[str, dict[str, Any]] = {}
    for event in events:
        try:
            (window,) = proposals([event.entry], systems, "import", "2000-01-01T00:00:00Z")
        except WindowErrors as error:
            problems += [_problem(event, p.path, p.message) for p in error.problems]
            continue
        there[window.id] = {**content(window), "cancelled": event.cancelled}
        entries[window.id] = event.entry
    # An event that cannot be read is not gone.
    unread = {problem.id for problem in problems} - set(there)
    found = differences(there, {name: one for name, one in known.items() if name not in unread})
    told = [str(problem) for problem in sorted(problems, key=lambda p: p.event)]
    if args.json:
        print_json({"differences": plantext.as_json(found), "problems": told})
    else:
        plantext.differences(found)
    sys.stderr.write("".join(f"{args.file}: {problem}\n" for problem in told))
    new = [entries[one.id] for one in found if one.how is Differs.NEW]
    if problems:
        return 2, new
    return int(any(one.how is not Differs.SAME for one in found)), new


def _problem(event: Event, path: str, message: str) -> EventProblem:
    field = path.removeprefix("maintenance[0].")
    return EventProblem(event.number, event.uid, field, message, event.entry["id"])


def _calendar(path: str) -> tuple[list[Event], list[EventProblem]]:
    try:
        return read_calendar(Path(path).read_bytes())
    except OSError:
        raise UsageError(f"{path}: the file cannot be read") from None
    except CalendarError as error:
        raise UsageError(f"{path}: {error}") from None
