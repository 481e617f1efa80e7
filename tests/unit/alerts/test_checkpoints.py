"""The letter with the newest checkpoints: whole to the byte, whatever chance writes into base64."""

from __future__ import annotations

import base64
import email
import json
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.checkpoints import Anchor, render_checkpoints
from alerts.customer import is_told
from alerts.letter import letter
from alerts.mime import compose
from alerts.minimal import checked, minimal
from alerts.outbox import Message
from alerts.receivers import everybody, mailed
from collector.attest import checkpoint, note
from collector.attest.note import Note, SignatureLine
from probes.config import Config
from probes.tripwire import Pattern, tripped
from tests.support.rounds import config
from tests.unit.witness.logs import NAME, ORIGIN, Log, private

NOW = 1_767_268_800_000
SIGNED, COSIGNED = NOW - 60_000, NOW - 30_000
MAIL = {"kind": "email", "host": "mail.example.org", "from": "w@example.org"}
PEOPLE = {
    "ann": {"name": "Ann Lee", "role": "csm", "email": "ann@example.org"},
    "bob": {"name": "Bob Lee", "role": "legal_compliance", "email": "bob@example.org"},
}
EVIL = "aaaaaaaaaaaa/MRN1+DOB7/patient12345/+1234567"
"""Base64 of a hash that trips the wire four times over."""


def told(**changes: Any) -> Config:
    log = {
        "origin": "st-elsewhere.example.org/w",
        "keys": ["file:/run/secrets/log.key"],
        "mail": {"to": ["bob", "ann"], "via": "mail"},
    }
    return config(contacts=PEOPLE, channels={"mail": MAIL}, routes=[], evidence_log=log, **changes)


def signed(log: Log, size: int) -> str:
    text = log.text(size)
    line = note.cosign(text, NAME, private(9), SIGNED // 1000)
    return note.write(note.with_signatures(log.signed(size), line)).decode()


EVIDENCE = signed(Log(), 30)
AUDIT = signed(Log(origin="log.example/audit", n=2), 7)


def message(*notes: str) -> Message:
    anchors = [
        Anchor(log, ORIGIN, 30, SIGNED, COSIGNED if log == "evidence" else None, text)
        for log, text in zip(("evidence", "audit"), notes, strict=False)
    ]
    body = render_checkpoints(told(), anchors, message_id="m-1", receiver="mail.ann", at=NOW)
    return Message("m-1", "st-elsewhere", "log_checkpoints", "mail.ann", 7, body, NOW, NOW)


def event(*notes: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(message(*notes).body)
    return made


def opened(one: Message) -> EmailMessage:
    mail = compose(one, "w@example.org", ["ann@example.org"])
    assert mail.patterns == ()
    made = email.message_from_bytes(mail.raw, policy=default)
    assert isinstance(made, EmailMessage)
    return made


def body_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")  # as it goes over the line


class Blocks(HTMLParser):
    """What stands in `pre`, as a browser shows it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "pre":
            self._inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data


def test_contacts_get_it_by_the_channel_though_they_have_it_not_in_reach() -> None:
    assert mailed(told()) == ("mail.bob", "mail.ann")
    assert {"mail.bob", "mail.ann"} <= set(everybody(told()))
    assert mailed(config()) == ()


def test_a_letter_says_what_it_is_for_and_how_each_log_stands() -> None:
    found = letter(event(EVIDENCE, AUDIT))
    assert found.subject == "[Wardwatch] Checkpoints of the logs, 2026-01-01 06:00 CST"
    assert [(row.label, row.value) for row in found.rows] == [
        ("Evidence log", "30 entries"),
        ("Signed", "2026-01-01 05:59 CST (2026-01-01 11:59 UTC)"),
        ("Cosigned by", "witnesses, 2026-01-01 05:59 CST (2026-01-01 11:59 UTC)"),
        ("Audit log", "30 entries"),
        ("Signed", "2026-01-01 05:59 CST (2026-01-01 11:59 UTC)"),
        ("Cosigned by", "no witness yet"),
    ]
    assert found.blocks == (EVIDENCE, AUDIT)


def test_the_notes_leave_to_the_byte_in_both_forms_of_the_letter() -> None:
    mail = opened(message(EVIDENCE, AUDIT))
    plain = body_of(mail, "plain")
    for text in (EVIDENCE, AUDIT):
        start = plain.index(text)
        assert plain[start - 1] == "\n"
        assert note.parse(plain[start : start + len(text)].encode()) == note.parse(text.encode())
    shown = [block.removeprefix("\n") for block in Blocks(body_of(mail, "html")).found]
    assert shown == [EVIDENCE, AUDIT]


def test_base64_that_looks_like_a_patients_leaves_whole() -> None:
    assert set(tripped(f" {EVIL[:-1]}- ")) == {
        Pattern.RECORD_NUMBER,
        Pattern.BIRTH_DATE,
    }
    root = base64.b64decode(EVIL[:42] + "E=")
    text = checkpoint.write(checkpoint.Checkpoint(ORIGIN, 30, root))
    evil = note.write(
        Note(
            text,
            (
                SignatureLine(ORIGIN, *_evil(68)),
                SignatureLine(NAME, *_evil(76)),
            ),
        )
    ).decode()
    assert evil.count("MRN1") == 5
    made = message(evil, AUDIT)
    assert "minimal" not in json.loads(made.body)["data"]
    assert checked(made) == (made, ())
    assert evil in body_of(opened(made), "plain")


def _evil(length: int) -> tuple[bytes, bytes]:
    text = EVIL.replace("=", "A") * 3
    data = base64.b64decode(text[: length // 3 * 4 + 4])[:length]
    return data[:4], data[4:]


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=68, max_size=68),
    st.binary(min_size=76, max_size=76),
)
def test_whatever_a_hash_or_a_signature_is_the_letter_is_not_cut(
    root: bytes, first: bytes, second: bytes
) -> None:
    text = checkpoint.write(checkpoint.Checkpoint(ORIGIN, 30, root))
    lines = (
        SignatureLine(ORIGIN, first[:4], first[4:]),
        SignatureLine(NAME, second[:4], second[4:]),
    )
    made = message(note.write(Note(text, lines)).decode())
    assert checked(made) == (made, ())


@pytest.mark.parametrize(
    "text",
    [
        f"MRN 12345 {EVIL[:42]}E=",
        f"{EVIL[:42]}E= MRN 12345",
        EVIL[:42] + "E",
        EVIL[:42] + "E==",
        EVIL[:42] + "F=",
        EVIL[:40] + "E=",
        "A" + EVIL[:42] + "E=",
        EVIL[:42] + "E=A",
    ],
)
def test_anything_else_is_looked_at(text: str) -> None:
    assert Pattern.RECORD_NUMBER in tripped(text)


def test_what_trips_the_wire_beside_the_hashes_leaves_in_minimal_form() -> None:
    made = message(f"MRN 12345\n{EVIDENCE}", AUDIT)
    data = json.loads(made.body)["data"]
    assert data["minimal"] == ["record_number"]
    found = letter(json.loads(made.body))
    assert (found.blocks, len(found.rows)) == ((), 6)
    assert found == letter(minimal(event(EVIDENCE, AUDIT), [Pattern.RECORD_NUMBER]))


def test_customers_get_none() -> None:
    assert is_told(event(EVIDENCE)) is False
