"""The policy of a log as a file: what is in force, what still counts, what does not."""

from __future__ import annotations

import pytest

from collector.attest import policyfile
from collector.attest.logkeys import KeyState, LogKeyReason
from collector.attest.policy import Group
from collector.attest.vkey import SignatureType, VerifierKey
from collector.tlog.policytext import policy_text
from probes.config_evidence_log import EvidenceLog
from tests.support.logkeys import key_of, witness_vkey

NAME = "log.example.org/evidence"


def key(n: int, name: str = NAME) -> VerifierKey:
    public = key_of(f"log {n}").public_key().public_bytes_raw()
    return VerifierKey(name, SignatureType.ED25519, public)


def said(**more: object) -> EvidenceLog:
    witnesses = {
        "auditor": {
            "url": "https://a.example.net",
            "key": witness_vkey("a.example.net"),
            "operator": "Example Auditors",
        },
        "own": {"url": "https://b.example.net", "key": witness_vkey("b.example.net")},
    }
    told = {"origin": "log.example.org", "keys": ["file:/k"], "witnesses": witnesses} | more
    return EvidenceLog.model_validate(told)


def keys(*states: KeyState) -> dict[str, KeyState]:
    return {state.key.text(): state for state in states}


IN_FORCE = KeyState(key(1), 9, vouched=True)
REMOVED = KeyState(key(2), 3, vouched=False, removed=12)
REVOKED = KeyState(
    key(3), 3, vouched=False, removed=12, last_size=70, reason=LogKeyReason.COMPROMISED
)
OTHERS = KeyState(key(1, "log.example.org/audit"), 9, vouched=True)


def test_it_is_exactly_this() -> None:
    text = policy_text(keys(OTHERS, REVOKED, REMOVED, IN_FORCE), NAME, said(quorum=1))
    assert text.decode() == (
        "# Trust policy of the log log.example.org/evidence (C2SP tlog-policy).\n"
        "# Compare its keys with what you were given before; then keep this file, not its copies.\n"
        f"log {key(1).text()}\n"
        "# signs no longer (journal row 12); good for what it has signed:\n"
        f"log {key(2).text()}\n"
        "# revoked (compromised), good for 70 entries at most:\n"
        f"# log {key(3).text()}\n"
        "# run by Example Auditors:\n"
        f"witness auditor {witness_vkey('a.example.net')}\n"
        f"witness own {witness_vkey('b.example.net')}\n"
        "group quorum_of_witnesses 1 auditor own\n"
        "quorum quorum_of_witnesses\n"
    )


def test_a_reader_takes_it_as_it_is_meant() -> None:
    policy = policyfile.parse(policy_text(keys(IN_FORCE, REMOVED, REVOKED), NAME, said()))
    assert policy.logs == (key(1), key(2))
    assert set(policy.witnesses) == {b"auditor", b"own"}
    assert policy.groups == {b"quorum_of_witnesses": Group(2, (b"auditor", b"own"))}
    assert policy.quorum == b"quorum_of_witnesses"


@pytest.mark.parametrize("more", [{"witnesses": {}}, {"quorum": 0}])
def test_without_a_quorum_none_is_asked_for(more: dict[str, object]) -> None:
    policy = policyfile.parse(policy_text(keys(IN_FORCE), NAME, said(**more)))
    assert policy.quorum is None
    assert policy.groups == {}


def test_an_operators_name_in_any_script_is_a_comment() -> None:
    witness = {
        "url": "https://a.example.net",
        "key": witness_vkey("a.example.net"),
        "operator": "Pr\u00fcfstelle \u4e2d",
    }
    text = policy_text(keys(IN_FORCE), NAME, said(witnesses={"a": witness}))
    assert "# run by Pr\u00fcfstelle \u4e2d:\n" in text.decode()


@pytest.mark.parametrize("states", [(), (REVOKED,), (OTHERS,)])
def test_where_no_key_is_to_be_believed_there_is_no_policy(states: tuple[KeyState, ...]) -> None:
    with pytest.raises(LookupError):
        policy_text(keys(*states), NAME, said())
