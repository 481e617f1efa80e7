"""Gathers a month's evidence from a store in a process of its own and tells what it is, by digests:
`python -m tests.support.gathered DATABASE FOLDER`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from pathlib import Path

from collector import journal
from collector.attesting.disk import OnDisk
from collector.attesting.gathering import Asked, gather
from collector.bundle import evidence as bundled
from collector.bundle.derive import derive
from collector.bundle.opening import open_evidence
from collector.facts import canonical
from collector.store.open import open_store
from collector.tlog import checkpoints, epochs, keyrows
from collector.tlog.epochs import Log
from collector.tlog.policytext import policy_text
from collector.versions import history
from tests.support.attested import CLOSED, DAY, FIRST, LAST
from tests.support.rounds import ORG


async def digests(database: str, folder: Path) -> dict[str, str]:
    """SHA-256 of each member with evidence, and of all that follows from them."""
    store = await open_store(database)
    try:
        epoch = await store.read(epochs.current, ORG, Log.EVIDENCE)
        final = await store.read(checkpoints.latest, ORG, Log.EVIDENCE)
        assert epoch is not None
        assert final is not None
        rows = await store.read(journal.rows, ORG, kind=journal.CONFIG)
        said = history(rows).latest.evidence_log
        assert said is not None
        known = await store.read(keyrows.read, ORG)
        policy = policy_text(known.keys, epoch.name, said)
        since = FIRST // DAY * DAY - DAY
        asked = Asked(ORG, epoch, ("ehr", "lab"), since, CLOSED, final, witnessed=False)

        async def tell(_done: int, _total: int) -> None:
            await asyncio.sleep(0)

        await gather(store, asked, folder, policy, tell)
    finally:
        await store.close()
    parts = OnDisk(folder)
    derived = derive(open_evidence(parts), bundled.Asked(FIRST, LAST, since, {}))
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in parts.names}
    return {**found, "derived": hashlib.sha256(canonical(derived)).hexdigest()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(digests(sys.argv[1], Path(sys.argv[2])))))
