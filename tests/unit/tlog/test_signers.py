"""Keys that sign: a file, and a token in software (SoftHSM)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector import keyfile
from collector.attest import note
from collector.attest.note import Note
from collector.store.store import Store
from collector.tlog.epochs import Log
from collector.tlog.signer import (
    KEY_FAULTS,
    KeyFault,
    Signer,
    SignerError,
    line_of,
    open_file,
    vkey_of,
)
from collector.tlog.signer_pkcs11 import TokenSigner
from collector.tlog.signers import Signers
from collector.tlog.troubles import Trouble
from probes.config_evidence_log import Token, TokenKey
from tests.support.signing_logs import ORIGIN, SignedLogs, config_of, made_key
from tests.support.softhsm import MODULE, PIN, SoftHsm

TEXT = "log.example.org\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"


@pytest.fixture
def token(softhsm: SoftHsm) -> Iterator[Token]:
    softhsm.keypair("log")
    yield Token(module=MODULE, token=softhsm.label, object="log", pin="env:PIN")
    softhsm.destroy("log")


def secrets(pin: str = PIN) -> dict[str, bytes]:
    return {"env:PIN": f"{pin}\n".encode(), "env:EMPTY": b"\n", "env:BYTES": b"\xff"}


def verifies(signer: Signer, message: bytes) -> None:
    key = Ed25519PublicKey.from_public_bytes(signer.public_key)
    key.verify(signer.sign(message), message)


def test_a_key_in_a_file_signs_under_each_of_its_names(tmp_path: Path) -> None:
    signer = open_file(made_key(tmp_path))
    for name in (f"{ORIGIN}/evidence", f"{ORIGIN}/audit"):
        signed = Note(TEXT, (line_of(signer, name, TEXT),))
        (found,) = note.verify(note.parse(note.write(signed)), [vkey_of(signer, name)])
        assert found.key.name == name


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    path = made_key(tmp_path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        keyfile.make(path)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_key_on_a_token_signs_as_the_same_key_each_time(token: Token) -> None:
    one = TokenSigner(token, secrets().__getitem__)
    again = TokenSigner(token, secrets().__getitem__)  # of a token that is logged in already
    assert len(one.public_key) == 32
    assert one.public_key == again.public_key
    for signer in (one, again):
        verifies(signer, TEXT.encode())
    one.close()
    again.close()


def test_it_is_opened_anew_after_it_was_closed(token: Token) -> None:
    signer = TokenSigner(token, secrets().__getitem__)
    signer.close()
    verifies(signer, b"a")
    signer.close()


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # of the library's own
def test_a_session_that_is_gone_costs_one_signature(token: Token) -> None:
    signer = TokenSigner(token, secrets().__getitem__)
    assert signer._session is not None
    signer._session.close()  # as when the token was taken out and put back
    with pytest.raises(SignerError) as caught:
        signer.sign(b"a")
    assert caught.value.code is KeyFault.FAILED
    verifies(signer, b"a")
    signer.close()


def test_another_key_of_the_same_label_is_not_taken_for_this_one(
    token: Token, softhsm: SoftHsm
) -> None:
    signer = TokenSigner(token, secrets().__getitem__)
    softhsm.destroy("log")
    softhsm.keypair("log")
    for _ in range(2):
        with pytest.raises(SignerError) as caught:
            signer.sign(b"a")
        assert caught.value.code is KeyFault.FAILED
    signer.close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"module": "/nowhere/lib.so"}, KeyFault.MODULE),
        ({"module": "/etc/passwd"}, KeyFault.MODULE),
        ({"token": "another"}, KeyFault.TOKEN),
        ({"object": "another"}, KeyFault.OBJECT),
        ({"pin": "env:UNSET"}, KeyFault.PIN),
        ({"pin": "env:EMPTY"}, KeyFault.PIN),
        ({"pin": "env:BYTES"}, KeyFault.PIN),
    ],
)
def test_what_is_wrong_with_a_token_has_a_code(
    token: Token, change: dict[str, str], code: KeyFault
) -> None:
    with pytest.raises(SignerError) as caught:
        TokenSigner(token.model_copy(update=change), secrets().__getitem__)
    assert caught.value.code is code
    assert code in KEY_FAULTS


def test_a_pin_that_was_refused_is_not_offered_again(token: Token) -> None:
    given = secrets()
    signer = TokenSigner(token, given.__getitem__)
    signer.close()
    given["env:PIN"] = b"9999"
    offered: list[str] = []
    opens = signer._logged_in

    def counted(found: object, pin: str) -> object:
        offered.append(pin)
        return opens(found, pin)  # type: ignore[arg-type]  # of the library

    signer._logged_in = counted  # type: ignore[assignment,method-assign]  # counts, and goes on
    for _ in range(3):
        with pytest.raises(SignerError) as caught:
            signer.sign(b"a")
        assert caught.value.code is KeyFault.PIN
    assert offered == ["9999"]
    given["env:PIN"] = PIN.encode()
    verifies(signer, b"a")
    signer.close()


def test_keys_are_opened_in_the_order_of_the_file_and_faults_by_their_place(
    token: Token, tmp_path: Path
) -> None:
    signers = Signers(secrets().__getitem__)
    file = made_key(tmp_path)
    keys: list[str | TokenKey] = [f"file:{tmp_path}/away", TokenKey(pkcs11=token), f"file:{file}"]
    found = signers.opened(keys)
    assert found.faults == {0: KeyFault.MISSING}
    assert not found.complete
    on_token, in_file = found.signers
    assert in_file.public_key == open_file(file).public_key
    assert signers.opened(keys).signers[0] is on_token
    signers.close()


def test_without_the_extra_a_token_is_told_and_files_sign(
    token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "collector.tlog.signer_pkcs11")
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    found = Signers(secrets().__getitem__).opened(
        [TokenKey(pkcs11=token), f"file:{made_key(tmp_path)}"]
    )
    assert found.faults == {0: KeyFault.EXTRA}
    assert len(found.signers) == 1


async def test_a_log_goes_over_from_a_file_to_a_token_with_both_signing_between(
    store: Store, token: Token, tmp_path: Path
) -> None:
    file = made_key(tmp_path)
    said = f"{{pkcs11: {{module: {MODULE}, token: {token.token}, object: log, pin: env:PIN}}}}"
    logs = SignedLogs(store, config_of([file]), tmp_path / "signed", secrets=secrets())
    await logs.sign()
    logs.config = config_of([file, said])
    assert await logs.sign() == {}
    keys = [vkey_of(one, f"{ORIGIN}/audit") for one in logs.signers.opened(log_keys(logs)).signers]
    both = note.verify(note.parse((await logs.latest(Log.AUDIT)).note), keys)
    assert [one.key for one in both] == keys
    logs.config = config_of([said])
    assert await logs.sign() == {}
    (alone,) = note.verify(note.parse((await logs.latest(Log.AUDIT)).note), keys)
    assert alone.key == keys[1]
    assert (await logs.known()).keys[keys[1].text()].vouched
    logs.signers.close()
    logs.secrets["env:PIN"] = b"9999"  # type: ignore[index]  # ours, a dict
    assert await logs.sign() == dict.fromkeys(Log, Trouble.KEYS)


def log_keys(logs: SignedLogs) -> tuple[str | TokenKey, ...]:
    assert logs.config.evidence_log is not None
    return logs.config.evidence_log.keys


def test_a_pin_that_was_wrong_from_the_start_is_not_offered_at_each_look(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = secrets("9999")
    offered: list[str] = []
    opens = TokenSigner._logged_in

    def counted(self: TokenSigner, found: pkcs11.Token, pin: str) -> pkcs11.Session:
        offered.append(pin)
        return opens(self, found, pin)

    monkeypatch.setattr(TokenSigner, "_logged_in", counted)
    signers = Signers(given.__getitem__)
    for _ in range(3):
        assert signers.opened([TokenKey(pkcs11=token)]).faults == {0: KeyFault.PIN}
    assert offered == ["9999"]
    given["env:PIN"] = PIN.encode()
    (signer,) = signers.opened([TokenKey(pkcs11=token)]).signers
    verifies(signer, b"a")
    signers.close()
