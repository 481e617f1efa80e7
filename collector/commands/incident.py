"""`wardwatch incident`: list incidents, and act on them.

What is typed is read from a file or standard input: arguments are in the list of processes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alerts.people import CategoryReason, IncidentState
from alerts.wording import DEADLINES
from collector import show
from collector.client import UsageError, act, an_id, ask, ask_all, asking, print_json
from collector.commands.adopting import ADOPT, adopt, ticket_name
from collector.commands.options import Parsers, asks
from collector.exchange import Collector
from collector.prompts import at_terminal
from collector.reporttext import markdown, rung_of, rung_to

API = "api/v1/incidents"
COLUMNS = ("KEY", "STATUS", "PRIORITY", "CATEGORY", "CAUSES", "SINCE (UTC)", "BY")
EVENTS = ("ID", "AT (UTC)", "KIND", "ACTOR")
TOLD = ("AGENT", "TOLD (UTC)", "KIND", "CAUSE", "SINCE", "BY")
CHANGED = ("AT (UTC)", "CHECK", "WHAT", "SEEN BY")
RUNGS = ("TOLD (UTC)", "POLICY", "RUNG", "TO")
NOTICES = ("NOTICE", "TOLD (UTC)", "DELIVER BY", "DELIVERED")
NOTES = ("ID", "AT (UTC)", "BY", "TEXT")
NEXT = {"looked_at": "the rules look at it again"} | {
    kind.value: text for kind, text in DEADLINES.items()
}
KEY = re.compile(r"[a-z0-9-]{1,63}\.[a-z]{1,20}\.[0-9]{1,15}")

EXAMPLES = """\
Examples:
  wardwatch incident list --status open
  wardwatch incident ack ehr.availability.1767225611000
  wardwatch incident note ehr.availability.1767225611000 --text-file note.txt

No act changes a system's state or a number as measured.
"""
LIST = """\
Examples:
  wardwatch incident list
  wardwatch incident list --status recovered --json
"""
SHOW = """\
Examples:
  wardwatch incident show ehr.availability.1767225611000
"""
REPORT = """\
Examples:
  wardwatch incident report ehr.availability.1767225611000 > report.md
  wardwatch incident report ehr.availability.1767225611000 --json

Prefilled from what is recorded; cause and remediation are yours to write. What people typed is in
it for the roles clinical and admin only.
"""
NOTES_EXAMPLE = """\
Examples:
  wardwatch incident notes ehr.availability.1767225611000

Only the roles clinical and admin read what people typed.
"""
ACK = """\
Examples:
  wardwatch incident ack ehr.availability.1767225611000

It lasts as long as ack_timeout in the operator's file says.
"""
RAISE = """\
Examples:
  wardwatch incident raise ehr.availability.1767225611000 --category 3 --reason workaround_failed
  wardwatch incident raise ehr.availability.1767225611000 --category 4 \\
      --reason patient_at_risk --aware-on 2026-01-05

Category 4, a patient safety event, is set by the role clinical, with the day somebody became
aware of it. A category may also be lowered.
"""
NOTE = """\
Examples:
  wardwatch incident note ehr.availability.1767225611000 --text-file note.txt
  wardwatch incident note ehr.availability.1767225611000 < note.txt
"""
RESOLVE = """\
Examples:
  wardwatch incident resolve ehr.availability.1767225611000
  wardwatch incident resolve ehr.availability.1767225611000 --text-file what-was-done.txt
"""
MERGE = """\
Examples:
  wardwatch incident merge lab.availability.1767225615000 --into ehr.availability.1767225611000
"""
FALSE_POSITIVE = """\
Examples:
  wardwatch incident false-positive ehr.availability.1767225611000
"""
RULE = """\
Examples:
  wardwatch incident rule ehr.access.1767225611000 --theirs --text-file why.txt
  wardwatch incident rule ehr.access.1767225611000 --ours < why.txt

Of an incident with the cause rejected_by_all: was it we who were at fault, or the system? Its time
is unknown, and stays so in the number as measured. What is ruled theirs counts as down in a number
of its own, printed beside it with the name of whoever ruled. Of several rulings the last stands.
"""
CLOSE = """\
Examples:
  wardwatch incident close ehr.availability.1767225611000 --text-file root-cause.txt
"""
Work = Callable[[Collector, argparse.Namespace], int]


def add(subparsers: Parsers) -> None:
    parser = subparsers.add_parser(
        "incident",
        help="list incidents, acknowledge, note, categorize, resolve and close them",
        description="Incidents and what people do to them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = _action(actions, "list", "list incidents, the newest first", LIST, _list)
    listed.add_argument(
        "--status", choices=[state.value for state in IncidentState], help="of this status only"
    )
    _on_one(actions, "show", "show one incident with its events", SHOW, _show_one)
    _on_one(actions, "report", "print its report, prefilled, as Markdown", REPORT, _report)
    _on_one(actions, "notes", "read what people typed about it", NOTES_EXAMPLE, _notes)
    _on_one(actions, "ack", "say that you are on it", ACK, _ack)
    raised = _on_one(actions, "raise", "set the clinical risk category", RAISE, _raise)
    raised.add_argument("--category", required=True, type=int, choices=range(1, 5), help="1 to 4")
    raised.add_argument(
        "--reason", required=True, choices=[one.value for one in CategoryReason], help="why"
    )
    raised.add_argument(
        "--aware-on", metavar="DATE", help="category 4: the day somebody became aware of it"
    )
    noted = _on_one(actions, "note", "write something down about it", NOTE, _note)
    noted.add_argument("--text-file", metavar="FILE", help="the text (default: standard input)")
    for name, about, examples, path in (
        ("resolve", "resolve what has recovered", RESOLVE, "resolve"),
        ("false-positive", "say that there was nothing", FALSE_POSITIVE, "false-positive"),
        ("close", "close what is resolved: its cause is known", CLOSE, "close"),
    ):
        ended = _on_one(actions, name, about, examples, _ending(path))
        ended.add_argument("--text-file", metavar="FILE", help="a text to keep with it")
    ruled = _on_one(actions, "rule", "rule a rejection by all ours or theirs", RULE, _rule)
    whose = ruled.add_mutually_exclusive_group(required=True)
    for name, about in (("ours", "we were at fault"), ("theirs", "the system was at fault")):
        whose.add_argument(f"--{name}", dest="ruling", action="store_const", const=name, help=about)
    ruled.add_argument("--text-file", metavar="FILE", help="why (default: standard input)")
    taken = _on_one(actions, "adopt", "go on in a ticket that people made", ADOPT, adopt)
    taken.add_argument(
        "--receiver", required=True, type=an_id, metavar="NAME", help="the channel it is in"
    )
    taken.add_argument(
        "--ticket", required=True, type=ticket_name, metavar="TICKET", help="what people call it"
    )
    merged = _on_one(actions, "merge", "go on with another open incident instead", MERGE, _merge)
    merged.add_argument("--into", required=True, type=a_key, metavar="KEY", help="the other one")


def a_key(text: str) -> str:
    """For argparse: what becomes part of an address is an incident's key."""
    if not KEY.fullmatch(text):
        raise argparse.ArgumentTypeError("a key is SYSTEM.FAMILY.MILLISECONDS; see incident list")
    return text


def _action(
    actions: Parsers, name: str, about: str, examples: str, work: Work
) -> argparse.ArgumentParser:
    parser = asks(actions, name, about, examples)
    parser.set_defaults(func=lambda args: asking(work, args))
    return parser


def _on_one(
    actions: Parsers,
    name: str,
    about: str,
    examples: str,
    work: Work,
) -> argparse.ArgumentParser:
    parser = _action(actions, name, about, examples, work)
    parser.add_argument("key", type=a_key, metavar="KEY", help="the incident")
    return parser


def _list(to: Collector, args: argparse.Namespace) -> int:
    found = ask_all(to, API, "incidents", query={"status": args.status})
    if args.json:
        print_json(found)
        return 0
    rows = [_row(one) for one in found["incidents"]]
    show.write("Incidents" if rows else "No incidents.", COLUMNS, rows)
    return 0


def _show_one(to: Collector, args: argparse.Namespace) -> int:
    found = ask(to, f"{API}/{args.key}", "key")
    if args.json:
        print_json(found)
        return 0
    show.write("Incident", COLUMNS, [_row(found)])
    for line in _facts(found):
        sys.stdout.write(f"{line}\n")
    events = [
        (str(one["id"]), _second(one["at"]), one["kind"], one["actor"]) for one in found["events"]
    ]
    show.write("Events", EVENTS, events)
    if found["rungs"]:
        rungs = [(_second(r["at"]), r["policy"], rung_of(r), rung_to(r)) for r in found["rungs"]]
        show.write("Rungs told as nobody had taken it on", RUNGS, rungs)
    if found["notices"]:
        notices = [
            (
                one["notice"],
                *map(_instant, (one["told_at"], one["deliver_by"], one["delivered_at"])),
            )
            for one in found["notices"]
        ]
        show.write("Notices", NOTICES, notices)
    if found["annotations"]:
        changed = [
            (_second(one["at"]), one["check"], ", ".join(one["what"]), one["agent"])
            for one in found["annotations"]
        ]
        show.write("Changes of its servers, from a day before", CHANGED, changed)
    if found["told"]:
        told = [
            (
                one["agent"],
                _second(one["at"]),
                one["kind"],
                one["cause"] or "-",
                _second(one["since"]),
                ", ".join(one["taken"]) or "nobody",
            )
            for one in found["told"]
        ]
        show.write("Told by agents while their line was lost", TOLD, told)
    return 0


def _facts(one: dict[str, Any]) -> Iterator[str]:
    """What no column holds, times in UTC."""
    answer, ruled = one["response"], one["ruled"]
    yield from one["feeds"]
    if answer is not None:
        late = ", overdue" if answer["overdue"] else ""
        yield f"Answer due {_second(answer['due_at'])} by its {answer['by']}{late}"
    if one["next"] is not None:
        what, rung = NEXT[one["next"]["kind"]], one["next"]["rung"]
        who = (
            "" if rung is None else f": rung {rung_of(rung)} of {rung['policy']} to {rung_to(rung)}"
        )
        yield f"Next {_second(one['next']['at'])}: {what}{who}"
    if ruled is not None:
        yield f"Ruled {ruled['ruling']}, by {ruled['by']}, {_second(ruled['at'])}"


def _report(to: Collector, args: argparse.Namespace) -> int:
    path = f"{API}/{args.key}"
    found = ask(to, f"{path}/report", "steps")
    notes = ask_all(to, f"{path}/notes", "notes")["notes"] if found["may_read_typed"] else None
    if args.json:
        print_json({**found, "notes": notes})
    else:
        sys.stdout.write(markdown(found, notes))
    return 0


def _notes(to: Collector, args: argparse.Namespace) -> int:
    found = ask_all(to, f"{API}/{args.key}/notes", "notes")
    if args.json:
        print_json(found)
        return 0
    rows = [
        (str(one["id"]), _second(one["at"]), one["by"], one["text"].replace("\n", " / "))
        for one in found["notes"]
    ]
    show.write("Notes" if rows else "No notes.", NOTES, rows)
    return 0


def _ack(to: Collector, args: argparse.Namespace) -> int:
    return _act(to, args, "acknowledge", {})


def _raise(to: Collector, args: argparse.Namespace) -> int:
    body = {"category": args.category, "reason": args.reason, "aware_on": args.aware_on}
    return _act(to, args, "category", body)


def _note(to: Collector, args: argparse.Namespace) -> int:
    return _act(to, args, "notes", {"text": _text(args.text_file)})


def _rule(to: Collector, args: argparse.Namespace) -> int:
    return _act(to, args, "rule", {"ruling": args.ruling, "text": _text(args.text_file)})


def _ending(path: str) -> Work:
    def work(to: Collector, args: argparse.Namespace) -> int:
        text = None if args.text_file is None else _text(args.text_file)
        return _act(to, args, path, {"text": text})

    return work


def _merge(to: Collector, args: argparse.Namespace) -> int:
    return _act(to, args, "merge", {"into": args.into})


def _act(to: Collector, args: argparse.Namespace, path: str, body: dict[str, Any]) -> int:
    found = act(to, f"{API}/{args.key}/{path}", "incident", body)
    if args.json:
        print_json(found)
        return 0
    show.write("Recorded", COLUMNS, [_row(found["incident"])])
    return 0


def _text(path: str | None) -> str:
    """Lines without the last one's end; UsageError."""
    if path is None and at_terminal():
        sys.stderr.write("Type the text; end it with Ctrl-D on a line of its own.\n")
    try:
        found = sys.stdin.read() if path is None else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("--text-file: write a file of text in UTF-8 that can be read") from None
    if not found.strip():
        raise UsageError("--text-file: nothing was typed, and nothing was sent")
    return found.rstrip("\n")


def _instant(instant: str | None) -> str:
    return "-" if instant is None else _second(instant)


def _second(instant: str) -> str:
    return instant[:19].replace("T", " ")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    acknowledged, by_rules = one["acknowledged"], one["rules_category"]
    category = str(one["category"])
    if one["category"] != by_rules:
        category += f" (rules: {by_rules})"
    return (
        one["key"],
        one["status"] + (f" into {one['merged_into']}" if one["merged_into"] else ""),
        one["priority"],
        category,
        ", ".join(one["causes"]),
        _second(one["started_at"]),
        "-" if acknowledged is None else acknowledged["by"],
    )
