"""What `config check` remarks of escalation: a policy that calls nobody."""

from __future__ import annotations

from collector.commands.config import remarks
from tests.support.rounds import START, config

POLICY = {"rungs": [{"to": [{"channel": "desk"}]}]}
HOOK = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}


def test_a_policy_that_no_route_names_is_remarked_upon() -> None:
    routes = [{"families": ["availability"], "to": ["desk"], "escalate": "clinical"}]
    escalation = {"clinical": POLICY, "nightly": POLICY}
    used = config(channels={"desk": HOOK}, escalation=escalation, routes=routes)
    found = [one for one in remarks(used, START) if "call nobody" in one]
    assert found == ["no route names them, so they call nobody: nightly"]
