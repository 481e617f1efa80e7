"""One question for what many want, and nothing kept beyond its end."""

from __future__ import annotations

import asyncio

import pytest

from probes.clock import ManualClock
from probes.sockets import Deadline
from probes.tokens import Flights, Token

Answer = tuple[Token | None, str]


class Server:
    """Answers when told to; counts how often it was asked."""

    def __init__(self, *answers: Answer | BaseException) -> None:
        self.asked = 0
        self.go = asyncio.Event()
        self._answers = answers

    async def __call__(self) -> Answer:
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        await self.go.wait()
        if isinstance(answer, BaseException):
            raise answer
        return answer


def token(text: str = "a", until_s: int = 270) -> Token:
    return Token(text, until_s * 1_000_000_000)


async def test_fifty_that_want_it_at_once_ask_once() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server((token(), "told"))
    deadline = Deadline(clock, 5_000)
    wanting = [asyncio.create_task(flights.get("k", clock, deadline, server)) for _ in range(50)]
    await asyncio.sleep(0)
    server.go.set()
    found = await asyncio.gather(*wanting)
    assert server.asked == 1
    assert [mine for _, _, mine in found] == [True] + [False] * 49
    assert {value.text for value, _, _ in found if value is not None} == {"a"}
    assert await flights.get("k", clock, deadline, server) == (token(), None, False)


async def test_different_questions_are_asked_apart() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server((token(), ""))
    server.go.set()
    for key in (("url", "abc"), ("url", "abd")):
        await flights.get(key, clock, Deadline(clock, 5_000), server)
    assert server.asked == 2


async def test_a_refusal_is_everybodys_and_is_not_kept() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server((None, "no"), (token(), "yes"))
    deadline = Deadline(clock, 5_000)
    wanting = [asyncio.create_task(flights.get("k", clock, deadline, server)) for _ in range(3)]
    await asyncio.sleep(0)
    server.go.set()
    assert await asyncio.gather(*wanting) == [
        (None, "no", True), (None, "no", False), (None, "no", False),
    ]  # fmt: skip
    assert await flights.get("k", clock, deadline, server) == (token(), "yes", True)
    assert server.asked == 2


async def test_it_is_asked_for_anew_at_its_end_and_not_before() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server((token(until_s=270), ""))
    server.go.set()
    await flights.get("k", clock, Deadline(clock, 5_000), server)
    await clock.advance(269_999)
    await flights.get("k", clock, Deadline(clock, 5_000), server)
    assert server.asked == 1
    await clock.advance(1)
    await flights.get("k", clock, Deadline(clock, 5_000), server)
    assert server.asked == 2


async def test_what_ends_at_once_serves_those_who_wait_and_no_more() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server((token(until_s=-1), ""))
    deadline = Deadline(clock, 5_000)
    wanting = [asyncio.create_task(flights.get("k", clock, deadline, server)) for _ in range(3)]
    await asyncio.sleep(0)
    server.go.set()
    assert {value for value, _, _ in await asyncio.gather(*wanting)} == {token(until_s=-1)}
    assert server.asked == 1
    await flights.get("k", clock, deadline, server)
    assert server.asked == 2


async def test_only_the_value_that_was_refused_is_dropped() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server((token("old"), ""), (token("new"), ""))
    server.go.set()
    deadline = Deadline(clock, 5_000)
    old, _, _ = await flights.get("k", clock, deadline, server)
    assert old is not None
    flights.drop("k", old)
    new, _, _ = await flights.get("k", clock, deadline, server)
    flights.drop("k", old)
    assert (await flights.get("k", clock, deadline, server))[0] is new
    flights.drop("k")
    assert (await flights.get("k", clock, deadline, server))[2]


@pytest.mark.parametrize("end", [asyncio.CancelledError(), RuntimeError("defect")])
async def test_who_waits_asks_when_the_one_who_asked_gives_up(end: BaseException) -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server(end, (token(), "yes"))
    deadline = Deadline(clock, 5_000)
    wanting = [asyncio.create_task(flights.get("k", clock, deadline, server)) for _ in range(3)]
    await asyncio.sleep(0)
    server.go.set()
    first, *others = await asyncio.gather(*wanting, return_exceptions=True)
    assert type(first) is type(end)
    assert others == [(token(), "yes", True), (token(), None, False)]
    assert server.asked == 2


async def test_a_wait_ends_with_the_time_of_the_one_who_waits() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server((token(), ""))
    asking = asyncio.create_task(flights.get("k", clock, Deadline(clock, 5_000), server))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await flights.get("k", clock, Deadline(clock, 0), server)
    server.go.set()
    assert (await asking)[2]
    assert server.asked == 1


async def test_time_that_ran_out_for_the_one_who_asked_is_not_that_of_the_others() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    server = Server((None, "too late"), (token(), "yes"))
    short = asyncio.create_task(flights.get("k", clock, Deadline(clock, 100), server))
    await asyncio.sleep(0)
    long = asyncio.create_task(flights.get("k", clock, Deadline(clock, 5_000), server))
    await asyncio.sleep(0)
    await clock.advance(100)
    server.go.set()
    assert await short == (None, "too late", True)
    assert await long == (token(), "yes", True)


async def test_a_token_is_not_shown_and_what_has_ended_is_forgotten() -> None:
    clock, flights = ManualClock(), Flights[Token, str]()
    assert repr(token("secret-token")) == "Token(until_ns=270000000000)"
    flights.put("a", token("a", 1), clock)
    await clock.advance(1_000)
    flights.put("b", token("b", 9), clock)
    assert list(flights._kept) == ["b"]
