"""Questions and answers of one SFTP session, and what a refusal says. IO is two callables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from probes.contract import Outcome
from probes.net import NetFailure
from probes.reasons import Reason
from probes.wire import sftp
from probes.wire.sftp import Answer, Decoder, Entry, Hello, Request, Said, SftpError, Status

A = TypeVar("A")
MOST_ENTRIES = 100_000
"""Listed in one session, of all folders together."""
_BROKEN = (Outcome.DOWN, Reason.SFTP_PROTOCOL)
_REFUSED = {
    Status.NO_SUCH_FILE: (Outcome.MISCONFIGURED, Reason.SFTP_NO_FOLDER),
    Status.PERMISSION_DENIED: (Outcome.MISCONFIGURED, Reason.SFTP_PERMISSION),
}


class Refused(Exception):  # noqa: N818 - a verdict on one request; the session goes on
    """What the server said to one request, as a verdict."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.outcome, self.reason = _REFUSED.get(
            Status(code) if code in _REFUSED else Status.FAILURE,
            (Outcome.DOWN, Reason.SFTP_FAILURE),
        )
        super().__init__(self.reason.value)


class Session:
    """Used by one run. `receive` gives what has come, `b""` at the end; both raise NetFailure."""

    def __init__(
        self, send: Callable[[bytes], None], receive: Callable[[], Awaitable[bytes]]
    ) -> None:
        self._send = send
        self._receive = receive
        self._decoder = Decoder()
        self._asked = 0
        self._room = MOST_ENTRIES

    async def begin(self) -> None:
        """Agree on version 3."""
        self._send(sftp.hello())
        answer = await self._next(Reason.SFTP_NO_SFTP)
        if not isinstance(answer, Hello) or answer.version < sftp.VERSION:
            raise NetFailure(*_BROKEN)

    async def ask(self, *requests: Request) -> list[Answer]:
        """All at once; the answers in the order of the requests."""
        if not requests:
            return []
        first = self._asked + 1
        self._asked += len(requests)
        self._send(b"".join(request(first + n) for n, request in enumerate(requests)))
        found: dict[int, Answer] = {}
        while len(found) < len(requests):
            answer = await self._next(Reason.SFTP_CLOSED)
            if (
                isinstance(answer, Hello)
                or answer.id in found
                or not first <= answer.id <= self._asked
            ):
                raise NetFailure(*_BROKEN)
            found[answer.id] = answer
        return [found[first + n] for n in range(len(requests))]

    async def one(self, request: Request, kind: type[A]) -> A:
        """The answer of this type; raises Refused, or NetFailure for another."""
        return expected((await self.ask(request))[0], kind)

    async def done(self, request: Request) -> None:
        """Raises Refused unless it was said to be done."""
        said = await self.one(request, Said)
        if said.code != Status.OK:
            raise Refused(said.code)

    async def folder(self, path: str, take: Callable[[tuple[Entry, ...]], None]) -> bool:
        """Hand what is in it to `take`; True: there is more than is listed. Raises Refused."""
        handle = (await self.one(sftp.open_folder(path.encode()), sftp.Handle)).handle
        while self._room > 0:
            answer = (await self.ask(sftp.read_folder(handle)))[0]
            if isinstance(answer, Said) and answer.code == Status.EOF:
                break
            entries = expected(answer, sftp.Names).entries
            take(tuple(one for one in entries[: self._room] if one.name not in (b".", b"..")))
            self._room -= max(len(entries), 1)  # a server that lists nothing for ever ends, too
        await self.ask(sftp.close(handle))
        return self._room <= 0

    async def _next(self, at_end: Reason) -> Answer | Hello:
        while True:
            try:
                answer = self._decoder.next_answer()
            except SftpError:
                raise NetFailure(*_BROKEN) from None
            if answer is not None:
                return answer
            data = await self._receive()
            if not data:
                outcome = Outcome.MISCONFIGURED if at_end is Reason.SFTP_NO_SFTP else Outcome.DOWN
                raise NetFailure(outcome, at_end)
            self._decoder.receive(data)


def expected(answer: Answer, kind: type[A]) -> A:
    if isinstance(answer, kind):
        return answer
    if isinstance(answer, Said) and answer.code != Status.OK:
        raise Refused(answer.code)
    raise NetFailure(*_BROKEN)
