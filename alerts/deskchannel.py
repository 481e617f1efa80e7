"""A channel of a receiver that is asked for our key: delivery, comparison and adoption, an attempt each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from alerts.calls import as_ticket, attempt
from alerts.channel import ChannelEnv, Receipt
from alerts.filing import Desk, Marking, adopt, file, look
from alerts.outbox import Message
from alerts.reconcile import Adoption, Last, Looked, May
from alerts.ticket import Ticket


class MarkingDesk(Desk, Marking, Protocol):
    """A receiver during one attempt, whose tickets can be given our key."""


class DeskChannel:
    """`sign_in` makes the desk of one attempt, with the secret as it is then; FailedError where there
    is none. Milliseconds.
    """

    def __init__(
        self,
        env: ChannelEnv,
        timeout: int,
        index_delay: int,
        sign_in: Callable[[], MarkingDesk],
    ) -> None:
        self.index_delay = index_delay
        self._env = env
        self._timeout = timeout
        self._sign_in = sign_in

    async def deliver(self, message: Message) -> Receipt:
        return await attempt(self._deliver(as_ticket(self._env, message)), self._timeout)

    async def reconcile(self, message: Message, last: Last, may: May) -> Looked | Receipt:
        ticket = as_ticket(self._env, message)
        return await attempt(look(self._sign_in, ticket, last, may), self._timeout)

    async def adopt(
        self, name: str, key: str, may: Callable[[], Awaitable[bool]]
    ) -> Adoption | Receipt:
        return await attempt(adopt(self._sign_in, name, key, may), self._timeout)

    async def _deliver(self, ticket: Ticket) -> Receipt:
        return await file(self._sign_in(), ticket)
