"""Canary targets over real sockets: is it our own network?"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent import canaries
from agent.canaries import Canaries, Target
from probes.clock import SystemClock
from probes.net import Network


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def counted() -> AsyncIterator[tuple[int, list[int]]]:
    came: list[int] = []

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(1)
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], came


UNROUTED = Target("255.255.255.255", 9)
"""The kernel itself has no way there."""


def build(*targets: Target) -> Canaries:
    clock = SystemClock()
    return Canaries(targets, Network(clock), clock)


async def test_one_that_answers_is_enough_and_a_refusal_is_an_answer() -> None:
    async with counted() as (port, came):
        assert not await build(UNROUTED, Target("127.0.0.1", port)).lost_since(0)
        await asyncio.sleep(0.05)
        assert came == [1]
    assert not await build(UNROUTED, Target("127.0.0.1", free_port())).lost_since(0)


async def test_only_when_nobody_answers_it_is_our_network() -> None:
    canary = build(UNROUTED, Target("no-such-name.invalid", 443))
    assert await canary.lost_since(0)
    assert canary.lost


async def test_without_canaries_nothing_is_known_of_our_network() -> None:
    assert not await build().lost_since(0)


async def test_who_asks_at_the_same_time_shares_one_look() -> None:
    async with counted() as (port, came):
        canary = build(Target("127.0.0.1", port))
        answers = await asyncio.gather(*(canary.lost_since(0) for _ in range(50)))
        await asyncio.sleep(0.05)
    assert not any(answers)
    assert came == [1]


async def test_a_look_that_found_nobody_speaks_for_what_began_before_it_and_not_for_later() -> None:
    clock = SystemClock()
    canary = build(UNROUTED)
    began = clock.monotonic_ns()
    assert await canary.lost_since(began)
    async with counted() as (port, _):
        canary._targets = (Target("127.0.0.1", port),)
        assert await canary.lost_since(began)  # it was so while the attempt ran
        assert not await canary.lost_since(clock.monotonic_ns())


async def test_a_black_hole_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canaries, "TIMEOUT_MS", 50)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(1)]
        canary = build(Target("127.0.0.1", port))
        assert await canary.lost_since(0)
        for sock in held:
            sock.close()


async def test_a_name_is_asked_of_the_hosts_own_resolver() -> None:
    async def resolve(host: str, _port: int) -> list[ipaddress.IPv4Address]:
        assert host == "core-switch.example.org"
        return [ipaddress.IPv4Address("127.0.0.1")]

    clock = SystemClock()
    async with counted() as (port, _):
        network = Network(clock, resolver=resolve)
        canary = Canaries([Target("core-switch.example.org", port)], network, clock)
        assert not await canary.lost_since(0)
