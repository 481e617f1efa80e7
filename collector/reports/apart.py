"""Renderings made in a process of their own: setting 200 systems takes 20 s and 1 GiB, which the
process that pages people has not to spare, and does not get back from the library.

`python -m collector.reports.apart` reads `{"digests", "predicate"}` and writes a line
`[[name, length], ...]` with the members behind it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping

from collector.attest import strictjson
from collector.attest.strictjson import Value
from collector.reports.render import render_all


class RenderError(Exception):
    """The process ended without a rendering; a negative number is the signal that ended it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"rendering ended with {code}")
        self.code = code


async def rendered(
    predicate: Mapping[str, Value], digests: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """As `render_all`. RenderError where nothing came of it, as where the host was out of memory."""
    asked = strictjson.write({"digests": {**(digests or {})}, "predicate": {**predicate}})
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "collector.reports.apart", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    try:
        said, _ = await process.communicate(asked)
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise RenderError(process.returncode)
    return _read(said)


def main() -> None:
    asked = json.load(sys.stdin.buffer)
    made = render_all(asked["predicate"], asked["digests"])
    out = sys.stdout.buffer
    out.write(json.dumps([[name, len(data)] for name, data in made.items()]).encode() + b"\n")
    for data in made.values():
        out.write(data)


def _read(said: bytes) -> dict[str, bytes]:
    head, _, rest = said.partition(b"\n")
    found, at = {}, 0
    for name, length in json.loads(head):
        found[name] = rest[at : at + length]
        at += length
    return found


if __name__ == "__main__":
    main()
