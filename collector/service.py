"""One collector process: store, ingest, evaluation, delivery and the HTTP side, wired together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import traceback
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from alerts.channel import Channel, ChannelEnv
from alerts.channels import registry
from alerts.delivery import Delivery
from alerts.metering import DeliveryMetrics
from alerts.receivers import everybody
from collector import builtinkey, versions
from collector.access.access import Access
from collector.access.credentials import RandomBytes
from collector.access.opening import door_of, openid_of
from collector.access.passwords import Passwords
from collector.api.app import build_app
from collector.api.parts import Parts
from collector.attesting.assembling import Assembler
from collector.attesting.attesting import Around, Attesting
from collector.attesting.folder import Folder
from collector.attesting.making import Maker
from collector.builtin import Around as AroundBuiltIn
from collector.builtin import BuiltIn
from collector.builtinenv import env_of
from collector.evaluate import Evaluator
from collector.feeds import Feeds
from collector.heartbeat import Heartbeat
from collector.heartbeat_http import open_sender
from collector.inbound import Hearing
from collector.ingest import Ingest
from collector.keyring import KeyRing
from collector.leader import Leader
from collector.metrics import CollectorMetrics
from collector.numbers import Numbers
from collector.pings import StoredPings, Taking
from collector.reconciler import Reconciler
from collector.serving import Serving
from collector.store import health, outbox
from collector.store.outbox import Outbox
from collector.store.store import Store, StoreUnavailableError
from collector.tlog.beacon import Beacon
from collector.tlog.guard import Guard
from collector.tlog.mailing import Mailing
from collector.tlog.managing import Signing
from collector.tlog.metering import SigningMetrics
from collector.tlog.publishing import Publisher
from collector.tlog.signers import Signers
from collector.tls import ServerTls
from collector.watched import watched
from probes import agentkeys
from probes.clock import Clock
from probes.config import Config

log = logging.getLogger("wardwatch.service")
silent = logging.getLogger("wardwatch.http")
silent.disabled = True  # aiohttp logs broken requests with their text, which may hold anything

WATCH_MS = 1_000
RENEW_MS = 60_000
STOP_S = 10.0
"""How long open requests may take to end when the process is told to stop."""


@dataclass(frozen=True, slots=True)
class World:
    """What the service uses of the world; `holder` is a text no other process uses."""

    clock: Clock
    rng: Random
    read_secret: Callable[[str], bytes]
    holder: str
    random_bytes: RandomBytes = secrets.token_bytes


class DefectError(Exception):
    """A part ended by itself. The text names exception types and places, never their texts."""


def places(error: BaseException) -> str:
    """`KeyError at evaluate.py:12`, one for each leaf of an exception group."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(places(each) for each in error.exceptions)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return f"{type(error).__name__} at {where}"


class Service:
    """`prepare`, `listen`, then `run`. The store stays the caller's."""

    def __init__(
        self,
        store: Store,
        config: Config,
        canonical: bytes,
        world: World,
        *,
        file: str = "wardwatch.yaml",
        tls: ServerTls | None = None,
        passwords: Passwords | None = None,
        config_key: Ed25519PrivateKey | None = None,
        log_guard: Path | None = None,
        attestations: Path | None = None,
    ) -> None:
        """`file` is how answers name the operator's file; `config_key` signs what agents are
        served, left out: nothing. `log_guard` keeps what of the logs was signed last; left out: they
        are not signed. `attestations`: the folder of their bundles, left out: none are made.
        """
        self._canonical = canonical
        self._config = config
        self._world = world
        self._tls = tls
        self._passwords = passwords or Passwords()
        org = config.organization.id
        self.metrics = CollectorMetrics()
        self._leader = Leader(store, world.clock, org, world.holder)
        self._delivery_metrics = DeliveryMetrics(self.metrics.registry)
        self._delivery: Delivery | None = None
        evaluator = Evaluator(
            store,
            world.clock,
            self.metrics,
            org,
            self._leader,
            said=self._wake_delivery,
            random_bytes=world.random_bytes,
        )
        keys = KeyRing(store, world.clock, org, self.metrics)
        ingest = Ingest(
            store, world.clock, self.metrics, keys, lambda: evaluator.history, evaluator.wake
        )
        beacon = Beacon(store, world.clock, org)
        self._signing_metrics = SigningMetrics(self.metrics.registry)
        signing = None
        if log_guard is not None:
            signing = self._open_signing(store, log_guard, evaluator, beacon)
        self.parts = Parts(
            attesting=self._open_attesting(store, evaluator, signing, attestations),
            store=store,
            clock=world.clock,
            org=org,
            keys=keys,
            ingest=ingest,
            evaluator=evaluator,
            feeds=Feeds(store, world.clock, org, evaluator),
            numbers=Numbers(evaluator, store, world.clock, org),
            outbox=Outbox(store, org),
            pings=Taking(store, world.clock, org, lambda: evaluator.config, world.read_secret),
            hearing=Hearing(
                store,
                world.clock,
                org,
                lambda: evaluator.config,
                world.read_secret,
                world.random_bytes,
                self.metrics,
                self._delivery_metrics,
            ),
            metrics=self.metrics,
            access=Access(
                store,
                org,
                config.organization.name,
                world.clock,
                self._passwords,
                world.random_bytes,
            ),
            door=door_of(config, tls=tls is not None),
            openid=openid_of(config, store, world.clock, world.random_bytes, world.read_secret),
            file=file,
            random_bytes=world.random_bytes,
            beacon=beacon,
            serving=None
            if config_key is None
            else Serving(store, world.clock, org, config_key, keys, lambda: beacon.newest),
            signing=signing,
            config_fingerprint=None
            if config_key is None
            else agentkeys.fingerprint(agentkeys.text_of(config_key.public_key())),
        )
        self._built_in = None if config_key is None else self._open_built_in(config_key)
        self._runner: web.AppRunner | None = None

    def _open_built_in(self, config_key: Ed25519PrivateKey) -> BuiltIn:
        parts, world = self.parts, self._world
        around = AroundBuiltIn(
            store=parts.store,
            clock=world.clock,
            org=parts.org,
            leader=self._leader,
            ingest=parts.ingest,
            keys=parts.keys,
            config=lambda: parts.config,
            env=env_of(
                world.clock,
                world.rng,
                world.read_secret,
                StoredPings(parts.store, parts.org, lambda: parts.evaluator.history),
                parts.feeds,
            ),
            random_bytes=world.random_bytes,
            beacon=lambda: parts.beacon.newest,
        )
        return BuiltIn(around, builtinkey.derived(config_key))

    def _open_signing(
        self, store: Store, path: Path, evaluator: Evaluator, beacon: Beacon
    ) -> Signing:
        org, world = self._config.organization.id, self._world
        guard, signers = Guard(path), Signers(world.read_secret)
        publisher = Publisher(
            store,
            world.clock,
            org,
            self._leader,
            self._signing_metrics,
            config=lambda: evaluator.config,
            signers=signers,
            guard=guard,
            signed=beacon.signed,
        )
        return Signing(store, org, lambda: evaluator.config, signers, guard, publisher)

    def _open_attesting(
        self, store: Store, evaluator: Evaluator, signing: Signing | None, folder: Path | None
    ) -> Attesting:
        """Who has no folder makes none, and who does not sign the logs signs no statement."""
        org, world = self._config.organization.id, self._world
        around = Around(store, world.clock, org, evaluator, self._leader, self._wake_delivery)
        if signing is None or folder is None:
            return Attesting(around, None)
        assembler = Assembler(signing.signers, world.read_secret, world.random_bytes)
        parts = (Folder(folder, org), store, world.clock, org, evaluator, assembler)
        return Attesting(around, Maker(*parts))

    async def prepare(self) -> None:
        """Record the config, and take up what an earlier process left."""
        store, org, now = self.parts.store, self.parts.org, self._world.clock.now_ms()
        if await store.write(versions.record, org, self._canonical, now):
            log.info("config.recorded")
        if store.single_process:
            await store.write(outbox.unlease, org, now)
        await self.parts.keys.refresh()
        await self.parts.evaluator.start()

    async def listen(self, host: str, port: int) -> int:
        """Returns the port. OSError when it is taken."""
        self._passwords.prime()
        self._runner = web.AppRunner(
            build_app(self.parts),
            access_log=None,
            logger=silent,
            auto_decompress=False,  # a signature is of the bytes that came; strangers unpack nothing
            shutdown_timeout=STOP_S,
            handle_signals=False,
        )
        await self._runner.setup()
        context = None if self._tls is None else self._tls.context
        await web.TCPSite(self._runner, host, port, ssl_context=context).start()
        bound: int = self._runner.addresses[0][1]
        log.info("service.listening port=%d", bound)
        return bound

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is open and let another process take over.

        A defect in any part ends all of it as DefectError: a supervisor starts the process again.
        """
        working = asyncio.create_task(self._work())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
            # Open uploads still need ingest: the listener goes first.
            await self._stop_listening()
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)
            with contextlib.suppress(StoreUnavailableError):
                await self._leader.release()
            await asyncio.to_thread(self._passwords.close)
        if not working.cancelled() and (error := working.exception()) is not None:
            raise DefectError(places(error))

    async def _work(self) -> None:
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            channels = await self._open_channels(stack)
            self._delivery = Delivery(
                self.parts.outbox,
                channels,
                self._delivery_metrics,
                clock=self._world.clock,
                rng=self._world.rng,
            )
            tasks.create_task(self.parts.keys.run())
            tasks.create_task(self.parts.ingest.run())
            tasks.create_task(self.parts.evaluator.run())
            if self._built_in is not None:
                tasks.create_task(self._built_in.run())
            if self.parts.signing is not None:
                tasks.create_task(self.parts.signing.publisher.run())
            tasks.create_task(self.parts.beacon.run())
            tasks.create_task(self._delivery.run())
            tasks.create_task(self.parts.attesting.run())
            tasks.create_task(self._mailing().run())
            tasks.create_task(self._reconciler(channels).run())
            tasks.create_task(self._heartbeat(self._delivery))
            tasks.create_task(self._watch_store())
            tasks.create_task(self._watch_certificate())

    async def _stop_listening(self) -> None:
        if self.parts.serving is not None:
            self.parts.serving.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _wake_delivery(self, receivers: Collection[str]) -> None:
        if self._delivery is not None:
            self._delivery.wake(receivers)

    def _mailing(self) -> Mailing:
        parts = self.parts
        return Mailing(
            parts.store,
            self._world.clock,
            parts.org,
            self._leader,
            config=lambda: parts.config,
            said=self._wake_delivery,
        )

    def _reconciler(self, channels: Mapping[str, Channel]) -> Reconciler:
        made = Reconciler(
            self.parts.store,
            self.parts.org,
            channels,
            self._leader,
            self.metrics,
            clock=self._world.clock,
            rng=self._world.rng,
        )
        self.parts.comparing.update(made.comparing)
        return made

    async def _open_channels(self, stack: AsyncExitStack) -> Mapping[str, Channel]:
        env = ChannelEnv(self._world.clock, self._world.read_secret, self._delivery_metrics.tripped)
        channels: dict[str, Channel] = {}
        for name, receiver in everybody(self._config).items():
            kind, config = registry.settings(self._config, receiver)
            channels[name] = await stack.enter_async_context(kind.open(config, env))
        return channels

    async def _heartbeat(self, delivery: Delivery) -> None:
        """Until cancelled, where the config names a receiver."""
        said, parts, world = self._config.heartbeat, self.parts, self._world
        if said is None:
            return
        seen = watched(parts.ingest, parts.evaluator, delivery, parts.outbox)
        async with open_sender(said, parts.org, world.read_secret) as send:
            await Heartbeat(seen, send, said.every, world.clock, parts.metrics).run()

    async def _watch_certificate(self) -> None:
        while self._tls is not None:
            await self._world.clock.sleep_ms(RENEW_MS)
            # In the loop: OpenSSL takes certificate and key one after the other, and a handshake
            # between the two would be refused.
            if self._tls.renew():
                log.info("service.certificate_renewed")

    async def _watch_store(self) -> None:
        """While the last write failed, find out whether the next one would."""
        while True:
            await self._world.clock.sleep_ms(WATCH_MS)
            if self.parts.store.fault is not None:
                await health.try_again(self.parts.store, self.parts.org)
