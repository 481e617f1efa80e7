"""`wardwatch openapi`: the description of the API, without a collector."""

from __future__ import annotations

import argparse
import sys

EXAMPLES = """\
Examples:
  wardwatch openapi > wardwatch-openapi.json

OpenAPI 3.1, the same that a collector of this version tells everybody at /api/v1/openapi.json.

Exit code: 0 printed, 2 bad usage.
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "openapi",
        help="print the OpenAPI document of the API",
        description="Print the OpenAPI document of the API; no collector is asked.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="the same: it is JSON always")
    parser.set_defaults(func=run)


def run(_args: argparse.Namespace) -> int:
    from collector.api.description import document  # noqa: PLC0415 - shapes of every route
    from collector.api.table import ROUTES  # noqa: PLC0415 - likewise

    sys.stdout.write(document(ROUTES).decode())
    return 0
