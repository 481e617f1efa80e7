"""The collector's parts as the dead-man's switch sees them: how far each has come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from alerts.delivery import Delivery
from alerts.outbox import OutboxStore
from collector.evaluate import Evaluator
from collector.heartbeat import Watched
from collector.ingest import Ingest
from collector.progress import Marks, Part
from collector.store.store import StoreUnavailableError

READ_S = 10.0
"""A store that takes longer to say what waits does not say it."""


def watched(
    ingest: Ingest, evaluator: Evaluator, delivery: Delivery, outbox: OutboxStore
) -> Watched:
    async def marks() -> Marks:
        return Marks(
            ingest=ingest.commits,
            evaluation=evaluator.commits,
            due=evaluator.due,
            lanes=dict(delivery.lanes),
            waiting=await _waiting(outbox),
        )

    def ask(held: tuple[Part, ...]) -> None:
        if Part.INGEST in held:
            ingest.prove()
        if Part.EVALUATION in held:
            evaluator.prove()
        if Part.OUTBOX in held:
            delivery.wake()

    return Watched(lambda: evaluator.leads, marks, ask)


async def _waiting(outbox: OutboxStore) -> Mapping[str, int] | None:
    """When each receiver's next message is due; None where the store does not say."""
    try:
        async with asyncio.timeout(READ_S):
            found = {name: await outbox.next_at(name) for name in await outbox.receivers()}
    except (StoreUnavailableError, TimeoutError):
        return None
    return {name: at for name, at in found.items() if at is not None}
