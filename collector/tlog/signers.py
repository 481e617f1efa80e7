"""The keys that the operator's file names, opened: those of files anew each time, tokens once.

Blocks: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from collector.tlog.signer import KeyFault, Signer, SignerError, open_file
from probes.config_evidence_log import Token, TokenKey

if TYPE_CHECKING:
    from collector.tlog.signer_pkcs11 import Refused, TokenSigner


@dataclass(frozen=True, slots=True)
class Opened:
    """`faults`: by place in the file's list, why a key is not among the signers."""

    signers: tuple[Signer, ...]
    faults: Mapping[int, KeyFault]

    @property
    def complete(self) -> bool:
        return not self.faults


class Signers:
    """One per process."""

    def __init__(self, read_secret: Callable[[str], bytes]) -> None:
        self._read_secret = read_secret
        self._tokens: dict[Token, TokenSigner] = {}
        self._refused: Refused = {}
        self._lock = Lock()

    def opened(self, keys: Sequence[str | TokenKey]) -> Opened:
        """In the order of the file."""
        signers: list[Signer] = []
        faults: dict[int, KeyFault] = {}
        with self._lock:
            for place, key in enumerate(keys):
                try:
                    signers.append(self._one(key))
                except SignerError as error:
                    faults[place] = error.code
        return Opened(tuple(signers), faults)

    def close(self) -> None:
        with self._lock:
            for token in self._tokens.values():
                token.close()
            self._tokens.clear()

    def _one(self, key: str | TokenKey) -> Signer:
        if isinstance(key, str):
            return open_file(Path(key.removeprefix("file:")))
        known = self._tokens.get(key.pkcs11)
        if known is None:
            known = _on_token(key.pkcs11, self._read_secret, self._refused)
            self._tokens[key.pkcs11] = known
        return known


def _on_token(said: Token, read_secret: Callable[[str], bytes], refused: Refused) -> TokenSigner:
    """python-pkcs11 is loaded only by those who need it."""
    try:
        from collector.tlog.signer_pkcs11 import TokenSigner  # noqa: PLC0415 - the extra `hsm`
    except ModuleNotFoundError:
        raise SignerError(KeyFault.EXTRA) from None
    return TokenSigner(said, read_secret, refused)
