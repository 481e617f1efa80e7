"""`python -m tests.peers.vendor_openapi DIR`: what our channels send, against vendors' own documents in DIR.

A document is known by its title. What is not published, or not in DIR, is said, and proves nothing.
Exit code: 0 all that is there agrees, 1 it does not, 2 DIR holds no document that is known.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from alerts.channel import ChannelEnv
from tests.peers.vendor_documents import Json, Sent, problems
from tests.support import ticket_messages as messages
from tests.support.every_kind import Settling, at_work
from tests.support.every_message import every_message

CARD = "http://adaptivecards.io/schemas/adaptive-card.json"


@dataclass(frozen=True)
class Known:
    """`prefix` stands before the document's paths at the vendor's server."""

    kind: str
    prefix: str


KNOWN: Mapping[str, Known] = {
    "PagerDuty V2 Events API": Known("pagerduty", "/v2"),
    "Alertmanager API": Known("alertmanager", "/api/v2"),
    "The Jira Cloud platform REST API": Known("jira", ""),
    "Opsgenie REST API": Known("jsm", ""),
    "Support API": Known("zendesk", ""),
    CARD: Known("teams", ""),
}
"""The interface for integrations of Jira Service Management is Opsgenie's of before."""


async def sent_by(kind: str) -> list[Sent]:
    """Every request of every step there is, recorded at a simulated receiver."""
    clock = Settling(messages.NOW)
    async with at_work(kind, clock) as place:
        clock.settle = place.simulated.settle
        async with place.opened(ChannelEnv(clock, place.read_secret)) as channel:
            for message in every_message(messages.config()):
                await channel.deliver(message)
        return [_sent(one) for one in place.heard()]


def _sent(heard: bytes) -> Sent:
    head, _, body = heard.partition(b"\n\n")
    method, target = head.decode().splitlines()[0].split(" ")
    return Sent(method, target, json.loads(body) if body[:1] in (b"{", b"[") else None)


def documents(folder: Path) -> Iterator[tuple[Path, Json]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".json", ".yaml", ".yml"):
            continue
        text = path.read_text("utf-8")
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        if isinstance(found, dict):
            yield path, found


def title_of(document: Json) -> str:
    info = document.get("info")
    return str(info.get("title")) if isinstance(info, Mapping) else str(document.get("id"))


def against_card(schema: Json, sent: Sent) -> list[str]:
    """Of a message of Teams: its card."""
    card = sent.body["attachments"][0]["content"]
    found = jsonschema_rs.validator_for(dict(schema)).iter_errors(_without_teams(card))
    return [f"card {'.'.join(map(str, one.instance_path))}: {one.message[:160]}" for one in found]


def _without_teams(card: dict[str, Any]) -> dict[str, Any]:
    """`msteams` is Teams' own, beside the schema."""
    return {name: value for name, value in card.items() if name != "msteams"}


async def check(folder: Path) -> int:
    seen, wrong = set[str](), 0
    for path, document in documents(folder):
        known = KNOWN.get(title_of(document))
        if known is None:
            continue
        seen.add(known.kind)
        requests = await sent_by(known.kind)
        if known.kind == "teams":
            told = [one for sent in requests for one in against_card(document, sent)]
        else:
            told = [one for sent in requests for one in problems(document, known.prefix, sent)]
        version = document.get("info", {}).get("version", "-")
        sys.stdout.write(
            f"{known.kind}: {len(requests)} requests against {path.name} "
            f"({title_of(document)}, {version}): {len(told) or 'no'} problems\n"
        )
        sys.stdout.writelines(f"  {one}\n" for one in sorted(set(told)))
        wrong += len(told)
    missing = sorted({one.kind for one in KNOWN.values()} - seen)
    if missing:
        sys.stdout.write(f"No document here of: {', '.join(missing)}\n")
    return 2 if not seen else 1 if wrong else 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, help="where the documents are")
    return asyncio.run(check(parser.parse_args(argv).folder))


if __name__ == "__main__":
    sys.exit(main())
