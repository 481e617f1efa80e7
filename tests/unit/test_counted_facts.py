"""The facts of runs that add up are a closed list."""

from __future__ import annotations

from probes.contract import COUNTED, Fact


def test_what_adds_up_is_messages_and_their_types() -> None:
    assert {fact.value for fact in COUNTED} == {
        "messages",
        "messages_adt",
        "messages_dft",
        "messages_mdm",
        "messages_oml",
        "messages_orm",
        "messages_oru",
        "messages_other",
        "messages_rde",
        "messages_siu",
        "messages_vxu",
    }
    assert Fact.AGE_S not in COUNTED
