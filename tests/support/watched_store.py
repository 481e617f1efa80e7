"""A collector under observation: which batches its store has taken, and which results were folded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from collector import chainlinks
from collector.evidence import Evidence, Page
from collector.store.ledger import Verdict
from collector.store.shortform import Row, exact
from collector.store.store import Store, StoreFault, StoreUnavailableError
from tests.support.evidence_laws import Folded, History

P = ParamSpec("P")
T = TypeVar("T")


class WatchedStore:
    """Writes every batch that was stored into the history. `fails` is asked before and after each
    commit of batches: the first is a commit that did not happen, the second one whose answer is lost.
    """

    def __init__(
        self, store: Store, history: History, fails: Callable[[], bool] = lambda: False
    ) -> None:
        self._store = store
        self._history = history
        self._fails = fails

    @property
    def single_process(self) -> bool:
        return self._store.single_process

    @property
    def fault(self) -> StoreFault | None:
        return self._store.fault

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        takes_batches = fn is chainlinks.insert
        if takes_batches and self._fails():
            raise StoreUnavailableError(StoreFault.BUSY)
        done = await self._store.write(fn, *args, **kwargs)
        if takes_batches:
            self._stored(args, done)
            if self._fails():
                raise StoreUnavailableError(StoreFault.UNREACHABLE)
        return done

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._store.read(fn, *args, **kwargs)

    async def close(self) -> None:
        await self._store.close()

    def _stored(self, args: Any, receipts: Any) -> None:
        org, incoming, _clock, *_ = args
        for one, receipt in zip(incoming, receipts, strict=True):
            if receipt.verdict is Verdict.STORED:
                place = Row(org, one.agent, one.epoch, one.seq, one.first_t, one.last_t)
                self._history.stored(exact(one.form, place))


def watch_folds(evidence: Evidence, history: History, life: int) -> None:
    """From here on every result that is handed to the truth goes into the history."""
    read = evidence.read

    def watched(page: Page) -> None:
        history.add(
            *(Folded(life, r.agent, r.check, r.t) for line in page.lines.values() for r in line)
        )
        read(page)

    evidence.read = watched  # type: ignore[method-assign]  # what it is handed is what counts
