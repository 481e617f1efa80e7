"""Contacts that differ between two versions of the file: what is compared, and what customers read."""

from __future__ import annotations

import email
import email.policy
import json
from email.message import EmailMessage
from typing import Any

import pytest

from alerts.channel import Receipt, Verdict
from alerts.channels.email import KIND as EMAIL
from alerts.contacts import ROLES, Changed, compared, render_contacts
from alerts.customer import is_told
from alerts.mime import Audience, compose
from alerts.outbox import DeliveryReason, Message
from alerts.ticket import Stage, ticket
from probes.config import Config
from probes.config_people import Contact
from tests.support import ticket_messages
from tests.support.mailserver import mail_server
from tests.unit.alerts.test_letter import FROM, TO

NOW = 1_767_225_600_000
ANNA = {"name": "Anna", "role": "integration_owner", "email": "anna@example.org"}
BEN = {"name": "Ben", "role": "integration_owner"}
CLEO = {"name": "Cleo", "role": "clinical_liaison"}


def known(**contacts: Any) -> Config:
    return Config.model_validate(ticket_messages.as_written() | {"contacts": contacts})


def event(before: Config, after: Config) -> Message:
    body = render_contacts(before, after, message_id="m1", receiver="ward", at=NOW)
    return Message("m1", "st-elsewhere", "contacts_changed", "ward", 7, body, NOW, NOW)


def said(before: Config, after: Config, audience: Audience = Audience.CUSTOMER) -> str:
    raw = compose(event(before, after), FROM, TO, audience).raw
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed["Subject"].endswith("] Who your contacts are has changed")
    plain, html = (parsed.get_body((form,)) for form in ("plain", "html"))
    assert plain is not None
    assert html is not None
    lines = plain.get_content().splitlines()
    shown = html.get_content()
    assert audience is Audience.STAFF or all(line in shown for line in lines if line)
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, Changed()),
        ({}, {"anna": ANNA}, Changed(added=("anna",))),
        ({"anna": ANNA}, {}, Changed(removed=("anna",))),
        ({"anna": ANNA}, {"anna": ANNA | {"name": "Anne"}}, Changed(changed={"anna": ("name",)})),
        (
            {"anna": ANNA},
            {"anna": {"name": "Anna", "role": "csm"}},
            Changed(changed={"anna": ("role", "email")}),
        ),
        ({"anna": ANNA}, {"anna": ANNA | {"training": {"privacy": "2026-01-01"}}}, Changed()),
    ],
)
def test_added_removed_name_role_and_email_are_changes_and_nothing_else(
    before: dict[str, Any], after: dict[str, Any], found: Changed
) -> None:
    assert compared(known(**before), known(**after)) == found
    assert bool(found) is (found != Changed())


def test_customers_read_who_it_is_now_in_plain_words() -> None:
    before = known(anna=ANNA, cleo=CLEO)
    after = known(ben=BEN, cleo=CLEO)
    assert said(before, after) == (
        "Who your contacts are has changed\n\n"
        "Your integration owner is now Ben.\n\n"
        "As of 2025-12-31 18:00 CST. This is for your information.\n\n"
        "Sent for St Elsewhere Health by its monitoring. A program wrote this message."
    )


def test_several_none_and_another_address_are_said_and_no_address_leaves() -> None:
    before = known(anna=ANNA, cleo=CLEO)
    after = known(anna=ANNA | {"email": "a@example.org"}, ben=BEN)
    text = said(before, after)
    assert text.splitlines()[2:5] == [
        "You have no clinical liaison at present.",
        "Your integration owners are now Anna and Ben.",
        "Anna has another e-mail address.",
    ]
    body = event(before, after).body
    assert b"example.org" not in body
    assert b"Cleo" not in body


def test_a_name_that_looks_like_a_patients_leaves_as_its_id() -> None:
    after = known(ben=BEN | {"name": "Ben 212-555-0100"})
    found = json.loads(event(known(), after).body)["data"]
    assert found["contacts"] == [{"id": "ben", "name": "ben", "role": "integration_owner"}]
    assert found["minimal"] == ["phone"]
    assert "Your integration owner is now ben." in said(known(), after)


def test_every_role_of_the_file_has_its_words() -> None:
    roles = Contact.model_fields["role"].annotation
    assert set(ROLES) == set(getattr(roles, "__args__", ()))


def test_staff_and_tickets_can_show_it_too() -> None:
    message = event(known(), known(ben=BEN))
    assert is_told(json.loads(message.body))
    made = ticket(message)
    assert (made.stage, made.family, made.priority) == (Stage.TOLD, "contacts", "P4")
    assert made.rows == (("Now", "Your integration owner is now Ben."),)
    assert "Your integration owner is now Ben." in said(known(), known(ben=BEN), Audience.STAFF)


async def test_it_arrives_at_a_mail_server_as_one_letter_that_answers_no_other() -> None:
    message = event(known(), known(ben=BEN))
    async with mail_server() as server:
        spec = {"host": "127.0.0.1", "port": str(server.port), "tls": "none", "from": FROM}
        config = EMAIL.parse(spec | {"to": list(TO), "audience": "customer"})
        async with EMAIL.open(config, ticket_messages.env()) as channel:
            receipt = await channel.deliver(message)
    assert receipt == Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 250)
    (mail,) = server.mails
    assert b"Your integration owner is now Ben." in mail.raw
    assert b"In-Reply-To" not in mail.raw
