"""A collector in which every kind of thing an auditor asks for has happened, and reading it back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from collector import journal
from collector.access.policy import Role
from collector.access.records import Act, Note, record
from collector.journal import Fact, canonical
from collector.store import typed as texts
from collector.store.store import Store
from tests.e2e.test_phi_canary import CANARIES
from tests.support.incidents import KEY, acted, outage, recovery
from tests.support.known import bearer
from tests.support.planning import Desk, plan
from tests.support.rounds import ORG, START, config, document

AUDITOR = bearer("auditor-1", Role.AUDITOR)
TYPED = f"seen by {CANARIES[0]}\nof {CANARIES[1]}"
FORMULA = '=HYPERLINK("http://192.0.2.1/")'
DAY = 86_400_000
RANGE = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"


def later_config() -> Any:
    """A system without a check whose name begins like a formula, one that is effective later, and
    another interval.
    """
    systems = document()["systems"]
    systems["lab"] = {"name": FORMULA, "impact": {"class": "point_of_care"}}
    systems["ris"] = systems["ehr"] | {"name": "RIS", "effective_from": "2026-06-01T00:00"}
    checks = document()["checks"]
    checks["ehr-read"]["every"] = "20s"
    checks["ris-read"] = checks["ehr-read"] | {"system": "ris"}
    contacts = {
        "anna": {"name": "Anna", "role": "engineering", "training": {"privacy": "2025-05-01"}}
    }
    return config(systems=systems, checks=checks, contacts=contacts)


async def story(desk: Desk) -> None:
    """An outage that people act on, a window and its approval, a correction, an agent's invitation,
    accesses, and another version of the file.
    """
    store, clock = desk.service.parts.store, desk.clock
    await outage(desk)
    await acted(desk, "acknowledge")
    await acted(desk, "notes", {"text": TYPED})
    await recovery(desk)
    await desk.approve(await desk.propose(plan()))
    asked = {
        "id": "c-1",
        "system": "ehr",
        "from": "2026-01-01T00:00:11Z",
        "to": "2026-01-01T00:00:21Z",
        "as": "excluded",
        "reason": "third_party",
        "ref": "INC-1",
    }
    status, said = await desk.post("corrections", asked)
    assert status == 200, said
    status, said = await desk.post("corrections/c-1/approve", {}, by="approver-1")
    assert status == 200, said
    drill = {"kind": "restore", "systems": ["ehr"], "at": "2025-12-14T09:00:00Z"}
    status, said = await desk.post("drills", drill | {"outcome": "passed", "ref": "CHG0044"})
    assert status == 200, said
    notes = [
        Note(Act.CREATED, "admin-1", {"account": "zoë", "kind": "person", "roles": ["viewer"]}),
        Note(
            Act.LOGIN, "zoë", {"account": "zoë", "by": "session", "id": "s1", "proof": "password"}
        ),
        Note(Act.LOGIN_FAILED, "system", {"account": "zoë", "failures": 1, "why": "code"}),
        Note(Act.ROLES, "admin-1", {"account": "zoë", "roles": ["operator"], "before": ["viewer"]}),
    ]
    await store.write(record, ORG, notes, clock.now_ms())
    key = {"agent": "south-9", "fingerprint": "ab" * 32, "by": "admin-1"}
    approved = Fact(
        "agent.approved", clock.now_ms(), canonical({**key, "replaces": ["cd" * 32]}), "admin-1"
    )
    await store.write(journal.append, ORG, [approved], clock.now_ms())
    await desk.load(later_config())


async def read(desk: Desk, query: str, headers: Mapping[str, str] = AUDITOR) -> bytes:
    """What `/api/v1/audit...` answers."""
    response = await desk.client.get(f"/api/v1/audit{query}", headers=headers)
    assert response.status == 200, await response.text()
    return await response.read()


async def to_day(desk: Desk, day: int) -> None:
    """Let the clock stand at the beginning of a day after the start."""
    await desk.clock.advance(START + day * DAY - desk.clock.now_ms())


def files(pack: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(pack)) as read_:
        return {name: read_.read(name) for name in read_.namelist()}


def kinds(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return [line["kind"] for line in lines]


async def typed(store: Store) -> bytes:
    """All that people typed, as it stands in its own table: what an export is searched for is there."""
    return "".join((await store.read(texts.read, ORG, KEY, 0, 10)).values()).encode()
