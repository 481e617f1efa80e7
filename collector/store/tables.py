"""Every table. `org` leads each primary key; instants are UTC milliseconds.

`batches` and `journal` are what happened and are only ever appended to. Everything else is a
projection of them (`system_flips`, `system_states`, `rollups`, `snapshots`, `incidents`),
coordination (`leases`, `counters`), or bookkeeping of who has read what (`chains`, `cursors`),
and can be made again. Who may enter is in `access_tables.py`, what people typed in `typed.py`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text

metadata = MetaData()


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _int(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _whole_key(name: str) -> Column[int]:
    return Column(name, BigInteger, primary_key=True, autoincrement=False)


batches = Table(
    "batches",
    metadata,
    _key("org"),
    _whole_key("chain"),
    _whole_key("seq"),
    _int("received_at"),
    _int("first_t"),
    _int("last_t"),
    Column("form", LargeBinary, nullable=False),
    Index("batches_by_time", "org", "last_t", "first_t"),
)
"""What agents signed, as `shortform.py` keeps it; nothing rejected is in here. `chain` is the
`number` of its chain; `first_t` and `last_t` are when the first and the last of its results were,
by true time. A tombstone stands at the first seq it covers."""

chains = Table(
    "chains",
    metadata,
    _key("org"),
    _key("agent"),
    _key("epoch"),
    _int("number"),
    _text("stored"),
    _text("covered"),
    _int("spoke_at"),
    _int("tip"),
    Column("tip_hash", LargeBinary, nullable=False),
    _int("given_up"),
    _int("broken"),
)
"""Which seqs of an agent's epoch are stored, as ranges; written with the batch (T1). An epoch's
tombstones are a chain of their own (`ledger.tombs`) that says which seqs they cover, and how many
results were given up. `tip` is the last seq stored and `tip_hash` the SHA-256 of its header; `broken` counts links that do
not hold."""

cursors = Table(
    "cursors",
    metadata,
    _key("org"),
    _key("agent"),
    _key("epoch"),
    _text("folded"),
    _int("folded_at"),
)
"""Which seqs of an agent's epoch are folded, as ranges; written by the lease holder (T2)."""

journal = Table(
    "journal",
    metadata,
    _key("org"),
    _whole_key("id"),
    _text("kind"),
    _int("at"),
    _int("recorded_at"),
    _text("actor"),
    Column("data", LargeBinary, nullable=False),
    Index("journal_by_kind", "org", "kind", "id"),
)
"""One append-only row per fact that is not a batch; `data` is canonical JSON."""

counters = Table("counters", metadata, _key("org"), _key("name"), _int("value"))
"""The last journal id. Its row lock makes commit order and id order the same, without holes."""

leases = Table(
    "leases",
    metadata,
    _key("org"),
    _key("name"),
    Column("holder", Text),
    _int("token"),
    _int("beat"),
)
"""Who evaluates. `token` grows with every change of hands, `beat` with every sign of life."""

system_flips = Table(
    "system_flips",
    metadata,
    _key("org"),
    _key("system"),
    _key("site"),
    _whole_key("at"),
    _text("state"),
)
"""The state a system has from `at` on, as last evaluated; `site` is empty for the whole system."""

system_states = Table(
    "system_states",
    metadata,
    _key("org"),
    _key("system"),
    _key("site"),
    _text("state"),
    _int("since"),
    _int("as_of"),
)
"""The snapshot of the last evaluation: the state of each system and of each site of it."""

snapshots = Table(
    "snapshots",
    metadata,
    _key("org"),
    _whole_key("day"),
    _key("system"),
    _int("edge"),
    Column("data", LargeBinary, nullable=False),
)
"""What was settled of a system at the end of a UTC day, or lately; `edge`: it takes in any result
from then on."""

snapshot_cursors = Table(
    "snapshot_cursors",
    metadata,
    _key("org"),
    _whole_key("day"),
    _int("format"),
    _text("folded"),
    _text("last"),
)
"""Which batches the snapshots of a day are made of, as ranges by chain, and what they say last."""

sources = Table("sources", metadata, _key("org"), _key("check"), _key("agent"), _int("number"))
"""Numbers of (check, agent)s, for what has many rows of each."""

rollups = Table(
    "rollups",
    metadata,
    _key("org"),
    _whole_key("source"),
    _whole_key("hour"),
    Column("data", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""An hour of one of `sources`, counted from 1970 in UTC: its five minutes as `core/rollup.py` encodes
them."""

sightings = Table(
    "sightings",
    metadata,
    _key("org"),
    _key("check"),
    _key("agent"),
    _key("what"),
    _whole_key("state"),
    _int("at"),
)
"""When an agent last saw a state of the server behind a check; `agent` is empty for when it was told of
the check."""

pings = Table(
    "pings",
    metadata,
    _key("org"),
    _key("check"),
    _whole_key("number"),
    _int("at"),
    _text("kind"),
)
"""What jobs have sent: as many of each check as a verdict may ask for."""

incident_events = Table("incident_events", metadata, _key("org"), _key("key"), _whole_key("id"))
"""Which journal rows are about an incident."""

reserve = Table("reserve", metadata, _key("org"), Column("data", LargeBinary, nullable=False))
"""Written and deleted again to find out whether a store that was full takes data again."""

incidents = Table(
    "incidents",
    metadata,
    _key("org"),
    _key("key"),
    _int("version"),
    _text("system"),
    _text("family"),
    _text("status"),
    _int("started_at"),
    _int("detected_at"),
    Column("recovered_at", BigInteger),
    Column("next_due", BigInteger),
    _text("data"),
    Index("incidents_by_start", "org", "started_at"),
)
"""One row per incident; every change of it is a journal row and a new `version`."""

outbox = Table(
    "outbox",
    metadata,
    _key("org"),
    _key("id"),
    _text("incident_key"),
    _text("receiver"),
    _int("seq"),
    Column("body", LargeBinary, nullable=False),
    _int("created_at"),
    _int("next_at"),
    _int("attempts"),
    _text("state"),
    Column("reason", Text),
    Column("status", BigInteger),
    Column("redriven_at", BigInteger),
    Column("cleared_at", BigInteger),
    Index("outbox_heads", "org", "state", "receiver", "incident_key", "seq"),
)
"""Messages to be sent; written in the transaction that changed their incident."""
