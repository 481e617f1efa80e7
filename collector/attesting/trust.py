"""Whom a bundle's checkpoints are to be believed of, as the issuer sees it: a policy (C2SP tlog-policy)."""

from __future__ import annotations

from collections.abc import Iterable

from collector.attest.logkeys import Keys
from collector.attest.vkey import VerifierKey
from probes.config_evidence_log import EvidenceLog


def policy_text(said: EvidenceLog, keys: Keys, name: str) -> bytes:
    """The log's keys, those of before included, and its witnesses with their quorum.

    A revoked key is not among them.
    """
    logs = [one.key for one in keys.values() if one.key.name == name and one.last_size is None]
    lines = [f"log {key.text()}" for key in _sorted(logs)]
    lines += [f"witness {id_} {one.key}" for id_, one in said.witnesses.items()]
    if said.needed:
        members = " ".join(said.witnesses)
        lines.append(f"group QUORUM {said.needed} {members}")
    lines.append(f"quorum {'QUORUM' if said.needed else 'none'}")
    return "".join(f"{line}\n" for line in lines).encode()


def operators(said: EvidenceLog, organization: str) -> dict[str, str]:
    """Who runs each witness, by its name in the policy, as the file declares it."""
    return {id_: one.operator or organization for id_, one in said.witnesses.items()}


def _sorted(keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    return sorted(keys, key=VerifierKey.text)
