"""What a mail server's answers mean for a message. Of an answer only its code is looked at."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from aiosmtplib import (
    SMTP,
    SMTPConnectError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from alerts.channel import Receipt, Verdict
from alerts.outbox import DeliveryReason

ACCEPTED = 250
CLOSING = 421
NEEDS_LOGIN = frozenset({530, 534, 535, 538})
"""Answers about who we are, whatever command they are given to (RFC 4954)."""


class RefusedError(Exception):
    """An attempt that ended before the message was offered; it may pass."""

    def __init__(self, reason: DeliveryReason, status: int | None = None) -> None:
        super().__init__(reason.value)
        self.receipt = Receipt(Verdict.RETRY, reason, status)


def judge(status: int) -> Receipt:
    """Of an answer about a recipient or the message itself; a 5xx is its verdict, for good."""
    if status == ACCEPTED:
        return Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, status)
    if status in NEEDS_LOGIN:
        return Receipt(Verdict.RETRY, DeliveryReason.AUTH, status)
    if 400 <= status < 500:
        return Receipt(Verdict.RETRY, DeliveryReason.STATUS, status)
    if 500 <= status < 600:
        return Receipt(Verdict.DEAD, DeliveryReason.REFUSED, status)
    return Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL)


def worst(refused: Sequence[int]) -> Receipt:
    """Somebody who may still get it outweighs those who never will: try again."""
    receipts = [judge(status) for status in refused]
    return next((r for r in receipts if r.verdict is Verdict.RETRY), receipts[0])


def failed(error: Exception) -> Receipt:
    """Of an attempt that ended early. It says nothing about the message: none dies of it."""
    match error:
        case RefusedError():
            return error.receipt
        case TimeoutError():
            return Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)
        case SMTPResponseException():
            return _early(error.code)
        case SMTPConnectError() | ssl.SSLError():
            tls = isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError)
            return Receipt(Verdict.RETRY, DeliveryReason.TLS if tls else DeliveryReason.NETWORK)
        case OSError():
            return Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
    return Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL)


def _early(status: int) -> Receipt:
    found = judge(status)
    if found.reason is DeliveryReason.REFUSED:
        return Receipt(Verdict.RETRY, DeliveryReason.STATUS, status)
    return found


async def encrypt(client: SMTP) -> None:
    """STARTTLS with a checked certificate; RefusedError, SMTPException or OSError."""
    try:
        await client.starttls()
    except SMTPException as error:
        # Not offered, or taken back: whoever took it away gets nothing in the clear.
        raise _refusal(DeliveryReason.TLS, error) from None


async def log_in(client: SMTP, user: str, password: bytes) -> None:
    """RefusedError, also where there is no way to log in that both sides know."""
    try:
        await client.login(user, password)
    except SMTPException as error:
        raise _refusal(DeliveryReason.AUTH, error) from None


def _refusal(reason: DeliveryReason, error: SMTPException) -> Exception:
    """A lost connection or no answer in time stays what it is."""
    if isinstance(error, OSError):
        return error
    code = error.code if isinstance(error, SMTPResponseException) else 0
    return RefusedError(reason, code if 400 <= code < 600 else None)


async def offer(client: SMTP, recipients: Sequence[str]) -> tuple[list[str], list[int]]:
    """Which recipients the server takes, and the codes it gave the others.

    Nobody is taken when it hangs up meanwhile.
    """
    taken: list[str] = []
    refused: list[int] = []
    for recipient in recipients:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as error:
            refused.append(error.code)
            if error.code == CLOSING:
                return [], refused
        else:
            taken.append(recipient)
    return taken, refused
