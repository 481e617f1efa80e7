"""Why a bundle is not verified: a closed list, and the one error that carries it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Class(StrEnum):
    """What kind of failure it is; the exit code follows from it."""

    WRONG = "wrong"
    """The evidence contradicts what is said of it, or itself."""
    INCOMPLETE = "incomplete"
    """Something that would show it is not there."""
    UNTRUSTED = "untrusted"
    """Nobody whom the policy names has signed it."""
    MALFORMED = "malformed"
    """It cannot be read as what it should be."""


EXIT_CODES = {Class.WRONG: 1, Class.INCOMPLETE: 2, Class.UNTRUSTED: 2, Class.MALFORMED: 2}


class Failure(StrEnum):
    """The part before the dot is the check that finds it."""

    BUNDLE_SHAPE = "bundle.shape"
    BUNDLE_LIMIT = "bundle.limit"
    BUNDLE_NAME = "bundle.name"
    BUNDLE_MEMBER = "bundle.member"
    STATEMENT_MALFORMED = "statement.malformed"
    STATEMENT_UNSIGNED = "statement.unsigned"
    SUBJECT_DIFFERS = "subject.differs"
    SUBJECT_MISSING = "subject.missing"
    SUBJECT_UNLISTED = "subject.unlisted"
    POLICY_MALFORMED = "policy.malformed"
    CHECKPOINT_MALFORMED = "checkpoint.malformed"
    CHECKPOINT_UNSIGNED = "checkpoint.unsigned"
    CHECKPOINT_SIGNATURE = "checkpoint.signature"
    CHECKPOINT_QUORUM = "checkpoint.quorum"
    CHECKPOINT_FUTURE = "checkpoint.future"
    CHECKPOINT_EARLY = "checkpoint.early"
    CHECKPOINT_REVOKED = "checkpoint.revoked"
    LOG_MALFORMED = "log.malformed"
    LOG_ENTRY = "log.entry"
    LOG_ORIGIN = "log.origin"
    LOG_CHECKPOINTS = "log.checkpoints"
    LOG_START = "log.start"
    LOG_LENGTH = "log.length"
    LOG_ROOT = "log.root"
    LOG_STATE = "log.state"
    LOG_LATE_START = "log.late_start"
    SINCE_UNSIGNED = "since.unsigned"
    SINCE_OTHER_LOG = "since.other_log"
    SINCE_FORKED = "since.forked"
    SINCE_ROLLED_BACK = "since.rolled_back"
    SINCE_AHEAD = "since.ahead"
    SINCE_BEFORE = "since.before"
    ROWS_MALFORMED = "rows.malformed"
    ROWS_ORDER = "rows.order"
    ROWS_DIFFER = "rows.differ"
    ROWS_WITHHELD = "rows.withheld"
    ROWS_PROOF = "rows.proof"
    ROWS_PROOF_MISSING = "rows.proof_missing"
    ROWS_BACKDATED = "rows.backdated"
    ROWS_CONFIG = "rows.config"
    ROWS_ACT = "rows.act"
    EARLY_MISSING = "early.missing"
    EARLY_PROOF = "early.proof"
    EARLY_UNTRUSTED = "early.untrusted"
    EARLY_FORKED = "early.forked"
    EARLY_LATER = "early.later"
    CHAIN_HEADER = "chain.header"
    CHAIN_OTHER_ORG = "chain.other_org"
    CHAIN_DOUBLE = "chain.double"
    CHAIN_BROKEN = "chain.broken"
    KEYS_ILLEGAL = "keys.illegal"
    KEYS_UNKNOWN = "keys.unknown"
    KEYS_NOT_TAKEN = "keys.not_taken"
    KEYS_SIGNATURE = "keys.signature"
    BEACON_UNKNOWN = "beacon.unknown"
    SEGMENT_MALFORMED = "segment.malformed"
    SEGMENT_ORDER = "segment.order"
    SEGMENT_PLACE = "segment.place"
    SEGMENT_PROOF = "segment.proof"
    SEGMENT_FOREIGN = "segment.foreign"
    SEGMENT_WITHHELD = "segment.withheld"
    TOMBSTONE_MALFORMED = "tombstone.malformed"
    TOMBSTONE_BODY = "tombstone.body"
    TOMBSTONE_MISSING = "tombstone.missing"
    FIGURES_ASKED = "figures.asked"
    FIGURES_DIFFER = "figures.differ"
    REPORT_DIFFERS = "report.differs"
    TIMESTAMP_MALFORMED = "timestamp.malformed"
    TIMESTAMP_DIFFERS = "timestamp.differs"
    TIMESTAMP_UNTRUSTED = "timestamp.untrusted"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`what` says what was found, `ask` what the reader of the report should ask for next."""

    kind: Class
    what: str
    ask: str


_W, _I, _U, _M = Class.WRONG, Class.INCOMPLETE, Class.UNTRUSTED, Class.MALFORMED
_AGAIN = "Ask for the bundle again: it may have been damaged on its way."
_ISSUER = "Ask the issuer to explain it; until then take no number from this bundle."

MEANINGS: dict[Failure, Meaning] = {
    Failure.BUNDLE_SHAPE: Meaning(
        _M,
        "It is not a bundle, byte for byte as one is written: cut short, added to, packed again by "
        "another program, or another kind of file.",
        _AGAIN,
    ),
    Failure.BUNDLE_LIMIT: Meaning(
        _M,
        "A member, or what is packed in it, is larger than a reader takes.",
        "Ask for a bundle of a shorter period, or of fewer systems.",
    ),
    Failure.BUNDLE_NAME: Meaning(
        _M,
        "It has a member of a name, or at a place, that no bundle has.",
        "Do not unpack it. " + _AGAIN,
    ),
    Failure.BUNDLE_MEMBER: Meaning(
        _I,
        "A member that every bundle has is not there.",
        _AGAIN,
    ),
    Failure.STATEMENT_MALFORMED: Meaning(
        _M,
        "`statement.json` is no signed statement about availability of a version known here.",
        "Look for a newer version of this program, or ask for the bundle again.",
    ),
    Failure.STATEMENT_UNSIGNED: Meaning(
        _U,
        "No log key that the policy names, and that was not revoked, has signed the statement.",
        "Ask the issuer, over another channel, for the key's text, and compare it with the policy.",
    ),
    Failure.SUBJECT_DIFFERS: Meaning(
        _W,
        "A member is not the one that the statement names: its SHA-256 is another.",
        _AGAIN,
    ),
    Failure.SUBJECT_MISSING: Meaning(
        _I,
        "The statement names a member that is not in the bundle.",
        _AGAIN,
    ),
    Failure.SUBJECT_UNLISTED: Meaning(
        _W,
        "The bundle has a member that the statement does not name: somebody added it.",
        _AGAIN,
    ),
    Failure.POLICY_MALFORMED: Meaning(
        _M,
        "The bundle's `policy.txt` is no trust policy.",
        "Use a policy of your own with --policy, or ask for the bundle again.",
    ),
    Failure.CHECKPOINT_MALFORMED: Meaning(
        _M,
        "A checkpoint is no signed tree head.",
        _AGAIN,
    ),
    Failure.CHECKPOINT_UNSIGNED: Meaning(
        _U,
        "No log key of the policy has signed a checkpoint under the log's name.",
        "Compare the policy's log keys with what the issuer tells you over another channel.",
    ),
    Failure.CHECKPOINT_SIGNATURE: Meaning(
        _W,
        "A checkpoint bears a signature of a known key, and the signature is false.",
        _ISSUER,
    ),
    Failure.CHECKPOINT_QUORUM: Meaning(
        _U,
        "Too few of the policy's witnesses have cosigned the final checkpoint: nobody but the issuer "
        "vouches that this is the only log there is.",
        "Ask the witnesses for the checkpoint they hold of this log.",
    ),
    Failure.CHECKPOINT_FUTURE: Meaning(
        _W,
        "A witness cosigned more than a day after the statement says that it was computed.",
        "Ask the witness about its clock, and the issuer about the statement's.",
    ),
    Failure.CHECKPOINT_EARLY: Meaning(
        _I,
        "The witnesses saw the final checkpoint before the period was over: evidence that came later "
        "is not in it.",
        "Ask for a bundle made after the period was closed, 72 hours after its end.",
    ),
    Failure.CHECKPOINT_REVOKED: Meaning(
        _U,
        "The checkpoint is larger than the last one for which its revoked key is to be trusted.",
        "Ask for a bundle signed with a key that is in force.",
    ),
    Failure.LOG_MALFORMED: Meaning(
        _M,
        "The tree before the range, or the list of checkpoints, is not of its form.",
        _AGAIN,
    ),
    Failure.LOG_ENTRY: Meaning(
        _M,
        "An entry of the log is not of the form that a log of this kind has.",
        _ISSUER,
    ),
    Failure.LOG_ORIGIN: Meaning(
        _W,
        "The parts of the bundle name different logs.",
        _ISSUER,
    ),
    Failure.LOG_CHECKPOINTS: Meaning(
        _W,
        "The list of checkpoints does not go from the range's start to the final checkpoint, growing "
        "each time.",
        _ISSUER,
    ),
    Failure.LOG_START: Meaning(
        _W,
        "The log does not begin with the entry that names its organization, or that entry comes again.",
        _ISSUER,
    ),
    Failure.LOG_LENGTH: Meaning(
        _W,
        "There are fewer or more entries than the final checkpoint counts, or the last is cut short.",
        _ISSUER,
    ),
    Failure.LOG_ROOT: Meaning(
        _W,
        "The entries do not lead to a checkpoint's root: an entry was changed, removed, added or "
        "moved after the checkpoint was signed.",
        _ISSUER,
    ),
    Failure.LOG_STATE: Meaning(
        _W,
        "An entry does not count the rows that numbers depend on as the entries before it do.",
        _ISSUER,
    ),
    Failure.LOG_LATE_START: Meaning(
        _I,
        "The range of the log begins too late: no quorum of witnesses had seen its first checkpoint "
        "when the evidence begins. Evidence of the period may stand before it.",
        "Ask for a bundle whose range begins earlier.",
    ),
    Failure.SINCE_UNSIGNED: Meaning(
        _U,
        "The checkpoint given with --since is not signed by a log key of the policy.",
        "Look for the checkpoint you kept; use the policy that names the key of then, too.",
    ),
    Failure.SINCE_OTHER_LOG: Meaning(
        _U,
        "The checkpoint given with --since is of another log.",
        "If the log was started anew, ask for the entry that names the old head.",
    ),
    Failure.SINCE_FORKED: Meaning(
        _W,
        "At the size of the checkpoint you kept, this log has another root: the past was rewritten.",
        "Keep both checkpoints: together they prove it. Ask the issuer and the witnesses.",
    ),
    Failure.SINCE_ROLLED_BACK: Meaning(
        _W,
        "The witnesses cosigned this shorter log after the longer one of the checkpoint you kept.",
        "Keep both checkpoints: together they prove it. Ask the issuer and the witnesses.",
    ),
    Failure.SINCE_AHEAD: Meaning(
        _I,
        "The checkpoint you kept is of a longer log than this bundle's: nothing shows that the one "
        "continues the other.",
        "Ask for a bundle that was made after the checkpoint, or for the log's tiles.",
    ),
    Failure.SINCE_BEFORE: Meaning(
        _I,
        "The checkpoint you kept is of before the range of the log that this bundle has.",
        "Verify the bundle of a month between with it first and keep that one's checkpoint, or ask "
        "for the log's tiles.",
    ),
    Failure.ROWS_MALFORMED: Meaning(
        _M,
        "`rows.jsonl` is not of its form.",
        _AGAIN,
    ),
    Failure.ROWS_ORDER: Meaning(
        _W,
        "The disclosed rows do not stand in the order of the log, or one stands twice.",
        _ISSUER,
    ),
    Failure.ROWS_DIFFER: Meaning(
        _W,
        "A disclosed row is not what the log holds at its place.",
        _ISSUER,
    ),
    Failure.ROWS_WITHHELD: Meaning(
        _I,
        "A row that numbers depend on (a config, a window, a correction, a ruling, a key) is in the "
        "log and not in the bundle.",
        "Ask for the row: it may be a cancellation, or a config that changes what counts.",
    ),
    Failure.ROWS_PROOF: Meaning(
        _W,
        "The proof of a row does not lead from the row to the final checkpoint.",
        _ISSUER,
    ),
    Failure.ROWS_PROOF_MISSING: Meaning(
        _I,
        "A row from before the range of the log has no proof of its place.",
        _AGAIN,
    ),
    Failure.ROWS_BACKDATED: Meaning(
        _U,
        "A row that numbers depend on says that it was recorded more than an hour before batches were "
        "received that stand before it in the log.",
        "Ask the issuer whether the collector's clock was wrong, and what the row changed.",
    ),
    Failure.ROWS_CONFIG: Meaning(
        _W,
        "A disclosed config cannot be read as one, or lacks a disclosed system that it counts.",
        _ISSUER,
    ),
    Failure.ROWS_ACT: Meaning(
        _W,
        "A disclosed row does not say what a row of its kind says.",
        _ISSUER,
    ),
    Failure.EARLY_MISSING: Meaning(
        _I,
        "An approval or a config has no proof of when the witnesses first saw it.",
        "Ask for that proof: without it nobody knows whether it was approved beforehand.",
    ),
    Failure.EARLY_PROOF: Meaning(
        _W,
        "The proof of when witnesses first saw a row does not lead from the row to its checkpoint.",
        _ISSUER,
    ),
    Failure.EARLY_UNTRUSTED: Meaning(
        _U,
        "The checkpoint that shows when a row was first seen is not signed, or not by a quorum of "
        "the policy's witnesses.",
        "Ask the witnesses for what they cosigned then.",
    ),
    Failure.EARLY_FORKED: Meaning(
        _W,
        "The checkpoint that shows when a row was first seen has a root that this log never had.",
        "Keep both checkpoints: together they prove that there were two logs.",
    ),
    Failure.EARLY_LATER: Meaning(
        _U,
        "By your policy the witnesses saw an approval only after the window had begun, and the "
        "statement says before.",
        "Ask the issuer for the policy by which it was seen before.",
    ),
    Failure.CHAIN_HEADER: Meaning(
        _M,
        "A batch in the log has a header that no agent makes.",
        _ISSUER,
    ),
    Failure.CHAIN_OTHER_ORG: Meaning(
        _W,
        "A batch in the log is of another organization.",
        _ISSUER,
    ),
    Failure.CHAIN_DOUBLE: Meaning(
        _W,
        "Two entries of the log stand at one place of an agent's chain.",
        _ISSUER,
    ),
    Failure.CHAIN_BROKEN: Meaning(
        _W,
        "A batch does not name the one before it in its agent's chain, and the log has no row that "
        "tells of it.",
        "Ask the issuer, and whoever runs the agent, what happened to its state.",
    ),
    Failure.KEYS_ILLEGAL: Meaning(
        _W,
        "The rows about agents' keys do not follow one another as they may.",
        _ISSUER,
    ),
    Failure.KEYS_UNKNOWN: Meaning(
        _U,
        "An agent has evidence here and no key by the disclosed configs and rows.",
        _ISSUER,
    ),
    Failure.KEYS_NOT_TAKEN: Meaning(
        _U,
        "A batch came when the key that signed it was not approved yet, replaced or revoked.",
        "Ask the issuer, and whoever runs the agent, whose key it was then.",
    ),
    Failure.KEYS_SIGNATURE: Meaning(
        _W,
        "A batch is not signed by a key of its agent.",
        _ISSUER,
    ),
    Failure.BEACON_UNKNOWN: Meaning(
        _W,
        "An agent was shown a checkpoint that is not among those of this log: there may be two logs.",
        "Ask the issuer for every checkpoint it published, and the witnesses for what they cosigned.",
    ),
    Failure.SEGMENT_MALFORMED: Meaning(
        _M,
        "A file of evidence, or what is packed in it, is not of its form.",
        _AGAIN,
    ),
    Failure.SEGMENT_ORDER: Meaning(
        _W,
        "The segments of a system do not stand in the order of the log, or one stands twice.",
        _ISSUER,
    ),
    Failure.SEGMENT_PLACE: Meaning(
        _W,
        "A segment names a place in the log where there is no batch, or another count of systems "
        "than the batch has.",
        _ISSUER,
    ),
    Failure.SEGMENT_PROOF: Meaning(
        _W,
        "A segment is not the one that the agent signed.",
        _ISSUER,
    ),
    Failure.SEGMENT_FOREIGN: Meaning(
        _W,
        "A segment has no result of a check that the system it is filed under ever had.",
        _ISSUER,
    ),
    Failure.SEGMENT_WITHHELD: Meaning(
        _I,
        "Every system is disclosed, and a batch holds more segments, or more results, than the bundle.",
        "Ask for the segments that are not there: they may hold an outage.",
    ),
    Failure.TOMBSTONE_MALFORMED: Meaning(
        _M,
        "The remains of what an agent gave up are not of their form.",
        _AGAIN,
    ),
    Failure.TOMBSTONE_BODY: Meaning(
        _W,
        "The remains of what an agent gave up are not those that it signed.",
        _ISSUER,
    ),
    Failure.TOMBSTONE_MISSING: Meaning(
        _I,
        "The log tells that an agent gave up batches, and what it kept of them is not in the bundle.",
        "Ask for the remains: they hold what was not good.",
    ),
    Failure.FIGURES_ASKED: Meaning(
        _M,
        "The statement does not say which period and which systems it is about, or the evidence "
        "cannot be asked so.",
        _AGAIN,
    ),
    Failure.FIGURES_DIFFER: Meaning(
        _W,
        "Recomputed from the evidence, a field of the statement is another.",
        "Ask the issuer how the field came about; the report names it.",
    ),
    Failure.REPORT_DIFFERS: Meaning(
        _W,
        "`report.html` or `oscal.json` is not what this version makes of the statement, with which it "
        "is said to be made.",
        "Take the numbers from here, and ask the issuer how that file came about.",
    ),
    Failure.TIMESTAMP_MALFORMED: Meaning(
        _M,
        "`timestamp.tsr` is no granted time stamp of RFC 3161 over SHA-256.",
        _AGAIN,
    ),
    Failure.TIMESTAMP_DIFFERS: Meaning(
        _W,
        "The time stamp is of another statement.",
        _AGAIN,
    ),
    Failure.TIMESTAMP_UNTRUSTED: Meaning(
        _U,
        "The time stamp is not signed by an authority to which the given roots lead.",
        "Ask the authority for its root certificate, and the issuer which authority it was.",
    ),
}
"""Each in words, and what to ask for."""


class VerifyError(Exception):
    """The only exception of verifying. `place` is a member's name, an index or an id, or None; it
    holds nothing that anybody typed freely.
    """

    def __init__(self, code: Failure, place: str | None = None) -> None:
        super().__init__(code.value if place is None else f"{code.value} ({place})")
        self.code = code
        self.place = place

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[self.code]
