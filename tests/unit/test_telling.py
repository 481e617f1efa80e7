"""What is told while the line is lost: written-out nights, and the laws of once and over."""

from __future__ import annotations

import json
from itertools import count

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.telling import Kind, Line, Message, Outage, Told, decide
from agent.tellingtext import event, letter

AFTER = 300_000
NOW = 1_767_225_600_000
EHR = Outage("ehr", "ehr-read", "tcp.refused", NOW - 60_000)
LAB = Outage("lab", "lab-orders", "hl7.no_ack", NOW - 30_000)


class Night:
    """`pass_to` an instant with what holds then; says what was told, shortly."""

    def __init__(self) -> None:
        self.told = Told()
        self.numbers = count(1)
        self.messages: list[Message] = []

    def at(
        self,
        second: int,
        *outages: Outage,
        silent: int,
        well: tuple[str, ...] = (),
        spoken: bool = True,
        waits: bool = True,
        gone: tuple[str, ...] = (),
    ) -> list[str]:
        found = decide(
            self.told,
            NOW + second * 1000,
            Line(silent * 1000, spoken, waits),
            AFTER,
            list(outages),
            lambda check: None if check in gone else check in well,
            lambda: f"m{next(self.numbers)}",
        )
        self.messages += found
        return [" ".join(filter(None, [m.kind, m.system, m.cause])) for m in found]


def test_a_night_with_a_lost_line() -> None:
    night = Night()
    assert night.at(0, EHR, silent=299) == []
    assert night.at(1, EHR, silent=300) == ["uplink.lost", "system.down ehr tcp.refused"]
    assert night.at(2, EHR, silent=301) == []
    assert night.at(3, EHR, LAB, silent=302) == ["system.down lab hl7.no_ack"]
    assert night.at(4, LAB, silent=303) == []  # silence is no recovery
    assert night.at(5, LAB, silent=304, well=("ehr-read",)) == ["system.up ehr"]
    assert night.at(6, EHR, LAB, silent=305) == ["system.down ehr tcp.refused"]
    assert night.at(7, EHR, LAB, silent=0) == ["uplink.back"]
    assert night.at(8, EHR, LAB, silent=1) == []
    lost, down, _, up, _, back = night.messages
    assert lost == Message("m1", Kind.LOST, NOW + 1_000, NOW - 299_000)
    assert down == Message(
        "m2", Kind.DOWN, NOW + 1_000, NOW - 60_000, "ehr", "tcp.refused", ("ehr-read",)
    )
    assert up == Message("m4", Kind.UP, NOW + 5_000, NOW - 60_000, "ehr")
    assert back == Message("m6", Kind.BACK, NOW + 7_000, NOW - 299_000, systems=("ehr", "lab"))
    assert night.told == Told()


def test_a_second_check_of_the_same_cause_is_not_told_but_waited_for() -> None:
    night = Night()
    other = Outage("ehr", "ehr-web", "tcp.refused", NOW)
    night.at(0, EHR, silent=300)
    assert night.at(1, EHR, other, silent=301) == []
    assert night.at(2, other, silent=302, well=("ehr-read",)) == []
    assert night.at(3, silent=303, well=("ehr-read", "ehr-web")) == ["system.up ehr"]


def test_a_check_that_is_not_run_any_more_is_no_recovery_and_holds_none_up() -> None:
    night = Night()
    other = Outage("ehr", "ehr-web", "tcp.refused", NOW)
    night.at(0, EHR, other, silent=300)
    assert night.at(1, silent=301, gone=("ehr-read", "ehr-web")) == []
    assert night.at(2, silent=302, gone=("ehr-read",)) == []
    assert night.at(3, silent=303, gone=("ehr-read",), well=("ehr-web",)) == ["system.up ehr"]


def test_another_cause_of_the_same_system_is_told() -> None:
    night = Night()
    night.at(0, EHR, silent=300)
    other = Outage("ehr", "ehr-web", "tls.expired", NOW)
    assert night.at(1, EHR, other, silent=301) == ["system.down ehr tls.expired"]


def test_a_start_in_the_middle_of_it_tells_nothing_twice_and_goes_on() -> None:
    night = Night()
    night.at(0, EHR, silent=300)
    night.told = msgspec.json.decode(msgspec.json.encode(night.told), type=Told)
    # A new process: it has not spoken with the collector, and knows of no check yet.
    assert night.at(10, silent=1, spoken=False) == []
    assert night.at(20, EHR, silent=11, spoken=False) == []
    assert night.at(30, EHR, LAB, silent=21, spoken=False) == ["system.down lab hl7.no_ack"]
    assert night.at(40, LAB, silent=0, well=("ehr-read",)) == ["uplink.back"]


def test_an_agent_with_nothing_to_deliver_has_lost_no_line() -> None:
    assert Night().at(0, EHR, silent=10_000, waits=False) == []


_steps = st.lists(
    st.tuples(
        st.booleans(),
        st.sets(st.sampled_from([("ehr", "c1", "a"), ("ehr", "c2", "a"), ("ehr", "c2", "b")])),
    ),
    max_size=60,
)


@given(steps=_steps)
def test_everything_told_is_told_once_and_ends(
    steps: list[tuple[bool, set[tuple[str, str, str]]]],
) -> None:
    night, silent = Night(), 300
    for second, (delivered, down) in enumerate(steps):
        silent = 0 if delivered else silent + 100
        outages = [Outage(system, check, cause, NOW) for system, check, cause in sorted(down)]
        well = tuple({"c1", "c2"} - {check for _, check, _ in down})
        night.at(second, *outages, silent=silent, well=well)
    night.at(1_000, silent=0)
    is_lost, causes = False, set[str | None]()
    for message in night.messages:
        if message.kind is Kind.LOST:
            assert not is_lost
            is_lost = True
        elif message.kind is Kind.BACK:
            assert is_lost
            is_lost, causes = False, set()
        elif message.kind is Kind.DOWN:
            assert is_lost
            assert message.cause not in causes
            causes.add(message.cause)
        else:
            assert is_lost
            assert causes
            causes = set()
    assert not is_lost
    assert night.told == Told()


def test_a_webhook_gets_a_cloudevent_of_ids_codes_and_times() -> None:
    message = Message("m2", Kind.DOWN, NOW, NOW - 60_000, "ehr", "tcp.refused", ("ehr-read",))
    assert json.loads(event(message, "st-elsewhere", "north-1")) == {
        "specversion": "1.0",
        "id": "m2",
        "source": "urn:wardwatch:st-elsewhere:north-1",
        "type": "org.wardwatch.agent.system.down.v1",
        "subject": "ehr",
        "time": "2026-01-01T00:00:00.000Z",
        "datacontenttype": "application/json",
        "data": {
            "organization": {"id": "st-elsewhere"},
            "agent": {"id": "north-1"},
            "kind": "system.down",
            "since": "2025-12-31T23:59:00.000Z",
            "system": {"id": "ehr"},
            "cause": "tcp.refused",
            "checks": ["ehr-read"],
            "systems": [],
        },
    }


def test_a_letter_is_plain_and_says_who_saw_it() -> None:
    message = Message("m2", Kind.DOWN, NOW, NOW - 60_000, "ehr", "tcp.refused", ("ehr-read",))
    raw = letter(message, "st-elsewhere", "north-1", "agent@example.org", ["on@example.org"])
    head, _, body = raw.decode().partition("\r\n\r\n")
    assert "Subject: [wardwatch] ehr down: tcp.refused (agent north-1)\r\n" in head
    assert "Message-ID: <m2@example.org>\r\n" in head
    assert body.split("\r\n") == [
        "Agent north-1 of st-elsewhere, at 2026-01-01T00:00:00.000Z.",
        "System ehr is down since 2025-12-31T23:59:00.000Z.",
        "Reason: tcp.refused. Checks: ehr-read.",
        "This agent alone has seen it; the collector cannot be asked.",
        "",
    ]
