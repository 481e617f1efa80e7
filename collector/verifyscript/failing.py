"""What can be found wrong: a name for each, and what it means for whoever asked.

The names are those of `wardwatch verify`, whose documentation has each in words.
"""

from __future__ import annotations

_WRONG = (
    "subject.differs",
    "subject.unlisted",
    "checkpoint.signature",
    "checkpoint.future",
    "log.origin",
    "log.checkpoints",
    "log.start",
    "log.length",
    "log.root",
    "log.state",
    "since.forked",
    "rows.order",
    "rows.differ",
    "rows.proof",
    "rows.config",
    "rows.act",
    "early.proof",
    "early.forked",
    "beacon.unknown",
    "since.rolled_back",
    "chain.other_org",
    "chain.double",
    "chain.broken",
    "keys.illegal",
    "keys.signature",
    "segment.order",
    "segment.place",
    "segment.proof",
    "segment.foreign",
    "tombstone.body",
    "figures.differ",
)
_INCOMPLETE = (
    "bundle.member",
    "subject.missing",
    "log.late_start",
    "since.ahead",
    "since.before",
    "rows.withheld",
    "rows.proof_missing",
    "early.missing",
    "checkpoint.early",
    "segment.withheld",
    "tombstone.missing",
)
_UNTRUSTED = (
    "statement.unsigned",
    "checkpoint.unsigned",
    "checkpoint.quorum",
    "checkpoint.revoked",
    "rows.backdated",
    "since.unsigned",
    "since.other_log",
    "early.untrusted",
    "early.later",
    "keys.unknown",
    "keys.not_taken",
)
_MALFORMED = (
    "bundle.shape",
    "bundle.limit",
    "bundle.name",
    "statement.malformed",
    "policy.malformed",
    "checkpoint.malformed",
    "log.malformed",
    "log.entry",
    "rows.malformed",
    "chain.header",
    "segment.malformed",
    "tombstone.malformed",
    "figures.asked",
)
KINDS = {
    **dict.fromkeys(_WRONG, "wrong"),
    **dict.fromkeys(_INCOMPLETE, "incomplete"),
    **dict.fromkeys(_UNTRUSTED, "untrusted"),
    **dict.fromkeys(_MALFORMED, "malformed"),
}
"""`wrong`: the evidence contradicts what is said of it. The others: nothing can be said of it."""


class Failure(Exception):  # noqa: N818 - what `wardwatch verify` calls it
    """`code` is one of `KINDS`, `where` the member, index or field."""

    def __init__(self, code: str, where: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.where = where
        self.kind = KINDS[code]

    @property
    def exit_code(self) -> int:
        return 1 if self.kind == "wrong" else 2
