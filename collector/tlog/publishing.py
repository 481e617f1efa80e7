"""Signs what the logs have become, every `checkpoint_every`, by the process that leads.

First the keys: a change of what the operator's file names is a row of the journal, and a log is signed
only once it has that row. Then the checks of `signing.py`, then the signatures, then witnesses, beside
all this. What keeps a log from being signed is a trouble: counted, logged, and shown by `wardwatch
status`; monitoring goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
from sqlalchemy import Connection

from collector.attest import logkeys, note
from collector.attest.faults import AttestError
from collector.attest.logkeys import Change, Keys, LogKeyError
from collector.attest.vkey import VerifierKey
from collector.leader import Leader
from collector.store.leases import FencedError, Lease
from collector.store.store import Store, StoreUnavailableError
from collector.tlog import keyrows, signing
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log
from collector.tlog.guard import Guard, GuardError
from collector.tlog.keyrows import Known, OvertakenError
from collector.tlog.leafrows import DamagedError
from collector.tlog.metering import SigningMetrics
from collector.tlog.signer import Signer, SignerError, vkey_of
from collector.tlog.signers import Opened, Signers
from collector.tlog.signing import Standing, TroubleError
from collector.tlog.troubles import Trouble
from collector.tlog.witnessing import Witnessing
from collector.witness.client import opened as witness_session
from probes.clock import NS_PER_MS, Clock
from probes.config import Config
from probes.config_evidence_log import EvidenceLog

log = logging.getLogger("wardwatch.log")

LOOK_MS = 5_000
"""Between two looks, unless a checkpoint takes longer."""
DAMAGE = (AttestError, DamagedError)
"""Rows that we would not have written, or such as are gone."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """On one snapshot."""

    known: Known
    logs: Mapping[Log, Standing]

    @property
    def has_older(self) -> bool:
        """Is this not the first epoch?"""
        return any(one.epoch.epoch > 1 for one in self.logs.values())


class Publisher:
    """One per process; `run` for ever. Only the process that holds the lease signs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        org: str,
        leader: Leader,
        metrics: SigningMetrics,
        *,
        config: Callable[[], Config],
        signers: Signers,
        guard: Guard,
        signed: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """`signed` is given the text of each new checkpoint of the evidence log."""
        self._store = store
        self._clock = clock
        self._org = org
        self._leader = leader
        self._metrics = metrics
        self._config = config
        self._signers = signers
        self._guard = guard
        self._signed = signed
        self._witnessing = Witnessing(store, clock, org, metrics)
        self._begun: tuple[int, EvidenceLog] | None = None
        """The lease, and the file, under which witnesses were asked before anything was signed."""
        self._checked: set[Log] = set()
        """Logs that were found to go on from what was signed, since then."""
        self._signed_ms: dict[Log, int] = {}
        self._faults: Mapping[int, str] = {}
        self._troubles: dict[Log, Trouble] = {}

    @property
    def troubles(self) -> Mapping[Log, Trouble]:
        """Why a log is not signed, as the last look of this process found it."""
        return dict(self._troubles)

    async def run(self) -> None:
        async with witness_session() as session, asyncio.TaskGroup() as tasks:
            try:
                tasks.create_task(self._asking(session))
                while True:
                    await self.look(session)
                    await self._clock.sleep_ms(LOOK_MS)
            finally:
                await asyncio.to_thread(self._signers.close)

    async def look(self, session: aiohttp.ClientSession) -> None:
        """Once: sign what is due."""
        lease, said = self._leader.lease, self._config().evidence_log
        if lease is None or said is None:
            self._begun = None
            self._trouble({})
            return
        try:
            await self._look(session, lease, said)
        except StoreUnavailableError as error:
            log.warning("log.not_signed code=%s", error.fault.value)
            self._trouble(dict.fromkeys(Log, Trouble.STORE))
        except (LogKeyError, *DAMAGE):
            self._trouble(dict.fromkeys(Log, Trouble.CHANGED))
        except (FencedError, OvertakenError):
            self._begun = None

    async def ask(self, session: aiohttp.ClientSession) -> None:
        """Once: whoever has not cosigned the newest checkpoints."""
        lease, said = self._leader.lease, self._config().evidence_log
        if lease is None or said is None or self._begun is None:
            return
        try:
            await self._ask(session, lease, said)
        except StoreUnavailableError as error:
            log.warning("log.not_asked code=%s", error.fault.value)
        except (FencedError, *DAMAGE):
            self._begun = None  # `look` says what is wrong

    async def _asking(self, session: aiohttp.ClientSession) -> None:
        while True:
            await self._clock.sleep_ms(LOOK_MS)
            await self.ask(session)

    async def _look(self, session: aiohttp.ClientSession, lease: Lease, said: EvidenceLog) -> None:
        found = await asyncio.to_thread(self._signers.opened, said.keys)
        self._tell(found)
        seen = await self._store.read(_see, self._org)
        if any(one.epoch.origin != said.origin for one in seen.logs.values()):
            # before the first signature the log takes the file's name by itself
            keeps = seen.has_older or any(one.latest is not None for one in seen.logs.values())
            self._trouble(dict.fromkeys(Log, Trouble.ORIGIN) if keeps else {})
            return
        if not seen.logs or await self._rekeyed(lease, seen, said.origin, found):
            return  # the row comes into the logs first
        if self._begun != (lease.token, said):
            self._witnessing.forget()
            self._checked.clear()
            await self._ask(session, lease, said, anew=True)
            self._begun = (lease.token, said)
        troubles: dict[Log, Trouble] = {}
        for each, now in seen.logs.items():
            try:
                await self._sign(lease, said, now, seen.known, found)
            except TroubleError as error:
                troubles[each] = error.trouble
                self._checked.discard(each)
        self._trouble(troubles)

    async def _rekeyed(self, lease: Lease, seen: _Seen, origin: str, found: Opened) -> bool:
        """Record what the file says of keys, if it is new; all of them must be at hand for that."""
        made = changed(seen.known.keys, origin, found)
        if made is None:
            return False
        try:
            signed = await asyncio.to_thread(keyrows.signed, made, found.signers)
        except SignerError:
            return False
        now = self._clock.now_ms()
        await self._store.write(keyrows.record, self._org, lease, made, signed, now)
        log.info("log.keys added=%d removed=%d", len(made.added), len(made.removed))
        return True

    async def _sign(
        self, lease: Lease, said: EvidenceLog, now: Standing, known: Known, found: Opened
    ) -> None:
        """One log, where it is due and has grown. TroubleError."""
        name, tree = now.epoch.name, now.epoch.tree
        if self._witnessing.ahead(name, said):
            raise TroubleError(Trouble.WITNESS)
        mono = self._clock.monotonic_ns() // NS_PER_MS
        last = self._signed_ms.get(now.log)
        if last is not None and mono - last < said.checkpoint_every:
            return
        if now.epoch.rows_to < known.newest or not (now.has_grown or now.log not in self._checked):
            return
        try:
            guarded = (await asyncio.to_thread(self._guard.heads)).get(name)
            trouble = await self._store.read(signing.fork, self._org, now, guarded)
            if trouble is not None:
                raise TroubleError(trouble)
            self._checked.add(now.log)
            signers = usable(known.keys, name, found)
            if not now.has_grown:
                return
            made = await asyncio.to_thread(signing.signed, now.epoch, self._guard, signers)
        except GuardError:
            raise TroubleError(Trouble.GUARD) from None
        except SignerError:
            raise TroubleError(Trouble.KEYS) from None
        signed_at = max(self._clock.now_ms(), 0 if now.latest is None else now.latest.signed_at)
        published = Published(now.log, now.epoch.epoch, tree.size, signed_at, note.write(made))
        await self._store.write(signing.publish, self._org, lease, published, name)
        self._signed_ms[now.log] = mono
        self._metrics.signed_at.labels(now.log.value).set(signed_at / 1000)
        if now.log is Log.EVIDENCE:
            self._signed(made.text)

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        lease: Lease,
        said: EvidenceLog,
        *,
        anew: bool = False,
    ) -> None:
        seen = await self._store.read(_see, self._org)
        for one in seen.logs.values():
            if one.latest is not None and one.epoch.origin == said.origin:
                await self._witnessing.ask(session, lease, said, one.latest, anew=anew)

    def _tell(self, found: Opened) -> None:
        faults = {place: code.value for place, code in found.faults.items()}
        if faults != self._faults:
            for place, code in faults.items():
                log.error("log.key_fault key=%d code=%s", place, code)
        self._faults = faults
        self._metrics.key_faults.set(len(faults))

    def _trouble(self, found: dict[Log, Trouble]) -> None:
        for each in Log:
            trouble = found.get(each)
            if trouble is not None and self._troubles.get(each) is not trouble:
                log.error("log.not_signed log=%s code=%s", each.value, trouble.value)
                self._metrics.refusals.labels(each.value, trouble.value).inc()
            self._metrics.forked.labels(each.value).set(
                int(trouble is not None and trouble.is_fork)
            )
        self._troubles = found


def changed(keys: Keys, origin: str, found: Opened) -> Change | None:
    """What of the keys in force is to change for the file's; None where it is not known, because one of
    them cannot be opened, or where it is the same. A revoked key never comes back.
    """
    if not found.complete:
        return None
    wanted = _named(origin, found.signers)
    good = [key for key in wanted if not _revoked(keys, key)]
    return logkeys.change(logkeys.in_force(keys), good) if good else None


def usable(keys: Keys, name: str, found: Opened) -> list[Signer]:
    """Those that sign a log of this name now. TroubleError where there is none."""
    force = logkeys.in_force(keys, name)
    out = [signer for signer in found.signers if vkey_of(signer, name) in force]
    if not out:
        revoked = found.signers and all(
            _revoked(keys, vkey_of(signer, name)) for signer in found.signers
        )
        raise TroubleError(Trouble.REVOKED if revoked else Trouble.KEYS)
    return out


def _named(origin: str, signers: tuple[Signer, ...]) -> list[VerifierKey]:
    return [vkey_of(signer, f"{origin}/{log}") for signer in signers for log in Log]


def _revoked(keys: Keys, key: VerifierKey) -> bool:
    state = keys.get(key.text())
    return state is not None and state.last_size is not None


def _see(conn: Connection, org: str) -> _Seen:
    found = {each: signing.standing(conn, org, each) for each in Log}
    logs = {each: one for each, one in found.items() if one is not None}
    return _Seen(keyrows.read(conn, org), logs)
