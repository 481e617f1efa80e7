"""The process that renders: `python -m collector.reports.rendering` is given `{"digests", "predicate"}`
and writes a line `[[name, length], ...]` with the members behind it.
"""

from __future__ import annotations

import json
import sys

from collector import child
from collector.reports.render import render_all


def main() -> None:
    asked = json.loads(child.given())
    made = render_all(asked["predicate"], asked["digests"])
    out = sys.stdout.buffer
    out.write(json.dumps([[name, len(data)] for name, data in made.items()]).encode() + b"\n")
    for data in made.values():
        out.write(data)


if __name__ == "__main__":
    main()
