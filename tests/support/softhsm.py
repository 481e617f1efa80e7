"""A PKCS#11 token in software (SoftHSM), with its own folder: one for all tests of a process, for the
library reads where it is but once.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pkcs11
import pytest

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234"
ED25519 = bytes.fromhex("06032b6570")
"""DER of the object identifier 1.3.101.112, as CKA_EC_PARAMS names the curve."""


@dataclass(frozen=True)
class SoftHsm:
    folder: Path
    label: str = "wardwatch"

    def keypair(self, label: str) -> None:
        with self._opened() as session:
            curve = session.create_domain_parameters(
                pkcs11.KeyType.EC_EDWARDS, {pkcs11.Attribute.EC_PARAMS: ED25519}, local=True
            )
            curve.generate_keypair(
                mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label=label
            )

    def destroy(self, label: str) -> None:
        with self._opened() as session:
            for found in session.get_objects({pkcs11.Attribute.LABEL: label}):
                found.destroy()

    def relabel(self, before: str, after: str) -> None:
        with self._opened() as session:
            for found in session.get_objects({pkcs11.Attribute.LABEL: before}):
                found[pkcs11.Attribute.LABEL] = after

    def _opened(self) -> pkcs11.Session:
        token = pkcs11.lib(MODULE).get_token(token_label=self.label)
        try:
            return token.open(rw=True, user_pin=PIN)
        except pkcs11.UserAlreadyLoggedIn:
            return token.open(rw=True)


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(config)
    words = ["--init-token", "--free", "--label", "wardwatch", "--pin", PIN, "--so-pin", "5678"]
    subprocess.run(["softhsm2-util", *words], check=True, stdout=subprocess.DEVNULL)
    yield SoftHsm(folder)
    pkcs11.unload(MODULE)
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before
