"""Records what an agent of this release sends: `python -m tests.wire.record NAME`.

One base64 line a batch in `fixtures/NAME.batches`, what else an agent signs in `NAME.others`, and
beside them what the collector must make of the batches. A recording is never written anew: bytes that were sent once stay what they were.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path

from tests.wire import story

FOLDER = Path(__file__).parent / "fixtures"


def _others() -> list[tuple[str, bytes]]:
    return sorted(story.record_others().items())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wire.record", description=__doc__)
    parser.add_argument("name", metavar="NAME", help="of the release, such as 0.2")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where (default: fixtures)")
    args = parser.parse_args()
    path = args.folder / f"{args.name}.batches"
    if path.exists():
        sys.stderr.write(f"{path}: is there already, and is never written anew\n")
        return 2
    lines = [base64.b64encode(data).decode() for data in story.record()]
    path.write_text("".join(f"{line}\n" for line in lines))
    others = [f"{kind} {base64.b64encode(data).decode()}\n" for kind, data in _others()]
    path.with_suffix(".others").write_text("".join(others))
    results = [json.dumps(one, sort_keys=True) for one in story.expected()]
    path.with_suffix(".results").write_text("".join(f"{line}\n" for line in results))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
