"""A page that looks like a patient's leaves at once, in minimal form, and the alarm rings."""

from __future__ import annotations

import email
import email.policy
import json
import logging
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from random import Random
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alerts import mime
from alerts.channel import Channel, ChannelEnv, Receipt, Verdict
from alerts.channels.email import Email, EmailConfig
from alerts.delivery import Delivery
from alerts.letter import letter
from alerts.metering import DeliveryMetrics
from alerts.mime import Audience, compose
from alerts.minimal import checked, minimal, shortened
from alerts.outbox import DeliveryReason, Message, MessageState
from alerts.people import IncidentState
from alerts.render import render, render_digest
from alerts.transitions import TransitionKind
from probes.clock import ManualClock
from probes.config import Config
from probes.tripwire import Pattern, texts_in, tripped
from tests.e2e.test_phi_canary import CANARIES, forms
from tests.support.outbox import MemoryOutbox
from tests.unit.alerts.test_render import CONFIG, INCIDENT, START

PATIENT = f"{CANARIES[0]}^JANE {CANARIES[1]}"
FROM, TO = "wardwatch@st-elsewhere.example", ("nurses@st-elsewhere.example",)


def known(name: str = "EHR", **access: str) -> Config:
    """A config nobody checked when it was loaded."""
    written = CONFIG.model_dump(mode="json", by_alias=True, exclude_unset=True)
    written["systems"]["ehr"]["name"] = name
    written["systems"]["ehr"]["impact"]["workaround"]["name"] = name
    if access:
        written["access"] = access
    return Config.model_validate(written)


def message(config: Config, seq: int = 1) -> Message:
    name = f"st-elsewhere_ehr_availability_{START}_desk_{seq}"
    body = render(
        config,
        TransitionKind.OPENED,
        INCIDENT,
        message_id=name,
        receiver="desk",
        sequence=seq,
        at=START + 65_000,
        detected_at=START + 60_012,
        state=IncidentState.OPEN,
        deadline=("response_breached", START + 3_600_000),
    )
    return Message(name, "st-elsewhere", INCIDENT.key, "desk", seq, body, START, START)


def has_canary(raw: bytes) -> bool:
    return any(form in raw for canary in CANARIES for form in forms(canary))


def letters(mail: bytes) -> tuple[str, str, str]:
    parsed = email.message_from_bytes(mail, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    parts = [parsed.get_body((shape,)) for shape in ("plain", "html")]
    text, html = (part.get_content() for part in parts if part is not None)
    return parsed["Subject"], text.replace("\r\n", "\n"), html


def test_a_name_that_looks_like_a_patients_is_replaced_by_its_id_and_nothing_waits() -> None:
    config = known(PATIENT, public_url="https://watch.st-elsewhere.example")
    one = message(config)
    assert not has_canary(one.body)
    assert json.loads(one.body) == {
        "specversion": "1.0",
        "id": one.id,
        "source": "urn:wardwatch:st-elsewhere",
        "type": "org.wardwatch.incident.opened.v1",
        "subject": "ehr.availability.1767225600000",
        "time": "2026-01-01T00:01:05.000Z",
        "datacontenttype": "application/json",
        "data": {
            "organization": {"id": "st-elsewhere", "name": "st-elsewhere", "timezone": "UTC"},
            "system": {"id": "ehr", "name": "ehr"},
            "key": "st-elsewhere.ehr.availability.1767225600000.desk",
            "sequence": 1,
            "step": "opened",
            "state": "open",
            "family": "availability",
            "causes": ["down", "degraded"],
            "category": 2,
            "category_meaning": None,
            "category_why": "workaround",
            "priority": "P2",
            "ruling": None,
            "impact": {"class": "clinical", "service": "general"},
            "sites": [{"id": "north", "name": "north"}],
            "users": None,
            "started_at": "2026-01-01T00:00:00.000Z",
            "detected_at": "2026-01-01T00:01:00.012Z",
            "recovered_at": None,
            "deadline": {"kind": "response_breached", "at": "2026-01-01T01:00:00.000Z"},
            "attached_to": None,
            "attached": [],
            "attached_count": 0,
            "reopened": 0,
            "flapping": False,
            "workaround": None,
            "runbook": None,
            "due": None,
            "rung": None,
            "link": "https://watch.st-elsewhere.example/",
            "minimal": ["record_number", "hl7_name"],
        },
    }
    assert shortened(one) == (Pattern.RECORD_NUMBER, Pattern.HL7_NAME)
    assert checked(one) == (one, ())


def test_a_digest_calls_systems_by_their_ids_and_its_letter_too() -> None:
    over = replace(INCIDENT, recovered_at=START + 60_000)
    body = render_digest(known(PATIENT), [over], message_id="d", receiver="desk", at=START)
    assert not has_canary(body)
    event = json.loads(body)
    assert event["data"]["incidents"][0]["system"] == {"id": "ehr", "name": "ehr"}
    assert [row.label for row in letter(event).rows] == ["ehr"]
    older = {"id": "ehr", "name": None}  # as a release before this one stored it
    event["data"]["incidents"][0]["system"] = older
    assert [row.label for row in letter(event).rows] == ["ehr"]


def test_an_ordinary_event_is_left_as_it_is() -> None:
    one = message(known())
    assert shortened(one) == ()
    assert checked(one) == (one, ())


@pytest.mark.parametrize("audience", Audience)
def test_the_letter_of_a_minimal_event_has_ids_times_and_the_link(audience: Audience) -> None:
    config = known(PATIENT, public_url="https://watch.st-elsewhere.example")
    mail = compose(message(config), FROM, TO, audience)
    assert mail.patterns == ()
    assert not has_canary(mail.raw)
    subject, text, html = letters(mail.raw)
    assert not has_canary(f"{subject}{text}{html}".encode())
    if audience is Audience.STAFF:
        assert text == (
            "ehr: down, impaired\n"
            "\n"
            "A new incident.\n"
            "\n"
            "System:       ehr\n"
            "Trouble:      down, impaired\n"
            "Sites:        north\n"
            "For whom:     the care of patients\n"
            "Since:        2026-01-01 00:00 UTC\n"
            "Incident is:  open\n"
            "Category:     2 of 4. Care is affected; a workaround is usable or the service is only"
            " impaired.\n"
            "Why:          down, with a usable workaround\n"
            "Priority:     P2, urgent\n"
            "Deadline:     2026-01-01 01:00 UTC: somebody must have answered\n"
            "Short form:   something in it looked like a patient's; Wardwatch shows the rest\n"
            "Wardwatch:    https://watch.st-elsewhere.example/\n"
            "Incident:     ehr.availability.1767225600000\n"
            "Message:      1, of 2026-01-01 00:01 UTC\n"
            "\n"
            "Sent by Wardwatch, the monitoring of st-elsewhere. A program wrote this message.\n"
        )


def leaky(one: Message) -> Message:
    """As a template with a defect would have written it."""
    event = json.loads(one.body)
    event["data"]["diagnosis"] = {"patient": PATIENT, "of": [PATIENT]}
    event["data"]["state"] = PATIENT
    return replace(one, body=json.dumps(event).encode())


def test_what_a_defect_adds_to_an_event_does_not_leave_the_outbox() -> None:
    one, patterns = checked(leaky(message(known())))
    assert patterns == (Pattern.RECORD_NUMBER, Pattern.HL7_NAME)
    data = json.loads(one.body)["data"]
    assert not has_canary(one.body)
    assert (data["diagnosis"], data["state"], data["category"]) == (None, None, 2)
    assert checked(one) == (one, ())


def test_of_a_body_that_is_no_event_the_messages_own_ids_are_left() -> None:
    broken = replace(message(known()), body=b"\xff" + PATIENT.encode())
    one, patterns = checked(broken)
    assert patterns
    event = json.loads(one.body)
    assert event["subject"] == INCIDENT.key
    assert event["data"]["key"] == f"st-elsewhere.{INCIDENT.key}.desk"
    assert event["data"]["minimal"] == ["record_number", "hl7_name"]
    unharmed = replace(broken, body=b'{"seq":1}\x00\xff')
    assert checked(unharmed) == (unharmed, ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([PATIENT, *CANARIES]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


FIELDS = st.sampled_from(["state", "link", "causes", "deadline", "notes", "workaround"])


@settings(max_examples=60)
@given(st.dictionaries(FIELDS, JSON))
def test_whatever_an_event_holds_its_minimal_form_trips_nothing(data: dict[str, Any]) -> None:
    event = {"id": "x", "data": {"system": {"id": "ehr", "name": PATIENT}, **data}}
    found = tripped(*texts_in(event))
    short = minimal(event, found)
    assert tripped(*texts_in(short)) == ()
    assert short["data"]["system"] == {"id": "ehr", "name": "ehr"}
    assert minimal(short, ()) == short


class Recorder:
    """A channel that keeps what it is given."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def deliver(self, message: Message) -> Receipt:
        self.bodies.append(message.body)
        return Receipt(Verdict.RETRY, DeliveryReason.STATUS, 503)


def delivery(
    channel: Channel, store: MemoryOutbox, registry: CollectorRegistry
) -> tuple[Delivery, ManualClock]:
    clock = ManualClock(START)
    metrics = DeliveryMetrics(registry)
    return Delivery(store, {"desk": channel}, metrics, clock=clock, rng=Random(1)), clock


async def test_each_boundary_sends_at_once_counts_once_and_logs_codes_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    store, registry, channel = MemoryOutbox(), CollectorRegistry(), Recorder()
    other = replace(leaky(message(known(), 2)), incident_key="lab.availability.1")
    await store.add([message(known(PATIENT)), other])
    sender, clock = delivery(channel, store, registry)
    assert await sender.pump("desk") == 2
    await clock.advance(2_000)
    assert await sender.pump("desk") == 2
    assert len(channel.bodies) == 4
    assert not any(map(has_canary, channel.bodies))

    def hits(boundary: str, pattern: str) -> float | None:
        labels = {"boundary": boundary, "pattern": pattern}
        return registry.get_sample_value("wardwatch_tripwire_hits_total", labels)

    for boundary in ("outbox", "channel"):
        assert hits(boundary, "record_number") == hits(boundary, "hl7_name") == 1
    lines = [r.getMessage() for r in caplog.records if r.name == "wardwatch.tripwire"]
    assert sorted(lines) == [
        "tripwire.hit boundary=channel pattern=record_number,hl7_name receiver=desk",
        "tripwire.hit boundary=outbox pattern=record_number,hl7_name receiver=desk",
    ]
    assert not has_canary(caplog.text.encode())
    assert all(m.state is MessageState.PENDING for m in store.messages.values())


def test_what_a_defect_of_a_template_adds_to_a_letter_does_not_leave(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leak = "{{ letter.headline }} " + PATIENT.replace("JANE", "{{ letter.rows[0].value }}")
    for form in ("txt", "html"):
        (tmp_path / f"letter.{form}").write_text(
            "{% if letter.organization != 'st-elsewhere' %}" + leak + "{% endif %}{{ letter.step }}"
        )
    loader = jinja2.Environment(loader=jinja2.FileSystemLoader(tmp_path), autoescape=True)
    monkeypatch.setattr(mime, "TEMPLATES", loader)
    mail = compose(message(known()), FROM, TO)
    assert mail.patterns == (Pattern.RECORD_NUMBER, Pattern.HL7_NAME)
    assert not has_canary(mail.raw)
    assert letters(mail.raw)[1] == "A new incident.\n"


async def test_a_letter_that_trips_alarms_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, sent = CollectorRegistry(), []
    metrics = DeliveryMetrics(registry)
    env = ChannelEnv(ManualClock(START), lambda _ref: b"", metrics.tripped)
    written = {"host": "127.0.0.1", "port": 1, "tls": "none", "from": FROM, "to": [*TO]}
    channel = Email(EmailConfig.model_validate({**written, "timeout": "1s"}), env)

    async def attempt(_client: object, _name: str, mail: bytes, _password: bytes) -> Receipt:
        sent.append(mail)
        return Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 250)

    monkeypatch.setattr(channel, "_attempt", attempt)
    event = json.loads(message(known()).body)
    event["data"]["system"]["name"] = PATIENT
    one = replace(message(known()), body=json.dumps(event).encode())
    assert (await channel.deliver(one)).verdict is Verdict.SENT
    assert not has_canary(sent[0])
    labels = {"boundary": "letter", "pattern": "hl7_name"}
    assert registry.get_sample_value("wardwatch_tripwire_hits_total", labels) == 1
