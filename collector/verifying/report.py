"""What a verification came to: one document, and the same in words.

Names and ids are those of the bundle, which is judged by then; of one that is not verified nothing is
printed but what failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.attest.policy import Policy
from collector.attest.vkey import VerifierKey
from collector.bundle.assurance import LIMIT_MEANINGS, Limit
from collector.bundle.predicate import CLAIMED, DERIVED
from collector.verifying.failures import EXIT_CODES, VerifyError
from collector.verifying.heads import shown
from collector.verifying.sealing import Sealed
from collector.verifying.telling import Told, count
from collector.verifying.verify import Outcome
from probes import agentkeys
from probes.times import duration_text, rfc3339

COLUMNS = (
    "SYSTEM", "RAW %", "AFTER EXCLUSIONS %", "WORST CASE %", "COVERAGE %", "DOWN", "TARGET",
    "VERDICT",
)  # fmt: skip
VERIFIED = 0


def exit_code(outcome: Outcome) -> int:
    """0 verified, 1 wrong, 2 incomplete, untrusted or malformed."""
    failure = outcome.failure
    return VERIFIED if failure is None else EXIT_CODES[failure.meaning.kind]


def document(outcome: Outcome, told: Sequence[Told], *, own_policy: bool) -> dict[str, Any]:
    """For machines: all that the words say."""
    failure, sealed = outcome.failure, outcome.sealed
    return {
        "verified": failure is None,
        "exit": exit_code(outcome),
        "failure": None if failure is None else _failure(failure),
        "checks": [{"check": one.check, "found": one.text, "note": one.note} for one in told],
        "policy": _policy(outcome.policy, own=own_policy),
        "attestation": None if failure is not None else _attestation(outcome),
        "claimed": [*CLAIMED],
        "agents": None if failure is not None or sealed is None else _keys_of(sealed),
    }


def failed(failure: VerifyError) -> list[str]:
    """Why it is not verified, and what to do."""
    place = "" if failure.place is None else f" at {failure.place}"
    meaning = failure.meaning
    return [
        f"NOT VERIFIED ({meaning.kind}): {failure.code}{place}",
        f"  {meaning.what}",
        f"  {meaning.ask}",
        "  What comes after this check was not looked at.",
    ]


def rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """The figures, in `COLUMNS`; `-` where a number is undefined."""
    return [
        (
            one["system"],
            *(one["figures"][name]["percent"] or "-" for name in _FIGURES),
            one["coverage"] or "-",
            duration_text(one["milliseconds"]["down"]),
            one["target"] or "-",
            one["verdict"] or "-",
        )
        for one in _derived(outcome)["results"]
    ]


def headline(outcome: Outcome) -> str:
    found = _derived(outcome)
    period = found["period"]
    return (
        f"VERIFIED: {found['scope']['organization']}, {rfc3339(period['start'])} to "
        f"{rfc3339(period['end'])} ({period['timezone']}), as known at {rfc3339(period['now'])}"
    )


def details(outcome: Outcome, *, own_policy: bool) -> list[str]:
    """What stands behind the figures: gaps, maintenance, who signed, by whose word, what remains."""
    return [
        *_judged(_derived(outcome)),
        *_missing(_derived(outcome)),
        *_maintenance(_derived(outcome)),
        *_signed(outcome),
        *_agents(outcome),
        *_limits(_derived(outcome), own=own_policy),
        *compare(outcome.policy, own=own_policy),
    ]


def compare(policy: Policy | None, *, own: bool) -> list[str]:
    """Whose keys to compare, where the policy came with the bundle."""
    if policy is None:
        return []
    if own:
        return ["Judged by your policy."]
    return [
        _OF_THE_BUNDLE,
        *(f"  {line}" for line in _keys(policy)),
    ]


_OF_THE_BUNDLE = (
    "Judged by the policy in the bundle itself. It proves nothing until you have compared these keys, "
    "over another channel, with what their owners say; then keep `policy.txt` and use it with "
    "--policy:"
)
_FIGURES = ("raw", "afterExclusions", "worstCase")


def _derived(outcome: Outcome) -> Mapping[str, Any]:
    return outcome.derived or {}


def _judged(found: Mapping[str, Any]) -> list[str]:
    """The number behind each verdict (semantics 3), and by which formula."""
    lines = []
    for one in found["results"]:
        by = one["judgedBy"]
        if by is not None:
            site = "" if by["site"] is None else f" {by['site']}"
            known, least, most = (by[name] or "-" for name in ("known", "min", "max"))
            lines.append(
                f"{one['system']}: target {one['target']} % {one['verdict']}, judged by "
                f"{by['scope']}{site} {known} % ({least} to {most}), formula {one['formula']}"
            )
    return lines


def _missing(found: Mapping[str, Any]) -> list[str]:
    slots: Counter[str] = Counter()
    for gap in found["gaps"]:
        slots[gap["cause"]] += gap["slots"]
    lines = [
        f"{one['system']}: {one['received']} of {one['expected']} results that were due are there"
        for one in found["results"]
    ]
    if slots:
        causes = ", ".join(f"{number} {cause}" for cause, number in sorted(slots.items()))
        lines.append(f"Missing, by cause: {causes}. Missing time counts as unknown.")
    return lines


def _maintenance(found: Mapping[str, Any]) -> list[str]:
    applied = [one for one in found["exclusions"] if one["excludes"]]
    if not applied:
        return ["No maintenance was excluded."]
    before = Counter(one["preRegistered"] for one in applied)
    text = (
        f"{count(len(applied), 'occurrence')} of maintenance excluded: {before[True]} seen by the "
        f"witnesses before they began, {before[False]} only afterwards, {before[None]} by nobody but "
        "the collector."
    )
    return [text]


def _signed(outcome: Outcome) -> list[str]:
    claimed, head = outcome.claimed, outcome.head
    if claimed is None or head is None:
        return []
    by = "" if not head.witnesses else f"; witnesses: {', '.join(sorted(head.witnesses))}"
    return [f"Signed by {', '.join(sorted(claimed.signers))}{by}"]


def _agents(outcome: Outcome) -> list[str]:
    """Keys that signed evidence, whether the statement lists them or not: who approves keys could
    approve his own.
    """
    if outcome.sealed is None:
        return []
    return [
        "Evidence is signed by these keys; compare them with those of the agents' hosts:",
        *(
            f"  agent {agent}: {agentkeys.grouped(key)}"
            for agent, keys in sorted(_keys_of(outcome.sealed).items())
            for key in keys
        ),
    ]


def _limits(found: Mapping[str, Any], *, own: bool) -> list[str]:
    """The level is by the issuer's policy, which may name witnesses that the auditor's does not."""
    assurance = found["assurance"]
    whose = ", by the witnesses of the bundle's policy" if own else ""
    return [
        f"Assurance {assurance['level']}{whose}. Not proved, whatever verifies:",
        *(f"  {LIMIT_MEANINGS[Limit(code)]}" for code in assurance["limits"]),
    ]


def _keys(policy: Policy) -> list[str]:
    logs = [f"log {key.name}: {agentkeys.grouped(fingerprint(key))}" for key in policy.logs]
    witnesses = [
        f"witness {shown(name)} ({key.name}): {agentkeys.grouped(fingerprint(key))}"
        for name, key in policy.witnesses.items()
    ]
    return [*logs, *witnesses]


def fingerprint(key: VerifierKey) -> str:
    """SHA-256 of its SubjectPublicKeyInfo, hex, as those of agents' keys are."""
    public = Ed25519PublicKey.from_public_bytes(key.public)
    return agentkeys.fingerprint(agentkeys.text_of(public))


def _failure(failure: VerifyError) -> dict[str, Any]:
    meaning = failure.meaning
    return {
        "code": failure.code,
        "class": meaning.kind,
        "place": failure.place,
        "meaning": meaning.what,
        "ask": meaning.ask,
    }


def _policy(policy: Policy | None, *, own: bool) -> dict[str, Any] | None:
    if policy is None:
        return None
    return {
        "own": own,
        "logs": [{"name": key.name, "sha256": fingerprint(key)} for key in policy.logs],
        "witnesses": [
            {"name": shown(name), "key": key.name, "sha256": fingerprint(key)}
            for name, key in policy.witnesses.items()
        ],
    }


def _keys_of(sealed: Sealed) -> dict[str, list[str]]:
    """Fingerprints of keys that signed evidence, by agent."""
    return {agent: sorted(keys) for agent, keys in sealed.keys.items()}


def _attestation(outcome: Outcome) -> dict[str, Any] | None:
    """The fields that are known, and nothing else that somebody wrote beside them."""
    claimed = outcome.claimed
    if claimed is None:
        return None
    said = claimed.statement.predicate
    return {name: said[name] for name in (*DERIVED, *CLAIMED) if name in said}


def plain(text: str) -> str:
    """Without what a terminal would act on: a bundle's names are its author's."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
