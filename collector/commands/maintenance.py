"""`wardwatch maintenance`: planned windows, what they exclude and why, and acts on them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from collector import planning
from collector.client import add_url, an_id
from collector.core.preview import MOST

EXAMPLES = """\
Examples:
  wardwatch maintenance preview --config wardwatch.yaml
  wardwatch maintenance propose upgrade.yaml
  wardwatch maintenance approve upgrade --digest 3f5a90c1d2e4 --ref CHG0031

Who acts is who is logged in. Operators propose, approvers approve, and nobody approves what they
proposed.
"""
CODES = """
Exit code: 0 done, 1 refused by the collector, 2 bad usage or file, 3 the collector does not answer,
4 not logged in or not allowed.
"""
LIST = """\
Examples:
  wardwatch maintenance list
  wardwatch maintenance list --from 2026-03-01T00:00 --to 2026-04-01T00:00 --json
"""
PREVIEW = """\
Examples:
  wardwatch maintenance preview upgrade.yaml
  wardwatch maintenance preview weekday-early --next 10
  wardwatch maintenance preview --config wardwatch.yaml weekday-early

Minutes are real ones: a window from 02:00 to 04:00 has 60 on a US spring night. Nothing is
recorded. With --config no collector is asked; without a name every window of the file is shown.
"""
PROPOSE = """\
Examples:
  wardwatch maintenance propose upgrade.yaml
  wardwatch maintenance propose upgrade.yaml --replace

The file has `maintenance:` and a list of windows as in the operator's file, without `proposed`
and `approval`. All of them are recorded or none.
"""
APPROVE = """\
Examples:
  wardwatch maintenance preview upgrade
  wardwatch maintenance approve upgrade --digest 3f5a90c1d2e4 --ref CHG0031

The digest is what preview and list show: an approval covers exactly the content you have seen.
It counts from now; an occurrence that has begun stays in.
"""
CANCEL = """\
Examples:
  wardwatch maintenance cancel upgrade

Occurrences that start from now on do not count. A cancelled id stays cancelled.
"""
FINISH = """\
Examples:
  wardwatch maintenance finish upgrade

The running occurrence ends now.
"""
IMPORT = """\
Examples:
  wardwatch maintenance import changes.ics --config wardwatch.yaml
  wardwatch maintenance import changes.ics --propose

An event names its systems: X-WARDWATCH-SYSTEMS:ehr,portal (and X-WARDWATCH-EXPECT-DOWN:30m). What
a window cannot hold is listed as a problem of its event, and then nothing is proposed. Changed
and gone windows are listed only; an approval in a calendar is none here.

Exit code: 0 nothing differs or all new ones are proposed, 1 something differs or is refused,
2 bad usage, file or event, 3 the collector does not answer, 4 not logged in or not allowed.
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "maintenance",
        help="plan windows, approve them, see what they exclude",
        description="Planned windows: what they exclude and why, and acts on them.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = _action(actions, "list", planning.run_list, "list windows and occurrences", LIST)
    listed.add_argument("--from", dest="start", metavar="T", help="from when (default: now)")
    listed.add_argument("--to", dest="end", metavar="T", help="to when (default: 30 days later)")
    shown = _action(actions, "preview", planning.run_preview, "show the next occurrences", PREVIEW)
    shown.add_argument("name", nargs="?", metavar="FILE_OR_ID", help="a file, or a known window")
    shown.add_argument(
        "--config", metavar="FILE", help="the operator's file, instead of a collector"
    )
    shown.add_argument("--from", dest="start", metavar="T", help="from when (default: now)")
    shown.add_argument(
        "--next", type=int, default=5, metavar="N", help=f"how many, to {MOST} (default 5)"
    )
    proposed = _action(actions, "propose", planning.run_propose, "propose windows", PROPOSE)
    proposed.add_argument("file", metavar="FILE", help="windows, YAML")
    proposed.add_argument(
        "--replace", action="store_true", help="new content for windows that were proposed before"
    )
    approved = _action(actions, "approve", planning.run_approve, "approve a window", APPROVE)
    _on_one(approved)
    approved.add_argument(
        "--digest", required=True, metavar="HEX", help="12 digits or more of its digest"
    )
    _on_one(_action(actions, "cancel", planning.run_cancel, "cancel a window", CANCEL))
    _on_one(_action(actions, "finish", planning.run_finish, "end what is running", FINISH))
    read = _action(actions, "import", planning.run_import, "compare a change calendar", IMPORT)
    read.add_argument("file", metavar="FILE.ics", help="the calendar")
    read.add_argument(
        "--config", metavar="FILE", help="the operator's file, instead of a collector"
    )
    read.add_argument("--propose", action="store_true", help="propose what is new")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    about: str,
    examples: str,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog=examples if "Exit code" in examples else f"{examples}{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_url(parser)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(func=run)
    return parser


def _on_one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=an_id, metavar="ID", help="the window")
    parser.add_argument("--ref", metavar="REF", help="number of a change or ticket")
