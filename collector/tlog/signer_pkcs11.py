"""A key on a PKCS#11 token, such as an HSM: it never leaves it, and is asked for each signature.

Needs the extra `hsm`: whoever imports this has keys on a token. A token that fails is opened anew at
the next signature; a PIN that it refused is not offered again, for a few of those lock it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, MutableMapping
from threading import Lock
from typing import Any

import pkcs11
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pkcs11.exceptions import (
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from collector.tlog.signer import KeyFault, SignerError
from probes.config_evidence_log import Token
from probes.wire.vkey import KEY_BYTES

_OCTETS = bytes([0x04, KEY_BYTES])
"""DER of an OCTET STRING of 32 bytes: as CKA_EC_POINT has the key; some tokens leave it out."""


Refused = MutableMapping[tuple[str, str], str]
"""The PIN that a token did not take, by its module and label: it outlives the key that offered it."""


class TokenSigner:
    """One key, opened at once; SignerError."""

    def __init__(
        self, said: Token, read_secret: Callable[[str], bytes], refused: Refused | None = None
    ) -> None:
        self._said = said
        self._read_secret = read_secret
        self._lock = Lock()
        self._session: pkcs11.Session | None = None
        self._refused: Refused = {} if refused is None else refused
        with self._lock:
            self._public = self._points(self._open())

    @property
    def public_key(self) -> bytes:
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Verified before it counts: the label may be another key's by now."""
        with self._lock:
            session = self._open() if self._session is None else self._session
            try:
                key = self._key(session, pkcs11.ObjectClass.PRIVATE_KEY)
                signature = bytes(key.sign(message, mechanism=pkcs11.Mechanism.EDDSA))
                Ed25519PublicKey.from_public_bytes(self._public).verify(signature, message)
            except (PKCS11Error, InvalidSignature):
                self._close()
                raise SignerError(KeyFault.FAILED) from None
            return signature

    def close(self) -> None:
        with self._lock:
            self._close()

    def _open(self) -> pkcs11.Session:
        """It stays open for the next signature."""
        pin = self._pin()
        try:
            module = pkcs11.lib(self._said.module)
        except (PKCS11Error, RuntimeError, OSError):
            raise SignerError(KeyFault.MODULE) from None
        try:
            token = module.get_token(token_label=self._said.token)
        except PKCS11Error:
            raise SignerError(KeyFault.TOKEN) from None
        self._session = self._logged_in(token, pin)
        return self._session

    def _points(self, session: pkcs11.Session) -> bytes:
        """The public key."""
        try:
            self._key(session, pkcs11.ObjectClass.PRIVATE_KEY)
            found = self._key(session, pkcs11.ObjectClass.PUBLIC_KEY)[pkcs11.Attribute.EC_POINT]
        except PKCS11Error:
            self._close()
            raise SignerError(KeyFault.OBJECT) from None
        point = bytes(found)
        # a key itself may begin with these two
        return point if len(point) == KEY_BYTES else point.removeprefix(_OCTETS)

    # the library's types do not say which keys can sign
    def _key(self, session: pkcs11.Session, kind: pkcs11.ObjectClass) -> Any:
        return session.get_key(
            object_class=kind, key_type=pkcs11.KeyType.EC_EDWARDS, label=self._said.object
        )

    def _pin(self) -> str:
        try:
            pin = self._read_secret(self._said.pin).strip().decode()
        except (OSError, KeyError, UnicodeDecodeError):
            raise SignerError(KeyFault.PIN) from None
        if not pin or pin == self._refused.get((self._said.module, self._said.token)):
            raise SignerError(KeyFault.PIN)
        return pin

    def _logged_in(self, token: pkcs11.Token, pin: str) -> pkcs11.Session:
        try:
            return token.open(user_pin=pin)
        except (
            UserAlreadyLoggedIn
        ):  # by another key of this process: a log-in is of all its sessions
            return token.open()
        except (PinIncorrect, PinInvalid, PinLenRange, PinLocked):
            self._refused[self._said.module, self._said.token] = pin
            raise SignerError(KeyFault.PIN) from None
        except PKCS11Error:
            raise SignerError(KeyFault.TOKEN) from None

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(PKCS11Error):
                session.close()
