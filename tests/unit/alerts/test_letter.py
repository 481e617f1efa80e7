"""An event as a letter: what a person reads, and how a mail program files it."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Sequence
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.deadlines import TRACKED, DeadlineKind, Which
from alerts.events import Cause, Family, Incident, Priority
from alerts.grouping import GroupStep
from alerts.letter import letter
from alerts.mdr import Horizon
from alerts.mime import compose
from alerts.outbox import Message, message_id
from alerts.people import ActKind, CategoryReason, IncidentState
from alerts.render import render, render_digest, render_test
from alerts.telling import Step
from alerts.transitions import TransitionKind
from alerts.why import CategoryWhy
from alerts.wording import (
    ABOUT,
    CAUSES,
    CLASSES,
    DEADLINES,
    FAMILIES,
    PRIORITIES,
    STATES,
    STEPS,
    WHYS,
)
from probes.config import Config
from probes.config_systems import ImpactClass
from tests.unit.alerts.test_render import CONFIG, INCIDENT, START

FROM, TO = "wardwatch@st-elsewhere.example", ("nurses@st-elsewhere.example",)


def config(name: str = "EHR", zone: str = "America/Chicago") -> Config:
    written = CONFIG.model_dump(mode="json", by_alias=True, exclude_unset=True)
    written["systems"]["ehr"]["name"] = name
    written["organization"]["timezone"] = zone
    return Config.model_validate(written)


def message(
    step: Step = TransitionKind.OPENED,
    incident: Incident = INCIDENT,
    *,
    seq: int = 1,
    known: Config | None = None,
    state: IncidentState | None = None,
    attached: Sequence[Incident] = (),
) -> Message:
    known = known or config()
    org, at = known.organization.id, START + 65_000 + seq
    name = message_id(org, incident.key, "nurses", seq)
    body = render(
        known,
        step,
        incident,
        message_id=name,
        receiver="nurses",
        sequence=seq,
        at=at,
        detected_at=START + 60_012,
        state=state or _state(step, incident),
        attached=attached,
    )
    return Message(name, org, incident.key, "nurses", seq, body, at, at)


def _state(step: Step, incident: Incident) -> IncidentState:
    if step in (TransitionKind.RESOLVED, TransitionKind.FOUND_LATE):
        return IncidentState.RESOLVED
    if step is ActKind.ACKNOWLEDGED:
        return IncidentState.ACKNOWLEDGED
    return IncidentState.OPEN if incident.recovered_at is None else IncidentState.RECOVERED


def mail(one: Message) -> EmailMessage:
    parsed = email.message_from_bytes(compose(one, FROM, TO).raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def text(one: Message, shape: str = "plain") -> str:
    part = mail(one).get_body((shape,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_the_whole_text_is_what_a_nurse_needs() -> None:
    assert text(message()) == (
        "EHR: down, impaired\n"
        "\n"
        "A new incident.\n"
        "\n"
        "System:       EHR\n"
        "Trouble:      down, impaired\n"
        "Sites:        North Campus\n"
        "For whom:     the care of patients\n"
        "Since:        2025-12-31 18:00 CST (2026-01-01 00:00 UTC)\n"
        "Incident is:  open\n"
        "Category:     2 of 4. Care is affected; a workaround is usable or the service is only"
        " impaired.\n"
        "Why:          down, with a usable workaround\n"
        "Priority:     P2, urgent\n"
        "Workaround:   Downtime binder\n"
        "Usable until: 2025-12-31 22:00 CST (2026-01-01 04:00 UTC)\n"
        "Runbook:      https://intranet.example.org/rb/ehr\n"
        "Incident:     ehr.availability.1767225600000\n"
        "Message:      1, of 2025-12-31 18:01 CST (2026-01-01 00:01 UTC)\n"
        "\n"
        "Sent by Wardwatch, the monitoring of St Elsewhere. A program wrote this message.\n"
    )


def test_when_it_is_over_the_first_line_says_so_and_no_workaround_is_urged() -> None:
    over = replace(INCIDENT, recovered_at=START + 3_600_000)
    lines = text(message(TransitionKind.RECOVERED, over, seq=2)).splitlines()
    assert lines[0] == "EHR: over (was down, impaired)"
    assert lines[2] == "The trouble is over."
    assert "Over since:   2025-12-31 19:00 CST (2026-01-01 01:00 UTC)" in lines
    assert "Incident is:  recovered, not yet resolved" in lines
    assert "Usable until" not in "\n".join(lines)


def test_who_has_taken_it_on_is_a_person_and_never_a_service() -> None:
    assert text(message(ActKind.ACKNOWLEDGED)).splitlines()[2] == "Somebody has taken it on."
    by_service = message(ActKind.ACKNOWLEDGED, state=IncidentState.OPEN)
    assert text(by_service).splitlines()[2] == (
        "A service has acknowledged it, such as another product. That stops nothing: nobody has"
        " taken it on here yet."
    )


def test_an_incident_without_sites_workaround_and_runbook_has_its_words_too() -> None:
    bare = replace(INCIDENT, system="portal", sites=(), attached_to="ehr.availability.1")
    lines = text(message(incident=replace(bare, reopened=3, flapping=True))).splitlines()
    assert "Sites:        no single one: the whole system" in lines
    assert "Workaround:   none documented" in lines
    assert "Belongs to:   ehr.availability.1" in lines
    assert "Repeated:     reopened 3 times; it comes and goes" in lines
    assert not any(line.startswith(("Runbook", "Usable until")) for line in lines)


def test_a_letter_names_twenty_that_hang_on_it_and_counts_the_rest() -> None:
    portal = replace(INCIDENT, system="portal")
    two = [replace(portal, category=3), replace(portal, system="gone", category=1)]
    lines = text(message(GroupStep.GATHERED, attached=two)).splitlines()
    assert lines[2] == "Other systems are in trouble with it: they are named below."
    assert "Affects:      Portal (category 3), gone (category 1)" in lines
    assert not any("Affects" in line for line in text(message()).splitlines())
    for count, rest in ((20, ""), (21, ", 1 more"), (2_000, ", 1980 more")):
        many = [replace(portal, system=f"s-{n}") for n in range(count)]
        named = ", ".join(f"s-{n} (category 2)" for n in range(20))
        lines = text(message(attached=many)).splitlines()
        assert f"Affects:      {named}{rest}" in lines


def test_for_whom_what_comes_due_and_where_to_look_are_told_where_they_are_known() -> None:
    event = json.loads(message().body)
    event["data"] |= {
        "users": 1_200,
        "deadline": {"kind": "response_breached", "at": "2026-01-01T02:00:00.000Z"},
        "link": "https://watch.st-elsewhere.example/",
    }
    lines = text(replace(message(), body=json.dumps(event).encode())).splitlines()
    assert "For whom:     the care of patients; about 1200 users" in lines
    assert (
        "Deadline:     2025-12-31 20:00 CST (2026-01-01 02:00 UTC): somebody must have answered"
        in lines
    )
    assert "Wardwatch:    https://watch.st-elsewhere.example/" in lines


def test_in_an_organization_that_lives_in_utc_a_time_stands_once() -> None:
    lines = text(message(known=config(zone="UTC"))).splitlines()
    assert "Since:        2026-01-01 00:00 UTC" in lines


def test_a_message_written_by_an_earlier_release_has_its_letter_too() -> None:
    event = json.loads(message().body)
    del event["data"]["organization"]["timezone"]
    for name in ("category_why", "deadline", "impact", "link", "minimal", "users"):
        del event["data"][name]
    assert letter(event).subject == "[Wardwatch] EHR: availability, since 2026-01-01 00:00 UTC"


def test_every_enumeration_has_its_words() -> None:
    assert set(CAUSES) == set(Cause)
    assert set(FAMILIES) == set(Family)
    assert set(PRIORITIES) == set(Priority)
    assert set(STATES) == set(IncidentState)
    unsaid = {ActKind.NOTED, DeadlineKind.LATE_DIGEST}
    assert set(STEPS) == {*TransitionKind, *ActKind, *DeadlineKind, *GroupStep} - unsaid
    assert set(ABOUT) == {*TRACKED, *Horizon}
    assert set(DEADLINES) == set(DeadlineKind)
    assert set(CLASSES) == set(ImpactClass)
    assert set(WHYS) == {*CategoryWhy, *CategoryReason}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("family", Family)
def test_every_step_of_every_family_makes_a_letter(step: Step, family: Family) -> None:
    body = text(message(step, replace(INCIDENT, family=family)))
    assert STEPS[step] in body


@pytest.mark.parametrize("state", IncidentState)
def test_every_state_has_its_row(state: IncidentState) -> None:
    assert f"Incident is:  {STATES[state]}\n" in text(message(state=state))


def test_a_reminder_says_of_which_clock_and_until_when() -> None:
    which = Which(DeadlineKind.MDR_SOON, Horizon.USER_FACILITY, 739_000)
    event = json.loads(message(which.kind).body)
    event["data"]["due"] = {"of": which.of, "at": "2026-01-13T06:00:00.000Z", "by": None}
    told = letter(event)
    assert told.step == "A report to the FDA may be due soon. Whether it is, people decide."
    assert [(row.label, row.value) for row in told.rows if row.label in ("About", "Due")] == [
        ("About", "by a user facility, within 10 work days"),
        ("Due", "2026-01-13 00:00 CST (2026-01-13 06:00 UTC)"),
    ]


def test_outages_found_late_stand_in_one_digest() -> None:
    over = replace(INCIDENT, recovered_at=START + 3_600_000)
    body = render_digest(config(), [over], message_id="d", receiver="nurses", at=START)
    told = letter(json.loads(body))
    assert told.headline == "Past outages found late: 1"
    assert [(row.label, row.value) for row in told.rows] == [
        (
            "EHR",
            (
                "down, impaired, 2025-12-31 18:00 CST (2026-01-01 00:00 UTC) to "
                "2025-12-31 19:00 CST (2026-01-01 01:00 UTC), category 2"
            ),
        )
    ]
    many = render_digest(config(), [over] * 203, message_id="d", receiver="nurses", at=START)
    assert letter(json.loads(many)).rows[-1].value == "3 more; see the list of incidents"


STORY = (
    (TransitionKind.OPENED, INCIDENT),
    (TransitionKind.RAISED, replace(INCIDENT, category=3, priority=Priority.P1)),
    (TransitionKind.RECOVERED, replace(INCIDENT, recovered_at=START + 3_600_000)),
)


def test_the_letters_of_an_incident_are_one_conversation() -> None:
    mails = [mail(message(kind, one, seq=n)) for n, (kind, one) in enumerate(STORY, start=1)]
    first = "<st-elsewhere_ehr_availability_1767225600000_nurses_1@st-elsewhere>"
    assert [m["Message-ID"] for m in mails] == [
        first,
        "<st-elsewhere_ehr_availability_1767225600000_nurses_2@st-elsewhere>",
        "<st-elsewhere_ehr_availability_1767225600000_nurses_3@st-elsewhere>",
    ]
    assert [m["In-Reply-To"] for m in mails] == [None, first, first]
    assert [m["References"] for m in mails] == [None, first, first]
    assert {m["Subject"] for m in mails} == {
        "[Wardwatch] EHR: availability, since 2025-12-31 18:00 CST"
    }


def test_the_headers_say_who_wrote_it_when_and_that_no_person_did() -> None:
    found = mail(message())
    assert found["From"] == "Wardwatch <wardwatch@st-elsewhere.example>"
    assert found["To"] == "nurses@st-elsewhere.example"
    assert found["Date"] == "Thu, 01 Jan 2026 00:01:05 +0000"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]


def test_it_is_the_same_at_every_attempt_and_fits_every_mail_server() -> None:
    long = config("Süd " * 29 + "x")
    raw = compose(message(known=long), FROM, TO).raw
    assert raw == compose(message(known=long), FROM, TO).raw
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(len(line) for line in raw.split(b"\r\n")) < 998


def test_the_longest_names_of_messages_are_neither_broken_nor_encoded() -> None:
    one = replace(message(seq=2), org="o" * 63, receiver="r" * 63)
    one = replace(one, incident_key=f"{'s' * 63}.availability.1767225600000")
    first = f"{'o' * 63}_{'s' * 63}_availability_1767225600000_{'r' * 63}_1"
    line = f"\r\nReferences: <{first}@{'o' * 63}>\r\n"
    assert line.encode() in compose(one, FROM, TO).raw


@pytest.mark.parametrize(
    "name", ["Pflegedokumentation Süd", "診療記録", "Ärztliche Übersicht → Süd"]
)
def test_names_in_any_script_arrive(name: str) -> None:
    one = message(known=config(name))
    assert mail(one)["Subject"] == f"[Wardwatch] {name}: availability, since 2025-12-31 18:00 CST"
    assert f"System:       {name}\n" in text(one)
    assert f">{name}</td>" in text(one, "html")


def test_in_html_a_name_is_text_and_nothing_else() -> None:
    name = "<script>alert(1)</script> & \"more\" 'yet'"
    one = message(known=config(name))
    shown = text(one, "html")
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;more&#34; &#39;yet&#39;" in shown
    assert f"System:       {name}\n" in text(one)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_html_says_the_same_and_can_be_read_aloud() -> None:
    reader = Reader()
    reader.feed(text(message(), "html"))
    tags: dict[str, list[dict[str, Any]]] = {}
    for tag, attributes in reader.tags:
        tags.setdefault(tag, []).append(attributes)
    assert tags["html"] == [{"lang": "en"}]
    assert len(tags["h1"]) == 1
    assert {one["scope"] for one in tags["th"]} == {"row"}
    assert [one["href"] for one in tags["a"]] == ["https://intranet.example.org/rb/ehr"]
    assert not {"img", "script", "link", "iframe", "form"} & set(tags)
    shown = " ".join(" ".join(reader.words).split())
    for row in letter(json.loads(message().body)).rows:
        assert f"{row.label} {row.value}" in shown


@pytest.mark.parametrize("bad", ["EHR\nBcc: c@example.org", "EHR\r\nX: y", "EHR\x00", "EHR\u2028x"])
def test_a_name_of_several_lines_is_refused_when_loaded(bad: str) -> None:
    with pytest.raises(ValidationError):
        config(bad)


@pytest.mark.parametrize("bad", ["EHR\nBcc: everybody", "EHR\r\nBcc: everybody"])
def test_a_name_of_several_lines_makes_no_header_even_if_it_came_that_far(bad: str) -> None:
    event = json.loads(message().body)
    event["data"]["system"]["name"] = bad
    with pytest.raises(ValueError, match="linefeed"):
        compose(replace(message(), body=json.dumps(event).encode()), FROM, TO)


def test_a_test_message_cannot_be_taken_for_an_incident() -> None:
    body = render_test(config(), "nurses", name="st-elsewhere_test_nurses_1", at=START)
    one = Message(
        "st-elsewhere_test_nurses_1", "st-elsewhere", "test.nurses", "nurses", 1, body, START, START
    )
    assert mail(one)["Subject"] == "[TEST] Wardwatch at St Elsewhere"
    assert text(one) == (
        "This is a test. No system is affected.\n"
        "\n"
        "Somebody checks that messages arrive here. There is nothing to do.\n"
        "\n"
        "Channel:      nurses\n"
        "Sent:         2025-12-31 18:00 CST (2026-01-01 00:00 UTC)\n"
        "\n"
        "Sent by Wardwatch, the monitoring of St Elsewhere. A program wrote this message.\n"
    )
    assert "<h1" in text(one, "html")
