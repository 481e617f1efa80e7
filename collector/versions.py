"""Config versions: recorded in the journal when a file is loaded, in force from then on.

The YAML owns windows, so proposals, approvals and cancellations come with the version that has
them. What counts is when they were *recorded* (semantics 4): a claimed time is moved to the
recording of the first version that has exactly this window with exactly this act.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from sqlalchemy import Connection

from collector import journal
from collector.journal import CONFIG, Fact, Row
from probes import times
from probes.config import Act, Config, Window
from probes.history import History, Version


def record(conn: Connection, org: str, canonical: bytes, now: int) -> bool:
    """Append a config's canonical bytes unless they are the latest version already."""
    known = journal.rows(conn, org, kind=CONFIG)
    if known and known[-1].data == canonical:
        return False
    # Versions are ordered by their instants, so a host clock set back must not reorder them.
    at = max(now, known[-1].recorded_at + 1) if known else now
    journal.append(conn, org, [Fact(CONFIG, at, canonical)], at)
    return True


def history(rows: Sequence[Row]) -> History:
    """The versions in force, acts at the time they count from. At least one row is needed."""
    seen: dict[tuple[str, str], int] = {}
    versions: list[Version] = []
    for row in rows:
        config = Config.model_validate(json.loads(row.data))
        windows = tuple(_recorded(w, row.recorded_at, config, seen) for w in config.maintenance)
        versions.append(
            Version(row.recorded_at, config.model_copy(update={"maintenance": windows}))
        )
    return History(versions)


def _recorded(
    window: Window, recorded_at: int, config: Config, seen: dict[tuple[str, str], int]
) -> Window:
    content = window.model_copy(update={"approval": None, "cancelled": None, "finished": ()})
    digest = hashlib.sha256(content.model_dump_json().encode()).hexdigest()

    def counting(act: Act | None, name: str) -> Act | None:
        if act is None:
            return None
        key = (digest, f"{name} {act.model_dump_json()}")
        at = seen.setdefault(key, recorded_at)
        return act if config.ms(act.at) >= at else act.model_copy(update={"at": times.from_ms(at)})

    return window.model_copy(
        update={
            "approval": counting(window.approval, "approval"),
            "cancelled": counting(window.cancelled, "cancelled"),
        }
    )
