"""The plugin contract: what a probe kind is given and what one run gives back.

One attempt per run, no hidden retry; exactly one outcome and one reason. There is no field for
text from the far side, so a result cannot hold PHI (semantics 1).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from probes.budgets import Budgets, Demand
from probes.ledger import Ledger, NoLedger
from probes.reasons import Reason
from probes.tokens import Tokens

if TYPE_CHECKING:
    from random import Random

    from probes.clock import Clock
    from probes.feeds import Counts
    from probes.heartbeats import Pings
    from probes.net import Network

C = TypeVar("C")


class Outcome(StrEnum):
    """Semantics 1. `judged` outcomes say something about the far side."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    MISCONFIGURED = "misconfigured"
    UNKNOWN = "unknown"

    @property
    def judged(self) -> bool:
        return self in (Outcome.UP, Outcome.DEGRADED, Outcome.DOWN)

    @property
    def good(self) -> bool:
        return self in (Outcome.UP, Outcome.DEGRADED)


class Phase(StrEnum):
    """Where the time of a run went. `parse` is ours and never part of the target's latency."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    SEND = "send"
    FIRST_BYTE = "first_byte"
    BODY = "body"
    PARSE = "parse"


class Scheme(StrEnum):
    """What a kind speaks on a connection: the host's allow-list names it."""

    HTTP = "http"
    HTTPS = "https"
    MLLP = "mllp"
    MLLPS = "mllps"
    SFTP = "sftp"
    TCP = "tcp"
    """A connection and nothing on it."""
    DICOM = "dicom"
    DICOMS = "dicoms"


class Fact(StrEnum):
    """Integer facts a run may carry; the only detail evidence has beside outcome and reason."""

    HTTP_STATUS = "http_status"
    BODY_BYTES = "body_bytes"
    CERT_DAYS_LEFT = "cert_days_left"
    RETRY_AFTER_S = "retry_after_s"
    RESOURCE_TYPES = "resource_types"
    DRIFT = "drift"
    STATEMENT_CHANGED = "statement_changed"
    VALIDATION_ERRORS = "validation_errors"
    AGE_S = "age_s"
    ANSWER_BYTES = "answer_bytes"
    MATCHES = "matches"
    REQUESTS = "requests"
    PINGS = "pings"
    RUN_S = "run_s"
    SOFTWARE_DIGEST = "software_digest"
    STATEMENT_DIGEST = "statement_digest"
    VENDOR_CODE = "vendor_code"
    STALE_ACKS = "stale_acks"
    DUPLICATE_ACKS = "duplicate_acks"
    COMMITS = "commits"
    RECONNECTS = "reconnects"
    ERR_CODE = "err_code"
    GARBAGE_BYTES = "garbage_bytes"
    CODES_MISSING = "codes_missing"
    EXPANSION_TOTAL = "expansion_total"
    FREE_SLOTS = "free_slots"
    NOT_UNDONE = "not_undone"
    DEVIATIONS = "deviations"
    DISCOVERY_CHANGED = "discovery_changed"
    OAUTH_ERROR = "oauth_error"
    CLOCK_SKEW_S = "clock_skew_s"
    SCOPES_MISSING = "scopes_missing"
    TOKEN_EXPIRES_S = "token_expires_s"  # noqa: S105 - a fact
    TOKEN_REFRESHED = "token_refreshed"  # noqa: S105 - a fact
    KEYS_UNPUBLISHED = "keys_unpublished"
    FRAMES_REJECTED = "frames_rejected"
    CONNECTIONS = "connections"
    CONNECTIONS_REFUSED = "connections_refused"
    LISTENING_S = "listening_s"
    FEED_DUE = "feed_due"
    FEED_HIGH = "feed_high"
    FEED_HOUR = "feed_hour"
    FEED_LOW = "feed_low"
    FEED_SEEN = "feed_seen"
    FEED_S = "feed_s"
    QUEUED = "queued"
    """Messages that wait."""
    OLDEST_S = "oldest_s"
    """Age of the oldest of them, at least."""
    DRAIN_S = "drain_s"
    """Until none waits any more, at the pace of the last runs."""
    ERRORED = "errored"
    """Messages that failed since the run before, at least."""
    COUNTER_RESET = "counter_reset"
    FILES = "files"
    """Files of all folders of a check; where one could not be listed whole, at least."""
    NEWEST_S = "newest_s"
    """Age of the newest file, of the folder where that is oldest."""
    STUCK = "stuck"
    """Temporary files that nobody works on any more."""
    STUCK_S = "stuck_s"
    """Age of the oldest of them."""
    EMPTY_FILES = "empty_files"
    CLAIMS_SENT = "claims_sent"
    """837s on the books."""
    CLAIMS_999 = "claims_999"
    """Those of them with a 999, or a TA1 that rejects."""
    CLAIMS_277CA = "claims_277ca"
    CLAIMS_835 = "claims_835"
    CLAIMS_LATE = "claims_late"
    """Those with an answer missing after its deadline."""
    CLAIMS_REJECTED = "claims_rejected"
    REJECT_RESULT = "reject_result"
    REJECT_SOURCE = "reject_source"
    REJECT_REASON = "reject_reason"
    ABORT_SOURCE = "abort_source"
    ABORT_REASON = "abort_reason"
    CONTEXT_RESULT = "context_result"
    DIMSE_STATUS = "dimse_status"
    MESSAGES = "messages"
    """Messages of a feed since the slot before, whatever their type."""
    MESSAGES_ADT = "messages_adt"
    MESSAGES_DFT = "messages_dft"
    MESSAGES_MDM = "messages_mdm"
    MESSAGES_OML = "messages_oml"
    MESSAGES_ORM = "messages_orm"
    MESSAGES_ORU = "messages_oru"
    MESSAGES_RDE = "messages_rde"
    MESSAGES_SIU = "messages_siu"
    MESSAGES_VXU = "messages_vxu"
    MESSAGES_OTHER = "messages_other"
    AAA_CODE = "aaa_code"
    """AAA03 of the 271 that decided; 904 is `T4`."""
    AAA_FOLLOW_UP = "aaa_follow_up"
    """AAA04 of it: 1 C, 2 N, 3 P, 4 R, 5 S, 6 W, 7 X, 8 Y."""
    BENEFITS = "benefits"
    TA1_NOTE = "ta1_note"


COUNTED = frozenset(fact for fact in Fact if fact.value.startswith("messages"))
"""Facts that say how many since the slot before, so that those of several runs add up. A run whose
slot was not wholly watched gives none of them: nothing seen is not nothing sent.
"""
HANDED_ON = COUNTED | frozenset(fact for fact in Fact if fact.value.startswith("feed_"))
"""Facts that a result carries beyond its evidence: what rollups add up, and what a sentence about a
feed is made of.
"""


class StepName(StrEnum):
    """Layers of one run; each gets its own outcome, none is a run of its own."""

    CONNECT = "connect"
    DISCOVERY = "discovery"
    METADATA = "metadata"
    TOKEN = "token"  # noqa: S105 - a step
    JWKS = "jwks"
    READ = "read"
    SEARCH = "search"
    VERSIONS = "versions"
    SUBSCRIPTION = "subscription"
    EXPORT = "export"
    EXPORT_CANCEL = "export_cancel"
    ACK = "ack"
    PAGE = "page"
    LOOKUP = "lookup"
    VALIDATE = "validate"
    EXPAND = "expand"
    COVERAGE = "coverage"
    ELIGIBILITY = "eligibility"
    SCHEDULE = "schedule"
    SLOT = "slot"
    APPOINTMENT = "appointment"
    BOOK = "book"
    CANCEL = "cancel"
    LOGIN = "login"
    STATUS = "status"
    CHANNEL = "channel"
    BANNER = "banner"
    HOST_KEY = "host_key"
    LIST = "list"
    WRITE = "write"
    HEALTH = "health"
    CLEARINGHOUSE = "clearinghouse"
    PAYER = "payer"
    ASSOCIATE = "associate"
    ECHO = "echo"
    FIND = "find"


@dataclass(frozen=True, slots=True)
class Step:
    name: StepName
    outcome: Outcome
    reason: Reason
    duration_us: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run saw. `phases` are microseconds; a phase that did not happen is absent."""

    outcome: Outcome
    reason: Reason
    phases: Mapping[Phase, int] = field(default_factory=dict)
    facts: Mapping[Fact, int] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


class Slot(NamedTuple):
    """One scheduled instant of one check. `at_ms` is the slot, not the start of the attempt."""

    check: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Env:
    """What a probe may use of the world."""

    clock: Clock
    rng: Random
    network: Network
    timeout_ms: int
    """The check's own `timeout`: the whole run, connect to verdict."""
    read_secret: Callable[[str], bytes]
    """Resolves a reference such as `file:/run/secrets/key`; raises OSError or KeyError."""
    budgets: Budgets = field(default_factory=Budgets)
    """What this agent may still ask of each target; one for all of its checks."""
    tokens: Tokens = field(default_factory=Tokens)
    """Shared by all checks of an agent."""
    every_ms: int = 0
    """The check's own `every`: the slot before is so long ago."""
    pings: Pings | None = None
    """What jobs have sent to the collector; None elsewhere."""
    ledger: Ledger = field(default_factory=NoLedger)
    """What runs that cost money have spent; the runner asks it."""
    counts: Counts | None = None
    """What feeds have been counted, and what is usual of them; None elsewhere."""


class Probe(Protocol):
    """An opened check. Holds its connections and caches; used by one run at a time."""

    async def run(self, slot: Slot) -> Observation: ...


class Place(StrEnum):
    """Who runs a check of a kind."""

    AGENT = "agent"
    COLLECTOR = "collector"
    """The agent built into the collector: what it judges came to the collector."""
    EITHER = "either"
    """The one or the other, as the check's `from` says."""


@dataclass(frozen=True, slots=True)
class Writes:
    """What a check that writes asks of the file around it; `config check` sees to it.

    `alone` names what one check on one agent may touch and no other; None: several may.
    """

    least_every_ms: int
    alone: str | None = None
    because: str = "this check writes at each run"


@dataclass(frozen=True, slots=True)
class Exclusive:
    """What a run uses. `alone`: it serves one client at a time, so runs wait for each other. `held`:
    this check does not let go of it between its runs.
    """

    key: str
    alone: bool
    held: bool = False


@dataclass(frozen=True, slots=True)
class Kind(Generic[C]):
    """A probe kind: one value named `KIND` in its file, one line in `probes/registry.py`.

    `parse` turns a raw spec (every scalar still text) into a frozen config or raises
    `pydantic.ValidationError`; it opens nothing. `open` may build templates and import heavy
    libraries. `reasons` lists every reason the kind can give beside those of the runner.
    """

    name: str
    summary: str
    parse: Callable[[Mapping[str, Any]], C]
    open: Callable[[C, Env], AbstractAsyncContextManager[Probe]]
    reasons: frozenset[Reason]
    prepare: Callable[[C], Awaitable[None] | None] = lambda _config: None
    """Work for `config check` that `parse` must not do (a template built and checked)."""
    examine: Callable[[C], None] = lambda _config: None
    """For the commands that check a file, and for nothing that runs by it: ValueError names secrets
    that are on this host and are none.
    """
    writes: Callable[[C], Writes | None] = lambda _config: None
    """Whether a run writes, and what `config check` must see to then."""
    claims: Callable[[C], str | None] = lambda _config: None
    """What one check on one agent may have and no other, such as an address it listens on."""
    passive: bool = False
    """It is opened when its agent takes it up, not at its first slot: what comes before counts."""
    exclusive: Callable[[C], Exclusive | None] = lambda _config: None
    """What a run uses that may serve one client at a time; `config check` and the runner see to it."""
    demand: Callable[[C], Demand | None] = lambda _config: None
    """What a run asks of a target that has a budget."""
    answers_within_ms: Callable[[C], int] = lambda _config: 0
    """So late an answer is still a right one: `config check` wants a longer `timeout`."""
    profiles: tuple[str, ...] = ()
    """What its `profile` may be."""
    place: Place = Place.AGENT
    """Of all but the agents' kinds the registry holds the names, too (`ON_COLLECTOR`, `EITHER`)."""
