"""What of `evidence_log` only several of its values show: one key twice, more asked for than there are.

Works on the raw document, like `configchecks.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from probes.wire import vkey
from probes.wire.vkey import VkeyError
from probes.yamlfile import Document, Problem

_NUMBER = re.compile(r"[0-9]{1,6}")
NONE = "none"
"""What a policy file calls a quorum of nobody (C2SP tlog-policy): no witness has this name."""


def log_problems(document: Document) -> Iterator[Problem]:
    data = document.data if isinstance(document.data, dict) else {}
    log = data.get("evidence_log")
    if not isinstance(log, dict):
        return
    yield from _keys(document, log.get("keys"))
    witnesses = log.get("witnesses", {})
    if isinstance(witnesses, dict):
        yield from _witnesses(document, witnesses)
        yield from _quorum(document, log.get("quorum"), len(witnesses))


def _keys(document: Document, keys: Any) -> Iterator[Problem]:
    seen: list[Any] = []
    for number, key in enumerate(keys if isinstance(keys, list) else ()):
        if key in seen:
            yield document.problem(("evidence_log", "keys", number), "the same key a second time")
        seen.append(key)


def _witnesses(document: Document, witnesses: dict[str, Any]) -> Iterator[Problem]:
    seen: set[bytes] = set()
    for name, witness in witnesses.items():
        path = ("evidence_log", "witnesses", name)
        if name == NONE:
            message = "`none` means nobody in a policy file; call the witness something else"
            yield document.problem(path, message)
        try:
            _, _, public = vkey.read(witness["key"])
        except (TypeError, KeyError, AttributeError, VkeyError):
            continue  # the model says so
        if public in seen:
            message = "the key of another witness: one witness is to count once"
            yield document.problem((*path, "key"), message)
        seen.add(public)


def _quorum(document: Document, quorum: Any, witnesses: int) -> Iterator[Problem]:
    if isinstance(quorum, str) and _NUMBER.fullmatch(quorum) and int(quorum) > witnesses:
        message = f"more than there are witnesses: at most {witnesses}"
        yield document.problem(("evidence_log", "quorum"), message)
