"""The newest checkpoints of the logs, once a day to who keeps them: an anchor outside of the house.

A checkpoint is public data of a log: its origin, its size and a hash, signed. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.minimal import encoded, harmless
from alerts.render import CHECKPOINTS_TYPE, organization_of
from probes.config import Config
from probes.times import rfc3339


@dataclass(frozen=True, slots=True)
class Anchor:
    """`log` is `evidence` or `audit`, `note` the signed checkpoint as text. Instants are UTC ms;
    `cosigned_at` None: not by enough witnesses, or there are none.
    """

    log: str
    origin: str
    size: int
    signed_at: int
    cosigned_at: int | None
    note: str


def render_checkpoints(
    config: Config, anchors: Sequence[Anchor], *, message_id: str, receiver: str, at: int
) -> bytes:
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"urn:wardwatch:{config.organization.id}",
        "type": CHECKPOINTS_TYPE,
        "subject": f"checkpoints.{receiver}",
        "time": rfc3339(at),
        "datacontenttype": "application/json",
        "data": {
            "organization": organization_of(config),
            "checkpoints": [
                {
                    "id": one.log,
                    "origin": one.origin,
                    "size": one.size,
                    "signed_at": rfc3339(one.signed_at),
                    "cosigned_at": None if one.cosigned_at is None else rfc3339(one.cosigned_at),
                    "note": one.note,
                }
                for one in anchors
            ],
        },
    }
    return encoded(harmless(event))
