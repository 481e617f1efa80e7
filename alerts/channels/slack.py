"""Slack by incoming webhook: a message for each step, to one channel of the workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from alerts import inbound_kinds
from alerts.calls import Calls, Timeout, as_ticket, attempt, opened, read_url
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from alerts.secrets import address_of
from alerts.ticket import Ticket
from probes.config_words import Model, SecretRef

TITLE_CHARS = 150
ROW_CHARS = 300
LINES_CHARS = 2_900
"""Of all rows: a section holds 3000."""
NO_SUCH_HOOK = 404
"""Slack says so of a webhook that was taken away, and of a channel that is no more (410)."""


class SlackConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    url: SecretRef
    """Where the address of the incoming webhook is: whoever has it can write there."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""


class Slack:
    def __init__(self, config: SlackConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._calls = calls

    async def deliver(self, message: Message) -> Receipt:
        return await attempt(self._deliver(as_ticket(self._env, message)), self._config.timeout)

    async def _deliver(self, ticket: Ticket) -> Receipt:
        url = read_url(self._env, self._config.url)
        reply = await self._calls.call("POST", url, body=written(ticket), also=(NO_SUCH_HOOK,))
        if reply.status == NO_SUCH_HOOK:
            return Receipt(Verdict.RETRY, DeliveryReason.SECRET, reply.status)
        return reply.sent


def written(ticket: Ticket) -> dict[str, Any]:
    """A message in blocks; `text` is what a notification shows. Nothing in it is markup."""
    title = f"{ticket.priority} {ticket.headline}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(title[:TITLE_CHARS])},
        {"type": "section", "text": _plain(ticket.step)},
        {"type": "section", "text": _plain(_lines(ticket))},
    ]
    if ticket.link:
        blocks[1]["accessory"] = {"type": "button", "text": _plain("Wardwatch"), "url": ticket.link}
    return {"text": _escaped(f"{title}. {ticket.step}"), "blocks": blocks}


def _lines(ticket: Ticket) -> str:
    made: list[str] = []
    for label, value in ticket.rows:
        line = f"{label}: {value}"[:ROW_CHARS]
        if sum(len(one) + 1 for one in made) + len(line) > LINES_CHARS:
            made.append(f"And {len(ticket.rows) - len(made)} more lines; see the list of incidents")
            break
        made.append(line)
    return "\n".join(made)


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """The three characters that control Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@asynccontextmanager
async def _open(config: SlackConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock) as calls:
        yield Slack(config, env, calls)


def _hook(raw: bytes) -> None:
    parts = address_of(raw)
    if parts.hostname == "hooks.slack.com" and not parts.path.startswith("/services/"):
        raise ValueError(
            "the address of an incoming webhook starts with https://hooks.slack.com/services/; "
            "that of a workflow takes no messages of ours"
        )


def _parse(spec: Mapping[str, Any]) -> SlackConfig:
    return SlackConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="slack",
    summary="A message for each step of an incident to a channel in Slack.",
    guarantee=Guarantee.SEND,
    settings=SlackConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.SLACK,
    secrets={"url": _hook},
)
