"""The ladder that alerts/README.md shows is the contract's, and one that a file may have."""

from __future__ import annotations

import re

import yaml

from probes.config_channels import Route
from probes.config_escalation import Escalation
from tests.docs.test_rota import README


def test_the_example_climbs_from_support_to_clinical_leadership() -> None:
    """Semantics 5: support, engineering, incident commander, clinical liaison, clinical leadership."""
    section = README.read_text(encoding="utf-8").split("## Escalation\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    shown = yaml.safe_load(block)
    policy = Escalation.model_validate(shown["escalation"]["clinical"])
    firsts = [rung.to[0] for rung in policy.rungs]
    assert [one.on_call or one.role for one in firsts] == [
        "support",
        "engineers",
        "incident_commander",
        "clinical_liaison",
        "clinical_leadership",
    ]
    assert [Route.model_validate(one).escalate for one in shown["routes"]] == ["clinical"]
