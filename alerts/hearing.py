"""What the webhooks of each kind of receiver say, read from their bodies. Pure.

Of a document only what stands in these shapes is read; names, addresses and ids of people are not.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec

from alerts.inbound import Heard, Request, Told, UnreadableError, digest, read

_PLAIN = {told.value: told for told in (Told.ACKNOWLEDGED, Told.RESOLVED)}


class _Plain(msgspec.Struct):
    key: str
    event: str
    id: str | Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    text: str | None = None


def plain(sent: Request) -> tuple[Heard, ...]:
    """The body that we document for products whose operator writes it: `key`, `event`, `id`."""
    said = read(sent.body, _Plain)
    event = None if said.id is None else digest(str(said.id).encode())
    return (Heard(said.key, _PLAIN.get(said.event, Told.WROTE), event, _texts(said.text)),)


def standard(sent: Request) -> tuple[Heard, ...]:
    """The same body; what Standard Webhooks signs with it names the event."""
    (heard,) = plain(sent)
    return (replace(heard, event=digest(sent.header("webhook-id").encode("utf-8", "replace"))),)


def zendesk(sent: Request) -> tuple[Heard, ...]:
    """The same body; what is signed with it is a time."""
    (heard,) = plain(sent)
    stamp = sent.header("x-zendesk-webhook-signature-timestamp").encode("utf-8", "replace")
    return (replace(heard, event=digest(stamp, sent.body)),)


class _DutyData(msgspec.Struct):
    incident_key: str | None = None
    content: str | None = None


class _DutyEvent(msgspec.Struct):
    event_type: str
    id: str = ""
    data: _DutyData = msgspec.field(default_factory=_DutyData)


class _Duty(msgspec.Struct):
    event: _DutyEvent


_DUTY = {
    "incident.acknowledged": Told.ACKNOWLEDGED,
    "incident.resolved": Told.RESOLVED,
}


def pagerduty(sent: Request) -> tuple[Heard, ...]:
    """A v3 webhook; `incident_key` of an incident is the dedup_key of the alert that made it."""
    event = read(sent.body, _Duty).event
    told = _DUTY.get(event.event_type, Told.WROTE)
    name = digest(event.id.encode()) if event.id else digest(sent.body)
    return (Heard(event.data.incident_key or "", told, name, _texts(event.data.content)),)


class _JiraCategory(msgspec.Struct):
    key: str = ""


class _JiraStatus(msgspec.Struct):
    statusCategory: _JiraCategory = msgspec.field(  # noqa: N815 - Jira's name
        default_factory=_JiraCategory
    )


class _JiraFields(msgspec.Struct):
    labels: list[str] = []
    status: _JiraStatus = msgspec.field(default_factory=_JiraStatus)


class _JiraIssue(msgspec.Struct):
    fields: _JiraFields = msgspec.field(default_factory=_JiraFields)


class _JiraItem(msgspec.Struct):
    field: str = ""
    toString: str | None = None  # noqa: N815 - Jira's name


class _JiraChanges(msgspec.Struct):
    items: list[_JiraItem] = []


class _JiraComment(msgspec.Struct):
    body: Any = None


class _Jira(msgspec.Struct):
    webhookEvent: str = ""  # noqa: N815 - Jira's name
    issue: _JiraIssue = msgspec.field(default_factory=_JiraIssue)
    changelog: _JiraChanges = msgspec.field(default_factory=_JiraChanges)
    comment: _JiraComment = msgspec.field(default_factory=_JiraComment)


_JIRA = {"indeterminate": Told.ACKNOWLEDGED, "done": Told.RESOLVED}
_JIRA_KEY = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+\.[a-z]+\.[0-9]+\.[a-z0-9-]+")
_JIRA_TYPED = frozenset({"summary", "description", "comment", "environment"})


def jira(sent: Request) -> tuple[Heard, ...]:
    """An issue that moved to another status: to one in progress, or to one that is done. The id of
    a delivery is in a header that is not signed, so the body, which has its time, is the event's.
    """
    said = read(sent.body, _Jira)
    changed = said.changelog.items
    moved = any(item.field == "status" for item in changed)
    told = _JIRA.get(said.issue.fields.status.statusCategory.key) if moved else None
    typed = [item.toString for item in changed if item.field in _JIRA_TYPED]
    ours = [label for label in said.issue.fields.labels if _JIRA_KEY.fullmatch(label)]
    texts = _texts(*typed, *_document(said.comment.body))
    return (Heard(ours[0] if ours else "", told or Told.WROTE, digest(sent.body), texts),)


class _OpsAlert(msgspec.Struct):
    alias: str = ""
    note: str | None = None


class _Ops(msgspec.Struct):
    action: str
    alert: _OpsAlert = msgspec.field(default_factory=_OpsAlert)
    note: str | None = None


_OPS = {"Acknowledge": Told.ACKNOWLEDGED, "Close": Told.RESOLVED}


def jsm(sent: Request) -> tuple[Heard, ...]:
    """An action on an alert, by the outgoing webhook of Jira Service Management operations."""
    said = read(sent.body, _Ops)
    told = _OPS.get(said.action, Told.WROTE)
    return (Heard(said.alert.alias, told, None, _texts(said.alert.note, said.note)),)


_WORDS = {
    "acknowledge": Told.ACKNOWLEDGED,
    "ack": Told.ACKNOWLEDGED,
    "resolve": Told.RESOLVED,
}


def slack(sent: Request) -> tuple[Heard, ...]:
    """A slash command: a form whose `text` is what a person wrote behind the command."""
    try:
        form = dict(parse_qsl(sent.body.decode(), max_num_fields=50, errors="strict"))
    except ValueError:
        raise UnreadableError from None
    if "ssl_check" in form:  # Slack tries the address now and then
        return ()
    if "command" not in form:
        raise UnreadableError
    return _commanded(form.get("text", ""), digest(sent.body))


class _Activity(msgspec.Struct):
    text: str = ""


_MENTION = re.compile(r"<at[^<>]{0,200}>[^<>]{0,200}</at>")
_TAG = re.compile(r"<[^<>]{0,500}>")


def teams(sent: Request) -> tuple[Heard, ...]:
    """What a person wrote to an outgoing webhook that they mentioned."""
    said = _MENTION.sub(" ", read(sent.body, _Activity).text)
    return _commanded(html.unescape(_TAG.sub(" ", said)), digest(sent.body))


def _commanded(text: str, event: str) -> tuple[Heard, ...]:
    """`acknowledge KEY` or `resolve KEY`, and whatever was written behind it."""
    first, _, rest = text.strip().partition(" ")
    told = _WORDS.get(first.lower())
    key = rest.split()[0] if told is not None and rest.split() else ""
    return (Heard(key, told or Told.WROTE, event, _texts(text)),)


def _document(found: Any) -> list[str]:
    """The texts of a comment, which is text, or a document of nodes (`text` in each)."""
    out: list[str] = []
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            out.append(one)
        elif isinstance(one, dict):
            waiting += [one.get("text"), one.get("content")]
        elif isinstance(one, list):
            waiting += one
    return out


def _texts(*found: str | None) -> tuple[str, ...]:
    return tuple(text for text in found if text)
