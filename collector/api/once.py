"""Acts that a client may repeat without doing them twice: `Idempotency-Key`.

The answer is kept in the transaction of the act itself, so it is there exactly if the act is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from collector import journal, versions
from collector.api.problems import DeniedError
from collector.api.routes import Call
from collector.journal import Fact
from collector.store import idempotency
from collector.store.idempotency import Answered
from probes.history import History

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[A-Za-z0-9_-]{8,100}")

A = TypeVar("A")


async def act(
    call: Call[Any, Any],
    decide: Callable[[History, int], list[Fact]],
    shown: Callable[[History], A],
) -> A:
    """Record what `decide` makes of the history and the instant; what `shown` makes of it then."""
    parts = call.parts
    return await once(call, lambda conn: shown(versions.act(conn, parts.org, decide, parts.now)))


async def once(call: Call[Any, Any], work: Callable[[Connection], A]) -> A:
    """What `work` answers, done in one transaction; repeated under its key, what it answered."""
    key, request = call.request.headers.get(HEADER), _digest(call)
    if key is not None and not _KEY.fullmatch(key):
        raise DeniedError(400, "idempotency.key")
    parts, who = call.parts, call.who.account

    def whole(conn: Connection) -> A:
        # Whoever repeats waits here for the first one's commit.
        journal.hold(conn, parts.org)
        if key is not None:
            found = idempotency.find(conn, parts.org, who, key, parts.now())
            if found is not None and found.request == request:
                known: A = json.loads(found.body)
                return known
            if found is not None:
                raise DeniedError(409, "idempotency.reused")
        answer = work(conn)
        if key is not None:
            body = json.dumps(answer, ensure_ascii=False).encode()
            kept = Answered(request, 200, body)
            idempotency.keep(conn, parts.org, who, key, kept, parts.now())
        return answer

    answer = await parts.store.write(whole)
    parts.evaluator.wake()
    return answer


def _digest(call: Call[Any, Any]) -> str:
    asked = f"{call.request.method} {call.request.path}\n".encode("utf-8", "surrogatepass")
    return hashlib.sha256(asked + call.raw).hexdigest()
