"""What a bundle discloses, read and not yet judged: all that its numbers are derived from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.attest.checkpoint import Checkpoint
from collector.attest.policy import Policy
from collector.bundle.logfile import Start
from collector.bundle.members import Members
from collector.bundle.rowsfile import ShownRow
from collector.core.agent_keys import Key
from collector.facts import Row
from probes import tombstone
from probes.batch import Clock
from probes.history import History

CLOSED_MS = 72 * 3_600_000
"""How long after its end a period closes: what is known then are its numbers."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A batch or a tombstone of the range by its signed header and its entry in the log.

    It stands for `seq` to `last_seq` of its agent's epoch (a batch for one). `first_t` and `last_t`
    span its results by true time, those a tombstone gave up included. `root` is the batch's
    `segments_root` over `systems` leaves; `results` are those it holds, `given_up` those it lost.
    """

    index: int
    received_at: int
    agent: str
    epoch: str
    seq: int
    last_seq: int
    first_t: int
    last_t: int
    clock: Clock
    results: int
    given_up: int = 0
    systems: int = 0
    root: bytes = b""
    tombstone: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Disclosed rows in the order of the log; each is tied to its entry by its commitment alone.

    `histories` is by disclosed system: its parts of the versions, acts on windows and corrections.
    `keys` are every agent's, as the rows leave them: their instants say when each was taken.
    """

    shown: Sequence[ShownRow]
    histories: Mapping[str, History]
    keys: Mapping[str, Sequence[Key]]

    def plain(self) -> Sequence[tuple[ShownRow, Row]]:
        """Those that are no versions."""
        return [(one, one.row) for one in self.shown if one.row is not None]


@dataclass(frozen=True, slots=True)
class Log:
    """The range of the evidence log. `heads` are the sizes at which it was published, `final` the
    last of them; `arrived` are batches and tombstones by index, `tombstones` the latter's headers.
    """

    start: Start
    final: Checkpoint
    heads: Sequence[int]
    arrived: Mapping[int, Arrived]
    tombstones: Mapping[int, tombstone.Header]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """When a quorum of the bundle's policy had cosigned, UTC ms: the final checkpoint (None without
    witnesses), and by index the first checkpoint with a row. `names` cosigned the final one.
    """

    final: int | None
    rows: Mapping[int, int]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """`members` are read again for segments and the bodies of tombstones."""

    members: Members
    policy: Policy
    rows: Rows
    log: Log
    witnessed: Witnessed

    @property
    def systems(self) -> tuple[str, ...]:
        """Disclosed systems, by id."""
        return tuple(sorted(self.rows.histories))


@dataclass(frozen=True, slots=True)
class Asked:
    """`[start, end)` in UTC ms; evidence is read from `evidence_from` on, a UTC midnight at least a
    day before. `operators` are those of witnesses, by name in the policy, as they were declared.
    """

    start: int
    end: int
    evidence_from: int
    operators: Mapping[str, str]

    @property
    def now(self) -> int:
        """The edge of knowledge of every number."""
        return self.end + CLOSED_MS
