"""Agents that enrol at a collector under test: what each of them sends, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.access.policy import Role
from probes import agentkeys
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.collectors import Collector
from tests.support.rounds import ORG, result

BATCH = {"Content-Type": "application/vnd.wardwatch.batch"}


@dataclass
class Holder:
    """Somebody with a key who says to be an agent."""

    key: Ed25519PrivateKey
    agent: str = "north-1"

    @property
    def text(self) -> str:
        return agentkeys.text_of(self.key.public_key())

    @property
    def fingerprint(self) -> str:
        return agentkeys.fingerprint(self.text)

    def enrolling(self, token: str, at: int) -> dict[str, Any]:
        statement = agentkeys.enrolment(agentkeys.secret_hash(token), self.agent, self.text, at)
        proof = agentkeys.sign(self.key, statement)
        return {
            "token": token,
            "agent": self.agent,
            "key": self.text,
            "at": at,
            "proof": proof,
        }

    def rotating(self, to: Holder, at: int) -> dict[str, Any]:
        statement = agentkeys.rotation(ORG, self.agent, self.text, to.text, at)
        return {
            "agent": self.agent,
            "old": self.text,
            "new": to.text,
            "at": at,
            "by_old": agentkeys.sign(self.key, statement),
            "by_new": agentkeys.sign(to.key, statement),
        }

    def batch(self, seq: int, at: int = 0, outcome: Outcome = Outcome.UP) -> bytes:
        """`at`: ms after the start."""
        return seal(self.key, ORG, self.agent, "e1", seq, [result(at, outcome)])


def holder(name: str, agent: str = "north-1") -> Holder:
    """The same key for the same name."""
    return Holder(Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)), agent)


@dataclass
class Office:
    """An admin at a collector, and what agents post to it."""

    collector: Collector
    headers: dict[str, str]

    @property
    def now(self) -> int:
        return self.collector.clock.now_ms()

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.collector.client.get(f"/api/v1/{path}", headers=self.headers)
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found

    async def post(self, path: str, body: Any = None, **more: str) -> tuple[int, dict[str, Any]]:
        """What an admin does: status and answer."""
        answer = await self.collector.client.post(
            f"/api/v1/{path}", json=body or {}, headers=self.headers | more
        )
        return answer.status, await answer.json(content_type=None)

    async def ask(self, path: str, body: Any) -> tuple[int, str]:
        """What an agent asks: status, and state or code."""
        answer = await self.collector.client.post(f"/agent/v1/{path}", json=body)
        found = await answer.json(content_type=None)
        return answer.status, found.get("code") or found["state"]

    async def deliver(self, data: bytes) -> tuple[int, str]:
        answer = await self.collector.client.post("/agent/v1/batches", data=data, headers=BATCH)
        return answer.status, (await answer.json(content_type=None)).get("code", "")

    async def invite(self, agent: str = "north-1") -> str:
        status, made = await self.post(f"agents/{agent}/invite")
        assert status == 200, made
        token: str = made["token"]
        return token

    async def approve(self, who: Holder) -> tuple[int, str]:
        body = {"fingerprint": who.fingerprint}
        status, found = await self.post(f"agents/{who.agent}/approve", body)
        return status, found.get("code") or found["state"]

    async def revoke(self, who: Holder, reason: str = "stolen") -> tuple[int, str]:
        body = {"fingerprint": who.fingerprint, "reason": reason}
        status, found = await self.post(f"agents/{who.agent}/revoke", body)
        return status, found.get("code") or found["key"]["state"]

    async def enrolled(self, who: Holder) -> None:
        """Invited, enrolled and approved."""
        token = await self.invite(who.agent)
        assert await self.ask("enrol", who.enrolling(token, self.now)) == (200, "pending")
        assert await self.approve(who) == (200, "approved")


async def an_office(collector: Collector) -> Office:
    secret = await collector.token("ann", Role.ADMIN)
    return Office(collector, {"Authorization": f"Bearer {secret}"})
