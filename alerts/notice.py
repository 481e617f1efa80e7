"""What whoever told us something is answered, in our words. Pure.

Rendered from configured names and codes only; nothing of what they wrote comes back to them.
"""

from __future__ import annotations

from collections.abc import Sequence

from alerts.inbound import Effect
from probes.config import Config

SENTENCES = {
    Effect.ACKNOWLEDGED: "Acknowledged, and shown. The ladder goes on until somebody"
    " acknowledges it in Wardwatch.",
    Effect.UNCHANGED: "It stands so already; nothing was changed.",
    Effect.STILL_ON: "The trouble goes on: an incident ends when what it watches is well again.",
    Effect.PEOPLE_ONLY: "It has recovered. A person resolves it in Wardwatch.",
    Effect.OVER: "It is over; there is nothing to acknowledge.",
    Effect.REPEATED: "This was told before; nothing was changed.",
    Effect.CROWDED: "Too much was told of this incident from here; nothing was changed.",
    Effect.UNKNOWN: "No incident has this key.",
    Effect.NOTHING: "Nothing to do. Write: acknowledge KEY, or: resolve KEY.",
}


def phi_notice(config: Config) -> str:
    """To whoever wrote what looks like a patient's."""
    said = (
        "This looks like patient information. Wardwatch has kept nothing of it, and sends it nowhere."
        " Please remove it from where you wrote it."
    )
    place = config.secure_channel
    if place is None:
        return said
    contact = config.contacts[place.contact]
    mail = "" if contact.email is None else f", {contact.email}"
    return f"{said} It belongs in: {place.name}. Ask {contact.name}{mail}."


def answer(effects: Sequence[Effect], notice: str | None) -> str:
    """A few sentences, what is most urgent first."""
    found = [] if notice is None else [notice]
    return " ".join([*found, *(SENTENCES[one] for one in dict.fromkeys(effects))])
