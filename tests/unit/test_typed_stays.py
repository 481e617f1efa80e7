"""What people type may name a patient, whatever we ask for: it is in one table and leaves by one
route. Looked for in every other table, message, answer, log line and metric.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from collector.access.policy import Role
from collector.api.routes import Route
from collector.api.table import ROUTES
from collector.cli import main
from collector.store.open import open_store
from collector.store.outbox import last_seqs
from tests.e2e.test_phi_canary import CANARIES, blobs, leaks
from tests.support.incidents import KEY, NURSE, acted, outage, recovery, refused
from tests.support.known import bearer
from tests.support.planning import a_desk, person
from tests.support.rounds import ORG

TEXT = f"seen by {CANARIES[0]}\nof {CANARIES[1]}"
EVERYTHING = bearer("everybody-1", *Role)


@pytest.mark.timeout(300)
async def test_what_is_typed_stays_in_its_table_and_leaves_by_its_route(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sinks: dict[str, bytes] = {}
    store = await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    async with a_desk(store) as desk:
        await outage(desk)
        again = person("ann") | {"Idempotency-Key": "note-0001"}
        sinks["answer of note"] = str(await acted(desk, "notes", {"text": TEXT}, by=again)).encode()
        await refused(desk, "notes", {"text": TEXT, "by": CANARIES[0]})
        status, told = await desk.post(f"incidents/{KEY}/notes", {"text": TEXT * 100})
        sinks[f"too long: {status}"] = json.dumps(told).encode()
        status, told = await desk.post(f"incidents/{KEY}/merge", {"into": TEXT})
        sinks[f"no key: {status}"] = json.dumps(told).encode()
        status, told = await desk.post(f"incidents/{KEY}/merge", {"into": CANARIES[1]})
        sinks[f"no incident: {status}"] = json.dumps(told).encode()
        await recovery(desk)
        for path in ("resolve", "close"):
            sinks[path] = str(await acted(desk, path, {"text": TEXT})).encode()
        assert await store.read(last_seqs, ORG) == {(KEY, "desk"): 2}
        paths = [
            route.path.replace("{id}", "ehr").replace("{key}", KEY)
            for route in ROUTES
            if isinstance(route, Route)
            and route.method == "GET"
            and route.name != "read_incident_notes"
        ]
        assert f"/api/v1/incidents/{KEY}" in paths
        assert "/api/v1/journal" in paths
        for path in [*paths, "/metrics"]:
            answer = await desk.client.get(path, headers=EVERYTHING)
            sinks[path] = await answer.read()
        notes = await desk.get(f"incidents/{KEY}/notes", NURSE)
        assert [one["text"] for one in notes["notes"]] == [TEXT] * 3
    await store.close()
    sinks["log"] = caplog.text.encode()
    tables = blobs(tmp_path / "wardwatch.db")
    found = {leak.split()[0] for leak in leaks(tables)}
    assert found == {"typed.text"}
    kept = {name.split(".")[0] for name in tables}
    assert kept >= {"journal", "outbox", "idempotency", "incidents", "typed"}
    assert leaks(sinks) == []


def test_no_command_takes_a_text_as_an_argument(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("note", "resolve", "close", "false-positive"):
        with pytest.raises(SystemExit) as left:
            main(["incident", action, KEY, "somebody"])
        assert left.value.code == 2
    capsys.readouterr()
