"""The command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from collector.verifyscript.archive import Archive
from collector.verifyscript.failing import Failure
from collector.verifyscript.verifying import verify

_WRONG_USAGE = 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_WRONG_USAGE, f"verify.py: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = _Parser(
        prog="verify.py",
        description="Verify a Wardwatch availability attestation, with Python alone.",
        epilog="Exit codes: 0 verified; 1 the evidence contradicts the statement; 2 incomplete, "
        "untrusted or malformed; 3 called wrongly.",
    )
    parser.add_argument("bundle", metavar="BUNDLE.zip")
    parser.add_argument("--policy", help="whom you trust; left out: whom the bundle names")
    parser.add_argument("--since", metavar="CHECKPOINT", help="one of this log that you kept")
    asked = parser.parse_args(arguments)
    try:
        own = None if asked.policy is None else _file(asked.policy)
        since = None if asked.since is None else _file(asked.since)
        with open(asked.bundle, "rb") as file:
            verify(Archive(file), own, since, _said)
    except OSError as error:
        sys.stderr.write(f"verify.py: {error.filename}: {error.strerror}\n")
        return _WRONG_USAGE
    except Failure as failure:
        where = f" ({failure.where})" if failure.where else ""
        _said(f"NOT VERIFIED: {failure.code}{where}: {failure.kind}")
        return failure.exit_code
    return 0


def _file(name: str) -> bytes:
    with open(name, "rb") as file:
        return file.read(2 << 20)


def _said(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
