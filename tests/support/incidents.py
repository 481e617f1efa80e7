"""Incidents that people act on: of a collector without its own loops."""

from __future__ import annotations

from typing import Any

from collector.access.policy import Role
from probes.contract import Outcome
from tests.support.known import bearer
from tests.support.planning import Desk
from tests.support.rounds import START, result

UP, DOWN = Outcome.UP, Outcome.DOWN
KEY = f"ehr.availability.{START + 11_000}"
"""Of category 3."""
NURSE = bearer("nurse-1", Role.CLINICAL)
ADMIN = bearer("admin-1", Role.ADMIN)
SERVICE = bearer("svc-1", Role.OPERATOR)


async def outage(desk: Desk) -> None:
    """Up at 1 s, down at 11 s and 21 s; looked at 31 s after the start, a second ago."""
    await desk.clock.advance(30_000)
    await desk.send([result(1_000, UP), result(11_000, DOWN), result(21_000, DOWN)], seq=1)
    await desk.service.parts.evaluator.step()
    await desk.clock.advance(1_000)


async def recovery(desk: Desk, *, since: int = 31_000, seq: int = 2) -> None:
    """Up every 10 s from `since` on for longer than `recover_for`; looked at once."""
    times = range(since, since + 80_000, 10_000)
    elapsed = desk.clock.now_ms() - START
    await desk.clock.advance(max(0, since + 85_000 - elapsed))
    await desk.send([result(t, UP) for t in times], seq=seq)
    await desk.service.parts.evaluator.step()
    await desk.clock.advance(1_000)


async def acted(
    desk: Desk, path: str, body: dict[str, Any] | None = None, *, by: Any = "ann", key: str = KEY
) -> dict[str, Any]:
    """The incident after an act that is done; `by`: an account or headers."""
    status, answer = await _post(desk, path, body, by, key)
    assert status == 200, answer
    found: dict[str, Any] = answer["incident"]
    return found


async def refused(
    desk: Desk, path: str, body: dict[str, Any] | None = None, *, by: Any = "ann", key: str = KEY
) -> tuple[int, str, str | None]:
    """Status, code and the state that is named."""
    status, answer = await _post(desk, path, body, by, key)
    assert status >= 400, answer
    return status, answer["code"], answer.get("state")


async def _post(
    desk: Desk, path: str, body: dict[str, Any] | None, by: Any, key: str
) -> tuple[int, dict[str, Any]]:
    headers = None if isinstance(by, str) else by
    name = by if isinstance(by, str) else "ann"
    return await desk.post(f"incidents/{key}/{path}", body or {}, headers, by=name)
