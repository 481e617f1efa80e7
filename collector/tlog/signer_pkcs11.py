"""A key on a PKCS#11 token, such as an HSM: it never leaves it, and is asked for each signature.

python-pkcs11 is loaded only by those who need it (extra `hsm`). A token that fails is opened anew at
the next signature; a PIN that it refused is not offered again, for a few of those lock it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.tlog.signer import KeyFault, SignerError
from probes.config_evidence_log import Token
from probes.wire.vkey import KEY_BYTES

if TYPE_CHECKING:
    import pkcs11

_OCTETS = bytes([0x04, KEY_BYTES])
"""DER of an OCTET STRING of 32 bytes: as CKA_EC_POINT has the key; some tokens leave it out."""


class TokenSigner:
    """One key. Opened at once: SignerError."""

    def __init__(self, said: Token, read_secret: Callable[[str], bytes]) -> None:
        self._said = said
        self._read_secret = read_secret
        self._lock = Lock()
        self._refused: str | None = None
        """The PIN that the token did not take."""
        self._key: pkcs11.PrivateKey | None = None
        self._session: pkcs11.Session | None = None
        with self._lock:
            self._public = self._open()

    @property
    def public_key(self) -> bytes:
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Verified before it counts: a token may have been given another key of this label."""
        import pkcs11
        from pkcs11.exceptions import PKCS11Error

        with self._lock:
            if self._key is None and self._open() != self._public:
                self._close()
                raise SignerError(KeyFault.OBJECT)
            assert self._key is not None
            try:
                signature = bytes(self._key.sign(message, mechanism=pkcs11.Mechanism.EDDSA))
                Ed25519PublicKey.from_public_bytes(self._public).verify(signature, message)
            except (PKCS11Error, InvalidSignature):
                self._close()
                raise SignerError(KeyFault.FAILED) from None
            return signature

    def close(self) -> None:
        with self._lock:
            self._close()

    def _open(self) -> bytes:
        """Its public key; the session stays open for the next signature."""
        try:
            import pkcs11
            from pkcs11.exceptions import PKCS11Error
        except ImportError:
            raise SignerError(KeyFault.EXTRA) from None
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
        try:
            public = self._one(pkcs11.ObjectClass.PUBLIC_KEY)[pkcs11.Attribute.EC_POINT]
            self._key = self._one(pkcs11.ObjectClass.PRIVATE_KEY)
        except PKCS11Error:
            self._close()
            raise SignerError(KeyFault.OBJECT) from None
        return bytes(public).removeprefix(_OCTETS)

    def _pin(self) -> str:
        try:
            pin = self._read_secret(self._said.pin).strip().decode()
        except (OSError, KeyError, UnicodeDecodeError):
            raise SignerError(KeyFault.PIN) from None
        if not pin or pin == self._refused:
            raise SignerError(KeyFault.PIN)
        return pin

    def _logged_in(self, token: pkcs11.Token, pin: str) -> pkcs11.Session:
        from pkcs11.exceptions import (
            PinIncorrect,
            PinInvalid,
            PinLenRange,
            PinLocked,
            PKCS11Error,
            UserAlreadyLoggedIn,
        )

        try:
            return token.open(user_pin=pin)
        except UserAlreadyLoggedIn:  # by another key of this process: a log-in is of all its sessions
            return token.open()
        except (PinIncorrect, PinInvalid, PinLenRange, PinLocked):
            self._refused = pin
            raise SignerError(KeyFault.PIN) from None
        except PKCS11Error:
            raise SignerError(KeyFault.TOKEN) from None

    def _one(self, kind: pkcs11.ObjectClass) -> pkcs11.Key:
        import pkcs11

        assert self._session is not None
        return self._session.get_key(
            object_class=kind, key_type=pkcs11.KeyType.EC_EDWARDS, label=self._said.object
        )

    def _close(self) -> None:
        from pkcs11.exceptions import PKCS11Error

        session, self._session, self._key = self._session, None, None
        if session is not None:
            with contextlib.suppress(PKCS11Error):
                session.close()
