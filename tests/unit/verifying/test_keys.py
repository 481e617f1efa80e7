"""Who signed what agents send: keys that a config pins, and keys that were enrolled and approved."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.bundle.keys import keys_of
from collector.core.agent_keys import OVERLAP_MS
from collector.facts import Row, canonical
from collector.verifying import rotations
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.keys import SLACK_MS, Keys
from probes import agentkeys
from probes.config import Config
from probes.history import History, Version
from tests.unit.verifying.headers import KEY, OTHER, OTHER_TEXT, TEXT, batch_header, sealed

ORG, AGENT = "st-elsewhere", "north-1"
FINGERPRINT, OTHER_FINGERPRINT = map(agentkeys.fingerprint, (TEXT, OTHER_TEXT))
T = 1_780_000_000_000
SOON = T + SLACK_MS


def config(key: str | None = None, agent: str = AGENT) -> Config:
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": ORG, "name": "St Elsewhere", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {agent: {"site": "north", **({} if key is None else {"key": key})}},
            "systems": {"ehr": {"name": "EHR", "impact": {"class": "clinical"}}},
            "checks": {
                "ehr-read": {"system": "ehr", "kind": "any", "every": "30s", "timeout": "10s"}
            },
        }
    )


def row(kind: str, t: int, number: int = 1, **data: Any) -> Row:
    return Row(number, kind, t, t, "x", canonical({"agent": AGENT, **data}))


def enrolled(at: int = T, key: str = TEXT) -> Row:
    return row("agent.enrolled", at, fingerprint=agentkeys.fingerprint(key), key=key)


def approved(at: int = T, fingerprint: str = FINGERPRINT) -> Row:
    return row("agent.approved", at, 2, fingerprint=fingerprint, by="admin-1")


def revoked(at: int) -> Row:
    return row("agent.revoked", at, 4, fingerprint=FINGERPRINT, reason="stolen")


def rotated(at: int, by_old: Ed25519PrivateKey = KEY, by_new: Ed25519PrivateKey = OTHER) -> Row:
    said = agentkeys.rotation(ORG, AGENT, TEXT, OTHER_TEXT, at)
    return row(
        "agent.rotated",
        at,
        3,
        **{"from": FINGERPRINT},
        to=OTHER_FINGERPRINT,
        key=OTHER_TEXT,
        at=at,
        signature_from=agentkeys.sign(by_old, said),
        signature_to=agentkeys.sign(by_new, said),
        valid_until=at + OVERLAP_MS,
    )


def keys(*rows: Row, versions: tuple[Version, ...] = (Version(0, config()),)) -> Keys:
    return Keys([History(versions)], keys_of(rows))


def judged(found: Keys, at: int, key: Ed25519PrivateKey = KEY) -> Failure | None:
    try:
        found.judge(sealed(5, batch_header(1), key, at))
    except VerifyError as error:
        return error.code
    return None


def test_an_approved_key_counts_from_its_approval_on() -> None:
    found = keys(enrolled(), approved(SOON))
    assert judged(found, SOON) is None
    assert judged(found, SOON - SLACK_MS) is None
    assert judged(found, SOON - SLACK_MS - 1) is Failure.KEYS_NOT_TAKEN
    assert found.used == {AGENT: {FINGERPRINT: 2}}


def test_a_key_that_nobody_approved_does_not_count() -> None:
    assert judged(keys(enrolled()), T) is Failure.KEYS_NOT_TAKEN


def test_a_revoked_key_counts_for_what_came_before() -> None:
    found = keys(enrolled(), approved(), revoked(T + 600_000))
    assert judged(found, T + 599_999) is None
    assert judged(found, T + 600_000 + SLACK_MS - 1) is None
    assert judged(found, T + 600_000 + SLACK_MS) is Failure.KEYS_NOT_TAKEN


def test_a_replaced_key_counts_for_three_weeks_more() -> None:
    found = keys(enrolled(), approved(), rotated(T + 1_000))
    over = T + 1_000 + OVERLAP_MS + SLACK_MS
    assert judged(found, over - 1) is None
    assert judged(found, over) is Failure.KEYS_NOT_TAKEN
    assert judged(found, over, OTHER) is None
    assert judged(found, T, OTHER) is None, "within the slack"


def test_a_rotation_is_signed_by_both_keys() -> None:
    rows = [enrolled(), approved(), rotated(T)]
    assert rotations.check(ORG, rows, keys_of(rows)) == 1
    assert rotations.check(ORG, [*rows, rows[-1]], keys_of(rows)) == 2
    assert rotations.check(ORG, rows[:2], keys_of(rows)) == 0


@pytest.mark.parametrize("who", [(OTHER, OTHER), (KEY, KEY)])
def test_a_rotation_that_not_both_keys_signed_is_named(
    who: tuple[Ed25519PrivateKey, Ed25519PrivateKey],
) -> None:
    rows = [enrolled(), approved(), rotated(T, *who)]
    with pytest.raises(VerifyError) as error:
        rotations.check(ORG, rows, keys_of(rows))
    assert (error.value.code, error.value.place) == (Failure.KEYS_ILLEGAL, "row 3")


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"agent":[]}', b'{"agent":"x"}', b"[" * 99_999])
def test_a_rotation_of_another_form_is_named(data: bytes) -> None:
    with pytest.raises(VerifyError) as error:
        rotations.check(ORG, [Row(9, "agent.rotated", T, T, "x", data)], {})
    assert (error.value.code, error.value.place) == (Failure.KEYS_ILLEGAL, "row 9")


def test_a_pinned_key_is_the_only_one_while_it_is_pinned() -> None:
    versions = (Version(0, config()), Version(T, config(OTHER_TEXT)))
    found = keys(enrolled(0), approved(0), versions=versions)
    assert judged(found, T + SLACK_MS - 1) is None
    assert judged(found, T + SLACK_MS) is Failure.KEYS_NOT_TAKEN
    assert judged(found, T + SLACK_MS, OTHER) is None
    assert judged(found, T - SLACK_MS, OTHER) is None
    assert judged(found, T - SLACK_MS - 1, OTHER) is Failure.KEYS_NOT_TAKEN


def test_a_stranger_s_signature_is_false() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert judged(keys(enrolled(), approved()), T, stranger) is Failure.KEYS_SIGNATURE


def test_an_agent_without_a_key_is_named() -> None:
    found = keys(versions=(Version(0, config(OTHER_TEXT, "south-1")),))
    assert judged(found, T) is Failure.KEYS_UNKNOWN
    assert not found.known(AGENT)
    assert found.known("south-1")


def test_the_entry_is_named_or_the_agent_that_has_no_key() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    for found, key, place in (
        (keys(enrolled(), approved()), stranger, "5"),
        (keys(enrolled()), KEY, "5"),
        (keys(versions=(Version(0, config(OTHER_TEXT, "south-1")),)), KEY, AGENT),
    ):
        with pytest.raises(VerifyError) as error:
            found.judge(sealed(5, batch_header(1), key, T))
        assert error.value.place == place


def test_an_agent_that_no_config_in_force_defines_is_not_taken() -> None:
    found = keys(enrolled(), approved(), versions=(Version(0, config(OTHER_TEXT, "south-1")),))
    assert judged(found, T) is Failure.KEYS_NOT_TAKEN
