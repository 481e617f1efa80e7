"""Jira by its REST API: one issue an incident, found again by a label."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import aiohttp
from pydantic import Field, StringConstraints, model_validator

from alerts import inbound_kinds
from alerts.calls import (
    Base,
    Calls,
    File,
    Reply,
    Timeout,
    User,
    opened,
    read_text,
    without,
)
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee
from alerts.deskchannel import DeskChannel
from alerts.filing import Change, Held, described, read, unreadable
from alerts.jira_shapes import Issue, Labelled, Made, Offered, Page, Status, document, plain
from alerts.lookup import Found, Move, Standing, bounded_key
from alerts.ticket import Ticket
from probes.config_words import Model, SecretRef

KEY_CHARS = 255
TITLE_CHARS = 255
TEXT_CHARS = 30_000
PAGE = 100
PAGES = 10
MISSING = 404
INDEX_DELAY_MS = 300_000
"""How long a search may miss what was written: seconds as a rule, minutes while an index is rebuilt."""
TAG = "wardwatch"
"""A label of what we made: an issue that has our key's label without it is people's own."""
_KEY = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+\.[a-z]+\.[0-9]+\..+")
"""Organization, system, family, start and receiver: the key of any incident."""
OURS = frozenset({"project", "issuetype", "summary", "description", "labels", "priority"})
INTERNAL = [{"key": "sd.public.comment", "value": {"internal": True}}]
"""Makes a comment internal where the project has customers; elsewhere it means nothing."""
Label = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Labels = Annotated[tuple[Label, ...], Field(min_length=1)]


class Priorities(Model):
    P1: Label = "Highest"
    """What the priority is called in Jira."""
    P2: Label = "High"
    """What the priority is called in Jira."""
    P3: Label = "Medium"
    """What the priority is called in Jira."""
    P4: Label = "Low"
    """What the priority is called in Jira."""

    def names(self) -> list[str]:
        return [self.P1, self.P2, self.P3, self.P4]


class Transitions(Model):
    """Names of transitions or of the statuses they lead to; the first that the issue offers is taken."""

    acknowledge: Labels = ("In Progress", "Start Progress", "Work in progress", "Investigate")
    """When somebody acknowledges here; an issue that offers none stays where it is."""
    resolve: Labels = ("Resolved", "Resolve", "Resolve Issue", "Done", "Completed")
    """When it is over."""
    reopen: Labels = ("Reopened", "Reopen", "Reopen Issue", "In Progress", "To Do", "Open")
    """When the incident is open again; where an issue offers none, a new one is made."""


class JiraConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    url: Annotated[Base, without(r"/rest(?:/api(?:/[0-9a-z]+)?)?")]
    """The site, such as `https://hospital.atlassian.net`."""
    edition: Literal["cloud", "data_center"] = "cloud"
    """`cloud`: REST v3, `user` and `token`; `data_center`: REST v2, the token alone."""
    user: User | None = None
    """In the cloud: the mail address of the account whose API token it is."""
    token: SecretRef
    """Where the API token (cloud) or personal access token (data center) is; read at each attempt."""
    project: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,79}$")]
    """Key of the project that issues are made in."""
    issue_type: Label = "Incident"
    """Name of their type."""
    priorities: Priorities = Priorities()
    """What priorities are called there."""
    transitions: Transitions = Transitions()
    """Which transitions are taken."""
    closed: tuple[Label, ...] = ("Closed",)
    """Statuses that are over for good; any other one of the category Done can be opened again."""
    resolution: Label | None = None
    """Name of the resolution that the resolving transition asks for, such as `Done`."""
    fields: Mapping[Label, Any] = {}
    """More fields of a new issue, as the REST API takes them."""
    ca: File | None = None
    """PEM file of the CA to trust instead of this host's."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""

    @model_validator(mode="after")
    def _consistent(self) -> JiraConfig:
        if (self.user is None) == (self.edition == "cloud"):
            raise ValueError("user belongs to the edition cloud, and is needed there")
        own = sorted(OURS & {*self.fields})
        if own:
            raise ValueError(f"the channel itself sees to {', '.join(own)}")
        return self


class _Desk:
    key_chars = KEY_CHARS

    def __init__(self, config: JiraConfig, calls: Calls, login: str) -> None:
        self._config = config
        self._calls = calls
        self._login = {"authorization": login}
        self._cloud = config.edition == "cloud"
        self._api = f"{config.url}/rest/api/{3 if self._cloud else 2}"

    def level(self, ticket: Ticket) -> int:
        return int(ticket.priority[1])

    async def find(self, ticket: Ticket) -> tuple[Reply, Sequence[Found]]:
        key = bounded_key(ticket.key, KEY_CHARS)
        asked: dict[str, Any] = {
            "jql": f'project = "{self._config.project}" AND labels = "{key}" ORDER BY key ASC',
            "fields": ["labels", "status", "priority"],
            "maxResults": PAGE,
        }
        path = "/search/jql" if self._cloud else "/search"
        issues: list[Issue] = []
        for _ in range(PAGES):
            reply = await self._call("POST", path, asked)
            page = read(reply, Page)
            issues += page.issues
            if page.nextPageToken is None:
                return reply, [self._found(one) for one in issues if key in one.fields.labels]
            asked["nextPageToken"] = page.nextPageToken
        raise unreadable(reply)

    async def create(self, ticket: Ticket) -> Reply:
        fields = {
            **self._config.fields,
            "project": {"key": self._config.project},
            "issuetype": {"name": self._config.issue_type},
            "summary": ticket.title[:TITLE_CHARS],
            "description": self._text(described(ticket, TEXT_CHARS)),
            "labels": [TAG, bounded_key(ticket.key, KEY_CHARS)],
            "priority": {"name": getattr(self._config.priorities, ticket.priority)},
        }
        return await self._call("POST", "/issue", {"fields": fields})

    def created(self, reply: Reply) -> Found:
        key = read(reply, Made).key
        return Found(key, key, Standing.NEW)

    async def change(self, found: Found, ticket: Ticket, change: Change) -> Reply:
        """What may be impossible is asked for first: nothing is written twice because of it."""
        issue = f"/issue/{found.id}"
        transition = None
        if change.move is not None:
            reply, transition = await self._transition(issue, change.move)
        if change.move is Move.REOPEN and transition is None:
            return await self.create(ticket)
        if change.rank:
            name = getattr(self._config.priorities, ticket.priority)
            reply = await self._call("PUT", issue, {"fields": {"priority": {"name": name}}})
        if change.note is not None:
            note = {"body": self._text(change.note[:TEXT_CHARS]), "properties": INTERNAL}
            reply = await self._call("POST", f"{issue}/comment", note)
        if transition is not None:
            reply = await self._call("POST", f"{issue}/transitions", transition)
        return reply

    async def held(self, name: str, key: str) -> tuple[Reply, Held | None]:
        """An issue of the project; one that we made or adopted for another incident has its key."""
        reply = await self._call("GET", f"/issue/{name}", also=(MISSING,))
        if reply.status == MISSING:
            return reply, None
        issue = read(reply, Labelled)
        if not issue.key.startswith(f"{self._config.project}-"):
            return reply, None  # moved, or never where we look for issues
        labels = issue.fields.labels
        others = (one for one in labels if one == TAG or _KEY.fullmatch(one))
        return reply, Held(issue.key, key if key in labels else next(others, ""))

    async def mark(self, held: Held, key: str) -> Reply:
        labels = {"update": {"labels": [{"add": key}]}}
        return await self._call("PUT", f"/issue/{held.id}", labels)

    async def _transition(self, issue: str, move: Move) -> tuple[Reply, dict[str, Any] | None]:
        reply = await self._call("GET", f"{issue}/transitions")
        offered = read(reply, Offered).transitions
        names: Sequence[str] = getattr(self._config.transitions, move.value)
        backwards = offered[::-1]  # of several the first is taken, and a name before a status
        by_name = {one.to.name.casefold(): one for one in backwards}
        by_name |= {one.name.casefold(): one for one in backwards}
        chosen = next((by_name[n.casefold()] for n in names if n.casefold() in by_name), None)
        if chosen is None and move is Move.RESOLVE:
            raise unreadable(reply)
        if chosen is None:
            return reply, None
        body: dict[str, Any] = {"transition": {"id": chosen.id}}
        if move is Move.RESOLVE and self._config.resolution is not None:
            body["fields"] = {"resolution": {"name": self._config.resolution}}
        return reply, body

    async def _call(
        self, method: str, path: str, body: Any = None, also: Collection[int] = ()
    ) -> Reply:
        return await self._calls.call(
            method, self._api + path, headers=self._login, body=body, also=also
        )

    def _text(self, text: str) -> Any:
        return document(text) if self._cloud else plain(text)

    def _found(self, issue: Issue) -> Found:
        status, priority = issue.fields.status, issue.fields.priority
        levels = {name: n for n, name in enumerate(self._config.priorities.names(), 1)}
        level = None if priority is None else levels.get(priority.name)
        ours = TAG in issue.fields.labels
        return Found(issue.key, issue.key, self._standing(status), level, ours)

    def _standing(self, status: Status) -> Standing:
        if status.name in self._config.closed:
            return Standing.CLOSED
        known = {"new": Standing.NEW, "done": Standing.RESOLVED}
        return known.get(status.statusCategory.key, Standing.TAKEN)


def _sign_in(config: JiraConfig, env: ChannelEnv, calls: Calls) -> _Desk:
    token, user = read_text(env, config.token), config.user
    login = f"Bearer {token}" if user is None else aiohttp.encode_basic_auth(user, token)
    return _Desk(config, calls, login)


@asynccontextmanager
async def _open(config: JiraConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock, config.ca) as calls:
        yield DeskChannel(env, config.timeout, INDEX_DELAY_MS, lambda: _sign_in(config, env, calls))


def _parse(spec: Mapping[str, Any]) -> JiraConfig:
    return JiraConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="jira",
    summary="An issue in Jira that follows the incident to its end.",
    guarantee=Guarantee.LOOKUP,
    settings=JiraConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.JIRA,
)
