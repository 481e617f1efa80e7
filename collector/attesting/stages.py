"""How far an attestation is, in the order it goes; the text is what a reader is shown. Pure."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    WAITING = "waiting"
    LOG = "log"
    GATHERING = "gathering"
    DERIVING = "deriving"
    WRITING = "writing"


WORDS = {
    Stage.WAITING: "waiting for its turn",
    Stage.LOG: "waiting for a checkpoint of the evidence log",
    Stage.GATHERING: "gathering evidence",
    Stage.DERIVING: "making the numbers from the evidence",
    Stage.WRITING: "writing the bundle",
}
