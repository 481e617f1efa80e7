"""Why something of the evidence log is refused: a closed list, and the one error that carries it."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """The part before the dot is the module that finds it."""

    VKEY_SHAPE = "vkey.shape"
    VKEY_TYPE = "vkey.type"
    VKEY_ID = "vkey.id"
    VKEY_WEAK = "vkey.weak"
    NOTE_TOO_LARGE = "note.too_large"
    NOTE_NOT_TEXT = "note.not_text"
    NOTE_NO_SIGNATURES = "note.no_signatures"
    NOTE_SIGNATURE_LINE = "note.signature_line"
    NOTE_TOO_MANY_SIGNATURES = "note.too_many_signatures"
    NOTE_AMBIGUOUS_KEYS = "note.ambiguous_keys"
    NOTE_BAD_SIGNATURE = "note.bad_signature"
    NOTE_UNSIGNED = "note.unsigned"
    CHECKPOINT_SHAPE = "checkpoint.shape"
    CHECKPOINT_SIZE = "checkpoint.size"
    CHECKPOINT_ROOT = "checkpoint.root"
    TILE_PATH = "tile.path"
    TILE_LENGTH = "tile.length"
    TILE_OUTSIDE = "tile.outside"
    TILE_ENTRY = "tile.entry"
    TILE_BUNDLE = "tile.bundle"
    PROOF_TOO_LARGE = "proof.too_large"
    PROOF_SHAPE = "proof.shape"
    PROOF_HASH = "proof.hash"
    PROOF_NOT_INCLUDED = "proof.not_included"
    ENTRY_TOO_LARGE = "entry.too_large"
    ENTRY_SHAPE = "entry.shape"
    ENTRY_NUMBER = "entry.number"
    ENTRY_NAME = "entry.name"
    ENTRY_SIGNATURE = "entry.signature"
    ENTRY_COMMITMENT = "entry.commitment"
    COMMITMENT_RECORD = "commitment.record"
    COMMITMENT_ROW = "commitment.row"
    COMMITMENT_ENTRY = "commitment.entry"
    COMMITMENT_PART = "commitment.part"
    POLICY_LOG = "policy.log"
    POLICY_QUORUM = "policy.quorum"
    DSSE_TOO_LARGE = "dsse.too_large"
    DSSE_JSON = "dsse.json"
    DSSE_FIELD = "dsse.field"
    DSSE_UNSIGNED = "dsse.unsigned"
    STATEMENT_JSON = "statement.json"
    STATEMENT_TYPE = "statement.type"
    STATEMENT_SUBJECT = "statement.subject"
    STATEMENT_PREDICATE = "statement.predicate"


MEANINGS = {
    Fault.VKEY_SHAPE: "not `name+hexadecimal id+base64`, or a name with a space, a plus or a control character",
    Fault.VKEY_TYPE: "a type of key that is not taken here, or not 32 bytes of it",
    Fault.VKEY_ID: "the id is not that of this name and key",
    Fault.VKEY_WEAK: "a key of low order, or one that is written another way: its signatures prove nothing",
    Fault.NOTE_TOO_LARGE: "more than 1 MiB",
    Fault.NOTE_NOT_TEXT: "not UTF-8, or a control character other than the newline",
    Fault.NOTE_NO_SIGNATURES: "no blank line with signatures behind it, up to a last newline",
    Fault.NOTE_SIGNATURE_LINE: "a signature line of another form, or base64 spelled another way",
    Fault.NOTE_TOO_MANY_SIGNATURES: "more than 100 signatures",
    Fault.NOTE_AMBIGUOUS_KEYS: "two of the keys asked for have one name and one id",
    Fault.NOTE_BAD_SIGNATURE: "a signature of a known key does not verify",
    Fault.NOTE_UNSIGNED: "none of the known keys has signed",
    Fault.CHECKPOINT_SHAPE: "not three lines or more, an empty one among them, or a control character",
    Fault.CHECKPOINT_SIZE: "the size is no decimal number below 2^63 without leading zeros",
    Fault.CHECKPOINT_ROOT: "the root is not base64 of 32 bytes, or not that of an empty tree",
    Fault.TILE_PATH: "not the path of a tile or of an entry bundle",
    Fault.TILE_LENGTH: "a tile that has not the length of its width",
    Fault.TILE_OUTSIDE: "a hash beyond what the tree has",
    Fault.TILE_ENTRY: "an entry of more than 65535 bytes, or not 1 to 256 of them",
    Fault.TILE_BUNDLE: "a bundle cut short, too long, or with another number of entries",
    Fault.PROOF_TOO_LARGE: "more than 1 MiB besides its checkpoint",
    Fault.PROOF_SHAPE: "other lines than a proof has, or an index that is no number",
    Fault.PROOF_HASH: "a hash that is not base64 of 32 bytes, or more than 63 of them",
    Fault.PROOF_NOT_INCLUDED: "the hashes do not lead from the leaf to the checkpoint's root",
    Fault.ENTRY_TOO_LARGE: "more than 65535 bytes",
    Fault.ENTRY_SHAPE: "not a line of a log's start, a batch, a tombstone or a row, with what belongs behind it",
    Fault.ENTRY_NUMBER: "a number that is not decimal, below 2^63 and without leading zeros",
    Fault.ENTRY_NAME: "a name of an organization, a kind or a previous log that none can have",
    Fault.ENTRY_SIGNATURE: "a signature that is not base64 of 64 bytes",
    Fault.ENTRY_COMMITMENT: "a commitment that is not 64 hexadecimal digits in lower case",
    Fault.COMMITMENT_RECORD: "a record that is no row, or is spelled another way",
    Fault.COMMITMENT_ROW: "the record and its salt do not lead to the commitment in the log",
    Fault.COMMITMENT_ENTRY: "the record has another id, time or kind than its entry in the log",
    Fault.COMMITMENT_PART: "the part of a version does not lead to the commitment in the log",
    Fault.POLICY_LOG: "no log of the policy with the checkpoint's origin has signed it",
    Fault.POLICY_QUORUM: "too few witnesses of the policy have cosigned",
    Fault.DSSE_TOO_LARGE: "more than 16 MiB",
    Fault.DSSE_JSON: "no JSON object, or one that two readers may read differently",
    Fault.DSSE_FIELD: "a field that is missing or has another type, or more than 32 signatures",
    Fault.DSSE_UNSIGNED: "none of the known keys has signed",
    Fault.STATEMENT_JSON: "no JSON, or such that two readers may read differently",
    Fault.STATEMENT_TYPE: "not an in-toto Statement v1",
    Fault.STATEMENT_SUBJECT: "no subjects, more than 10000, or one without name and SHA-256",
    Fault.STATEMENT_PREDICATE: "a predicate that is no object, or a type of it that is no URI",
}
"""Each in plain words."""


class AttestError(Exception):
    """The only exception of reading and verifying; its text is the code."""

    def __init__(self, code: Fault) -> None:
        super().__init__(code.value)
        self.code = code
