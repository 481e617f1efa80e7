"""The letters to who depends on a system and does not run it."""

from __future__ import annotations

import email
import email.policy
import json
from dataclasses import replace
from email.message import EmailMessage

import pytest

from alerts.customer import NOW, THEN, UNTOLD, Stage, customer_letter, is_told
from alerts.deadlines import TRACKED
from alerts.events import Cause, Family, Incident
from alerts.mime import Audience, compose
from alerts.outbox import Message
from alerts.people import ActKind
from alerts.people import IncidentState as S
from alerts.render import render_digest, render_test
from alerts.transitions import TransitionKind
from alerts.wording import STEPS
from tests.unit.alerts.test_letter import FROM, TO, Reader, config, message
from tests.unit.alerts.test_render import INCIDENT, START

K = TransitionKind
DOWN = replace(INCIDENT, causes=(Cause.DOWN,))
OVER = replace(DOWN, recovered_at=START + 3_600_000)
END = "\nSent for St Elsewhere by its monitoring. A program wrote this message.\n"


def mail(one: Message) -> EmailMessage:
    raw = compose(one, FROM, TO, Audience.CUSTOMER).raw
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def text(kind: TransitionKind, incident: Incident = DOWN, shape: str = "plain") -> str:
    part = mail(message(kind, incident)).get_body((shape,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_the_first_letter_says_what_where_since_when_and_what_to_do() -> None:
    assert text(K.OPENED) == (
        "EHR does not work\n"
        "\n"
        "What is affected: EHR\n"
        "Where:            North Campus\n"
        "Since:            2025-12-31 18:00 CST\n"
        "Meanwhile:        Downtime binder, until 2025-12-31 22:00 CST\n"
        "\n"
        "We write again when something changes, and when it is over.\n" + END
    )


def test_an_update_says_what_is_new() -> None:
    assert text(K.SITE_ADDED) == (
        "EHR still does not work\n"
        "\n"
        "What is new:      Another site is affected.\n"
        "What is affected: EHR\n"
        "Where:            North Campus\n"
        "Since:            2025-12-31 18:00 CST\n"
        "Meanwhile:        Downtime binder, until 2025-12-31 22:00 CST\n"
        "\n"
        "We write again when something changes, and when it is over.\n" + END
    )


def test_when_it_is_over_the_letter_says_from_when_until_when() -> None:
    assert text(K.RECOVERED, OVER) == (
        "EHR: the trouble is over\n"
        "\n"
        "What it was:      EHR did not work\n"
        "Where:            North Campus\n"
        "From:             2025-12-31 18:00 CST\n"
        "Until:            2025-12-31 19:00 CST\n"
        "\n"
        "We write again if it comes back.\n" + END
    )
    late = text(K.FOUND_LATE, OVER)
    assert "\nWe found this out afterwards. There is nothing you need to do.\n" in late


@pytest.mark.parametrize(
    ("incident", "first"),
    [
        (
            replace(DOWN, causes=(Cause.DOWN, Cause.OVERRUN)),
            "EHR again does not work, longer than was announced",
        ),
        (
            replace(
                DOWN,
                family=Family.ACCESS,
                causes=(Cause.MISCONFIGURED, Cause.REJECTED_BY_ALL),
            ),
            "EHR again refuses requests: we are finding out whose",
        ),
        (
            replace(DOWN, family=Family.BLIND, causes=(Cause.UNKNOWN,)),
            "EHR again may not work: we cannot see it at present",
        ),
    ],
)
def test_what_has_come_back_is_told_as_that(incident: Incident, first: str) -> None:
    assert text(K.REOPENED, replace(incident, reopened=1)).startswith(first)


def test_what_can_be_seen_again_is_not_said_to_work() -> None:
    seen = replace(OVER, family=Family.BLIND, causes=(Cause.UNKNOWN,))
    assert text(K.RECOVERED, seen).startswith("EHR: we can see it again\n")


def test_a_system_without_a_workaround_and_without_sites_has_its_words() -> None:
    lines = text(K.OPENED, replace(DOWN, system="portal", sites=())).splitlines()
    assert "Where:            everywhere" in lines
    assert "Meanwhile:        there is no documented way to go on without it" in lines


@pytest.mark.parametrize("kind", TransitionKind)
@pytest.mark.parametrize("family", Family)
def test_every_step_makes_a_letter_without_words_of_engineers(
    kind: TransitionKind, family: Family
) -> None:
    over = kind in (K.RECOVERED, K.CORRECTED, K.RESOLVED, K.FOUND_LATE)
    told = text(kind, replace(OVER if over else DOWN, family=family))
    assert not [w for w in ("P2", "ategor", "unbook", "riority", "https:", "ehr.") if w in told]
    assert ("Until:" in told) is over


def test_every_cause_has_its_words() -> None:
    assert set(NOW) == set(THEN) == set(Cause)


def test_the_letters_of_an_incident_are_one_conversation_and_stages_follow_the_type() -> None:
    steps = ((K.OPENED, DOWN), (K.RAISED, DOWN), (K.RECOVERED, OVER), (K.RESOLVED, OVER))
    mails = [mail(message(kind, one, seq=n)) for n, (kind, one) in enumerate(steps, start=1)]
    assert {m["Subject"] for m in mails} == {
        "[St Elsewhere] EHR: notice of trouble since 2025-12-31 18:00 CST"
    }
    first = mails[0]["Message-ID"]
    assert [m["In-Reply-To"] for m in mails] == [None, first, first, first]


@pytest.mark.parametrize(
    ("kind", "incident", "stage"),
    [
        (K.PAGED, DOWN, Stage.OPENED),
        (K.REOPENED, DOWN, Stage.UPDATE),
        (K.CORRECTED, OVER, Stage.RESOLVED),
    ],
)
def test_the_stage_follows_the_type_of_the_event(
    kind: TransitionKind, incident: Incident, stage: Stage
) -> None:
    assert customer_letter(json.loads(message(kind, incident).body)).stage is stage


@pytest.mark.parametrize("kind", [K.OPENED, K.SITE_ADDED, K.RECOVERED])
def test_the_html_says_the_same_and_can_be_read_aloud(kind: TransitionKind) -> None:
    incident = OVER if kind is K.RECOVERED else DOWN
    reader = Reader()
    reader.feed(text(kind, incident, "html"))
    tags = [tag for tag, _ in reader.tags]
    assert ("html", {"lang": "en"}) in reader.tags
    assert tags.count("h1") == 1
    assert {attributes["scope"] for tag, attributes in reader.tags if tag == "th"} == {"row"}
    assert not {"img", "script", "link", "iframe", "form"} & set(tags)
    shown = " ".join(" ".join(reader.words).replace(":", " ").split())
    for line in text(kind, incident).splitlines():
        assert " ".join(line.replace(":", " ").split()) in shown


def test_in_html_a_name_is_text_and_nothing_else() -> None:
    name = "<script>alert(1)</script> & \"more\" 'yet'"
    part = mail(message(known=config(name))).get_body(("html",))
    assert part is not None
    assert "<script" not in part.get_content()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#34;more&#34;" in part.get_content()


def test_a_test_message_is_the_same_for_everybody() -> None:
    body = render_test(config(), "wards", name="st-elsewhere_test_wards_1", at=START)
    one = Message("x_1", "st-elsewhere", "test.wards", "wards", 1, body, START, START)
    assert mail(one)["Subject"] == "[TEST] Wardwatch at St Elsewhere"


def test_steps_for_those_who_run_the_system_make_no_letter_for_a_customer() -> None:
    for step in STEPS:
        told = is_told(json.loads(message(step).body))
        assert told is (step not in UNTOLD)
    assert {*K} & UNTOLD == {K.RESOLVED}
    assert UNTOLD.isdisjoint(TRACKED)
    assert is_told(json.loads(render_test(config(), "wards", name="t", at=START)))
    digest = render_digest(config(), [OVER], message_id="d", receiver="wards", at=START)
    assert not is_told(json.loads(digest))


def test_a_workaround_whose_time_has_passed_is_not_offered() -> None:
    event = json.loads(message(K.RAISED, DOWN).body) | {"time": "2026-01-01T04:00:01.000Z"}
    assert customer_letter(event).meanwhile == "the time of this has passed: Downtime binder"


def test_what_a_person_has_settled_is_not_told_as_over() -> None:
    wrong = json.loads(message(ActKind.FALSE_POSITIVE, DOWN, state=S.FALSE_POSITIVE).body)
    assert customer_letter(wrong).headline == "EHR: nothing was wrong, we were mistaken"
    assert not is_told(json.loads(message(ActKind.MERGED, DOWN, state=S.MERGED).body))
