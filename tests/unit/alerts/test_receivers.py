"""Who can be told, and by what: channels, and contacts by personal ones."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.channels import registry
from alerts.channels.email import EmailConfig
from alerts.outbox import message_id
from alerts.receivers import Receiver, everybody, of_role, reached
from alerts.routing import noticed
from alerts.telling import Audience
from probes.config import Config
from probes.config_channels import PERSONAL
from probes.config_words import receiver_id

MAIL = {"kind": "email", "host": "127.0.0.1", "tls": "none", "from": "ww@example.org"}
HOOK = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}


def contact(role: str, *reach: str) -> dict[str, Any]:
    return {"name": "N", "role": role, "email": f"{role}@example.org", "reach": list(reach)}


def config(**changes: Any) -> Config:
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-e", "name": "St E", "timezone": "UTC"},
            "sites": {},
            "agents": {},
            "systems": {},
            "checks": {},
            "channels": {"mail": MAIL, "desk": HOOK, "ward": {**MAIL, "to": ["ward@example.org"]}},
            "contacts": {
                "anna": contact("engineering", "mail", "desk"),
                "ben": contact("clinical_liaison", "ward"),
                "cleo": contact("clinical_liaison", "mail"),
                "dora": contact("support"),
            },
            "routes": [{"families": ["availability"], "to": ["desk"]}],
            **changes,
        }
    )


def test_everybody_is_each_channel_with_a_receiver_and_each_contact_by_a_personal_one() -> None:
    """`mail` has no addresses of its own; `desk` is the same receiver for whomever it reaches."""
    assert dict(everybody(config())) == {
        "desk": Receiver("desk"),
        "ward": Receiver("ward"),
        "mail.anna": Receiver("mail", "anna"),
        "ward.ben": Receiver("ward", "ben"),
        "mail.cleo": Receiver("mail", "cleo"),
    }


def test_contacts_are_reached_each_by_all_they_name() -> None:
    used = config()
    assert reached(used, ["anna", "dora", "nobody", "anna"]) == ("mail.anna", "desk")
    assert reached(used, of_role(used, "clinical_liaison")) == ("ward.ben", "mail.cleo")


def test_a_personal_receiver_has_the_channels_settings_and_the_contacts_address() -> None:
    used = config()
    found = {name: registry.settings(used, one) for name, one in everybody(used).items()}
    addresses = {
        name: settings.to
        for name, (_, settings) in found.items()
        if isinstance(settings, EmailConfig)
    }
    assert addresses == {
        "ward": ("ward@example.org",),
        "mail.anna": ("engineering@example.org",),
        "ward.ben": ("clinical_liaison@example.org",),
        "mail.cleo": ("clinical_liaison@example.org",),
    }


def test_the_kinds_that_say_they_are_personal_are_those_a_file_is_checked_by() -> None:
    assert {n for n in registry.CHANNELS if registry.load(n).personal is not None} == PERSONAL


def test_ids_of_messages_hold_no_dot_and_are_told_apart() -> None:
    key = "ehr.availability.1767225600000"
    assert (
        message_id("st-e", key, "mail.anna", 1) == "st-e_ehr_availability_1767225600000_mail_anna_1"
    )
    assert (
        message_id("st-e", key, "mail-anna", 1) == "st-e_ehr_availability_1767225600000_mail-anna_1"
    )


@pytest.mark.parametrize(
    "text", ["", ".", "mail.", ".anna", "mail.anna.b", "Mail.anna", "mail/anna"]
)
def test_what_is_no_id_of_a_receiver_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="an id is"):
        receiver_id(text)


def test_a_notice_falls_to_all_contacts_of_the_role_and_then_to_whom_p1_goes() -> None:
    liaison, leadership = Audience.CLINICAL_LIAISON, Audience.CLINICAL_LEADERSHIP
    assert noticed(config(), liaison) == ("ward.ben", "mail.cleo")
    assert noticed(config(), leadership) == ("desk",)
    named = config(notices={"clinical_liaison": ["ward"]})
    assert noticed(named, liaison) == ("ward",)
    legal = config(contacts={"l": contact("legal_compliance", "mail")})
    assert noticed(legal, Audience.SAFETY) == ("desk", "mail.l")
