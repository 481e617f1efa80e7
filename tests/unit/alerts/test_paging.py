"""Who pages for systems: the collector or Alertmanager, and whom the other leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.channels import registry
from alerts.events import Family, Priority
from alerts.paging import is_routed, remarks
from alerts.routing import ladders, noticed, routed
from alerts.telling import Audience
from probes.config import Config
from probes.config_channels import ALERTMANAGER, PAGERS
from tests.support import ticket_messages

CHANNELS = {
    "pager": {"kind": "pagerduty"},
    "ops": {"kind": "jsm"},
    "prom": {"kind": "alertmanager"},
    "desk": {"kind": "servicenow"},
    "nurses": {"kind": "email", "to": ["ward@example.org"]},
}
FAMILIES = ["availability", "access", "blind", "feed", "expiry", "budget"]

CLIMBING = {
    "routes": [{"families": FAMILIES, "to": ["desk"], "escalate": "clinical"}],
    "escalation": {"clinical": {"rungs": [{"to": [{"channel": "nurses"}]}]}},
}


def hospital(owner: str, **changes: Any) -> Config:
    written = ticket_messages.as_written() | {
        "page_owner": owner,
        "channels": CHANNELS,
        "routes": [{"families": FAMILIES, "to": list(CHANNELS)}],
        "notices": {},
    }
    return Config.model_validate(written | changes)


def named(config: Config, family: Family) -> list[str]:
    return list(routed(config, family, Priority.P1))


@pytest.mark.parametrize("family", [one for one in Family if one is not Family.BUDGET])
def test_the_collector_pages_by_every_channel(family: Family) -> None:
    assert named(hospital("collector"), family) == list(CHANNELS)


def test_a_budget_that_burns_pages_nobody_where_the_collector_pages() -> None:
    assert named(hospital("collector"), Family.BUDGET) == ["desk", "nurses"]


@pytest.mark.parametrize("family", Family)
def test_where_alertmanager_pages_nobody_is_called_beside_it(family: Family) -> None:
    assert named(hospital("alertmanager"), family) == ["prom", "desk", "nurses"]


def test_a_notice_goes_where_it_is_named_whoever_pages() -> None:
    config = hospital("alertmanager", notices={"clinical_leadership": ["pager"]})
    assert noticed(config, Audience.CLINICAL_LEADERSHIP) == ("pager",)
    assert noticed(config, Audience.LEGAL_COMPLIANCE) == ("prom", "desk", "nurses")


def test_ladders_are_climbed_by_the_collector_alone_and_for_no_budget() -> None:
    def climbed(owner: str) -> list[str]:
        config = hospital(owner, **CLIMBING)
        return [family.value for family in Family if ladders(config, family)]

    assert climbed("collector") == ["availability", "access", "blind", "feed", "expiry"]
    assert climbed("alertmanager") == []


def test_one_contact_of_a_personal_channel_is_as_its_channel() -> None:
    assert is_routed(hospital("alertmanager"), "nurses.anna", Family.AVAILABILITY)


def test_config_check_says_what_is_routed_and_not_sent() -> None:
    assert remarks(hospital("collector")) == [
        "a budget that burns is for information and pages nobody, so none of it goes to: ops, pager, prom"
    ]
    assert remarks(hospital("alertmanager")) == [
        "Alertmanager pages for systems, so no incident goes to: ops, pager"
    ]
    assert remarks(hospital("collector", **CLIMBING)) == []
    assert remarks(hospital("alertmanager", **CLIMBING)) == [
        "Alertmanager pages for systems, so nobody climbs: clinical"
    ]
    routes = [{"families": ["availability"], "to": ["pager", "prom"]}]
    assert remarks(hospital("collector", routes=routes)) == []


def test_every_kind_that_pages_is_a_kind() -> None:
    assert {*PAGERS, ALERTMANAGER} <= set(registry.CHANNELS)


def test_a_file_that_does_not_name_the_owner_is_the_version_it_was() -> None:
    assert "page_owner" not in hospital("collector").model_dump(mode="json")
    assert hospital("alertmanager").model_dump(mode="json")["page_owner"] == "alertmanager"
