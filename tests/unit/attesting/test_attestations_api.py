"""Attestations asked for by the API: who may, what is refused at once, and in which words."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from collector import journal
from collector.access.policy import Role
from collector.attesting.refusals import MEANINGS, Refusal
from collector.store import attestations
from collector.store.attestations import State
from collector.store.store import Store
from tests.support.attested import CLOSED, DAY, Attesting, attesting, two_systems
from tests.support.collectors import a_collector
from tests.support.rounds import ORG

URL = "/api/v1/attestations"
JANUARY = {"period": "2026-01"}
Answer = tuple[int, dict[str, Any]]


async def asked(
    made: Attesting, body: Mapping[str, Any], role: Role = Role.OPERATOR, key: str | None = None
) -> Answer:
    headers = await made.headers(f"some-{role.value}", role)
    if key is not None:
        headers["Idempotency-Key"] = key
    async with made.collector.client.post(URL, json=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def got(made: Attesting, path: str, role: Role = Role.AUDITOR) -> Answer:
    headers = await made.headers(f"some-{role.value}", role)
    async with made.collector.client.get(f"{URL}{path}", headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_what_is_asked_for_is_kept_and_told_with_how_far_it_is(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path, start=CLOSED) as made:
        status, one = await asked(made, JANUARY)
        assert (status, one["id"], one["state"], one["stage"]) == (
            200, "2026-01-1", "asked", "waiting",
        )  # fmt: skip
        assert (one["systems"], one["asked_by"]) == (["ehr", "lab"], "some-operator")
        assert (one["start"], one["end"]) == (
            "2026-01-01T06:00:00.000Z", "2026-02-01T06:00:00.000Z",
        )  # fmt: skip
        assert (await got(made, "/2026-01-1"))[1] == one
        assert (await got(made, ""))[1] == {"attestations": [one], "next": None}
        status, problem = await got(made, "/2026-01-1/bundle")
        assert (status, problem["code"]) == (409, "attestation.not_issued")
        assert (await got(made, "/2026-01-9"))[0] == 404
        assert await store.read(journal.rows, ORG, prefix="attestation.") == []


async def test_who_asks_for_the_same_gets_the_one_that_is_being_made(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path, start=CLOSED) as made:
        first = await asked(made, JANUARY, key="first-key")
        assert await asked(made, JANUARY, Role.ADMIN, key="second-key") == first
        both = {"period": "2026-01", "systems": ["lab", "ehr"]}
        assert await asked(made, both, Role.ADMIN) == first
        _, other = await asked(made, {"period": "2026-01", "systems": ["lab"]})
        assert other["id"] == "2026-01-2"
        assert len(await store.read(attestations.every, ORG)) == 2


async def test_an_open_period_is_refused_with_when_it_closes(store: Store, tmp_path: Path) -> None:
    async with attesting(store, tmp_path, start=CLOSED - DAY) as made:
        status, problem = await asked(made, JANUARY)
        assert (status, problem["code"]) == (409, "attestation.open")
        assert problem["closes_at"] == "2026-02-04T06:00:00.000Z"
        assert problem["detail"] == MEANINGS[Refusal.OPEN]


async def test_what_cannot_be_read_is_told_by_its_place(store: Store, tmp_path: Path) -> None:
    async with attesting(store, tmp_path, start=CLOSED) as made:
        status, problem = await asked(made, {"period": "month"})
        assert (status, problem["problems"][0]["path"]) == (400, "period")
        status, problem = await asked(made, {"period": "2026-01", "systems": ["ehr", "erh"]})
        assert (status, problem["problems"][0]["path"]) == (400, "systems[1]")
        assert problem["problems"][0]["message"] == "no system of this id in any version"
        status, problem = await asked(made, {"period": "2025-11"})
        assert (status, problem["code"]) == (409, "attestation.nothing")
        assert await store.read(attestations.every, ORG) == []


async def test_who_only_reads_asks_for_none_and_who_only_views_sees_none(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path, start=CLOSED) as made:
        for role in (Role.AUDITOR, Role.VIEWER, Role.APPROVER, Role.CLINICAL):
            assert (await asked(made, JANUARY, role))[1]["code"] == "access.denied"
        for role in (Role.VIEWER, Role.APPROVER, Role.CLINICAL):
            assert (await got(made, "", role))[1]["code"] == "access.denied"
        assert await store.read(attestations.every, ORG) == []


@pytest.mark.parametrize(
    ("signs", "has_folder", "code"),
    [(False, True, "attestation.no_log"), (True, False, "attestation.no_folder")],
)
async def test_without_a_key_or_a_folder_it_is_said_what_to_do(
    store: Store, tmp_path: Path, *, signs: bool, has_folder: bool, code: str
) -> None:
    used = two_systems() if signs else two_systems().model_copy(update={"evidence_log": None})
    folder, guard = (tmp_path if has_folder else None), tmp_path / "signed"
    async with a_collector(store, used, start=CLOSED, attestations=folder, log_guard=guard) as bare:
        headers = {"Authorization": f"Bearer {await bare.token('ops-1', Role.OPERATOR)}"}
        async with bare.client.post(URL, json=JANUARY, headers=headers) as answer:
            problem = await answer.json(content_type=None)
            assert (answer.status, problem["code"]) == (409, code)
            assert problem["detail"] == MEANINGS[Refusal(code)]


async def test_a_log_that_nobody_signs_is_a_reason_that_is_told(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(store, tmp_path, start=CLOSED) as made:
        await asked(made, JANUARY)
        for _ in range(5):
            await made.month.evaluator.step()
        stepping = asyncio.create_task(made.collector.service.parts.attesting.step())
        while not stepping.done():
            await made.collector.clock.advance(10_000)
            await asyncio.sleep(0.001)
        assert await stepping
        _, one = await got(made, "/2026-01-1")
        assert (one["state"], one["reason"]) == ("refused", "attestation.no_checkpoint")
        assert one["meaning"] == MEANINGS[Refusal.NO_CHECKPOINT]
        (row,) = await store.read(attestations.every, ORG)
        assert row.state is State.REFUSED
