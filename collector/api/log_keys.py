"""The keys of the logs: the policy that trusts them, revoking one, beginning the logs anew."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, Field
from sqlalchemy import Connection
from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.logs import NOTE, epoch_of
from collector.api.once import once
from collector.api.problems import DeniedError
from collector.api.routes import AnyRoute, Call, Nothing, Stream, post
from collector.attest import spelling, vkey
from collector.attest.entries import Previous
from collector.attest.faults import AttestError
from collector.attest.logkeys import LogKeyReason, Revocation
from collector.attest.vkey import SignatureType
from collector.tlog import keyrows, restarting
from collector.tlog.epochs import Log
from collector.tlog.guard import GuardError
from collector.tlog.managing import Signing
from collector.tlog.reasons import RestartReason
from collector.tlog.restarting import NotNeededError
from probes.config_words import Model, Ref


def _key(text: str) -> str:
    try:
        if vkey.parse(text).type is SignatureType.ED25519:
            return text
    except AttestError:
        pass
    raise ValueError(
        "write the verifier key of a log, name+id+base64, as `wardwatch log policy` has it"
    )


class RevokingLogKey(Model):
    key: Annotated[str, AfterValidator(_key)]
    last_size: Annotated[int, Field(ge=0, lt=1 << 53)]
    """Entries of the largest checkpoint that it is still to be believed of."""
    reason: LogKeyReason


class Restarting(Model):
    reason: RestartReason
    ref: Ref | None = None
    """A ticket's or change's number."""


class LogKeyRevoked(TypedDict):
    key: str
    last_size: int
    reason: LogKeyReason


class OldHead(TypedDict):
    """`root`: in base64."""

    origin: str
    size: int
    root: str


class LogsRestarted(TypedDict):
    """`evidence` and `audit`: the last head that was signed of the old log, null for none."""

    epoch: int
    origin: str
    evidence: OldHead | None
    audit: OldHead | None


async def read_log_policy(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Whom to believe of a log, as C2SP tlog-policy: its keys, its witnesses, how many of them."""
    epoch = await epoch_of(call)
    try:
        text = await _signing(call.parts.signing).policy(epoch)
    except LookupError:
        raise DeniedError(404, "log.no_keys") from None
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=text, content_type=NOTE, charset="utf-8", headers=headers)


async def revoke_log_key(call: Call[Nothing, RevokingLogKey]) -> LogKeyRevoked:
    """Say up to which size of its log a key is to be believed; it signs nothing more."""
    parts, said = call.parts, call.body
    made = Revocation(vkey.parse(said.key), said.last_size, said.reason)

    def work(conn: Connection) -> LogKeyRevoked:
        try:
            keyrows.revoke(conn, parts.org, made, call.who.account, parts.now())
        except LookupError:
            raise DeniedError(404, "log.unknown_key") from None
        return {"key": said.key, "last_size": said.last_size, "reason": said.reason}

    return await once(call, work)


async def restart_logs(call: Call[Nothing, Restarting]) -> LogsRestarted:
    """Begin both logs anew under the origin of the operator's file; the old ones stay as they are."""
    parts, said = call.parts, call.body
    wanted = parts.config.evidence_log
    if wanted is None:
        raise DeniedError(409, "log.not_configured")
    try:
        heads = await _signing(parts.signing).heads()
    except GuardError:
        raise DeniedError(409, "log.guard") from None

    def work(conn: Connection) -> LogsRestarted:
        try:
            done = restarting.restart(
                conn,
                parts.org,
                wanted.origin,
                heads,
                said.reason,
                said.ref,
                call.who.account,
                parts.now(),
                parts.random_bytes,
            )
        except NotNeededError:
            raise DeniedError(409, "log.same_origin") from None
        except ValueError:
            raise DeniedError(409, "log.origin_taken") from None
        return {
            "epoch": done.epoch,
            "origin": wanted.origin,
            "evidence": _head(done.previous.get(Log.EVIDENCE)),
            "audit": _head(done.previous.get(Log.AUDIT)),
        }

    return await once(call, work)


def _head(one: Previous | None) -> OldHead | None:
    if one is None:
        return None
    return {"origin": one.origin, "size": one.size, "root": spelling.base64_of(one.root)}


def _signing(found: Signing | None) -> Signing:
    if found is None:
        raise DeniedError(409, "log.not_configured")
    return found


MANAGE = Permission.LOGS_MANAGE
ROUTES: tuple[AnyRoute, ...] = (
    Stream("GET", "/log/{log}/policy", Permission.EVIDENCE_READ, read_log_policy, NOTE, Nothing),
    post("/api/v1/logs/revoke-key", MANAGE, revoke_log_key, LogKeyRevoked, RevokingLogKey),
    post("/api/v1/logs/restart", MANAGE, restart_logs, LogsRestarted, Restarting),
)
