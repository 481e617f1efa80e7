"""Renderings made in a process of their own: setting 200 systems takes 20 s and 1 GiB, which the
process that pages people has not to spare, and does not get back from the library.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from collector import child
from collector.attest import strictjson
from collector.attest.strictjson import Value


async def rendered(
    predicate: Mapping[str, Value], digests: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """As `render_all`. ChildError where nothing came of it, as where the host was out of memory."""
    asked = strictjson.write({"digests": {**(digests or {})}, "predicate": {**predicate}})
    said = await child.answer("collector.reports.rendering", asked)
    head, _, rest = said.partition(b"\n")
    found, at = {}, 0
    for name, length in json.loads(head):
        found[name] = rest[at : at + length]
        at += length
    return found
