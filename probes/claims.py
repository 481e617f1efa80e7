"""The chain of a claim file: 837 sent, then TA1/999, 277CA and 835, each by its deadline. Pure.

Deadlines count from the 837. An answer with a control number goes to the 837 of that number; of several
with one number, and of those without any, first in, first out, one answer each. An 835 answers every
837 that was sent before it: payers pay in batches of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from probes.contract import Fact, Outcome
from probes.reasons import Reason
from probes.wire.claims import Ack, Number, Numbers

TOLD_MS = 7 * 86_400_000
"""A missing answer is told for so long after its deadline, and an 837 forgotten after its last one."""
REJECTED_MS = 3 * 3_600_000
"""A rejection is told for so long at least, whatever is accepted meanwhile: of another payer's, it may be."""
AHEAD_MS = 86_400_000
"""An answer may be so much older than its 837: archives have the time at which they were filled."""


class Stage(StrEnum):
    """What answers an 837, in order."""

    ACK = "999"
    """A TA1 that rejects stands in for it: none follows."""
    ACCEPTANCE = "277ca"
    REMITTANCE = "835"


@dataclass(frozen=True, slots=True)
class Sent:
    """An 837. `numbers` None: nothing tells which answers are its own."""

    at_ms: int
    numbers: Numbers | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`ack` None: it came, and nothing tells for what."""

    stage: Stage
    at_ms: int
    ack: Ack | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What was seen, and what may be missing in it. `since_ms`: from when on somebody looked. `away`:
    when nobody could have heard (start, end). `whole` False: there is more, not looked at yet.
    """

    sent: Sequence[Sent]
    answers: Sequence[Answer]
    since_ms: int
    away: Sequence[tuple[int, int]] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """`within` by stage, ascending."""

    within: Mapping[Stage, int]
    expect_every_ms: int | None = None

    @property
    def look_back_ms(self) -> int:
        return max([*self.within.values(), self.expect_every_ms or 0]) + TOLD_MS


@dataclass(frozen=True, slots=True)
class Judgement:
    outcome: Outcome
    reason: Reason
    facts: Mapping[Fact, int]


@dataclass(slots=True)
class _Claim:
    """One 837 and what came for it."""

    sent: Sent
    answered: dict[Stage, list[Answer]] = field(default_factory=dict)

    def take(self, answer: Answer) -> None:
        self.answered.setdefault(answer.stage, []).append(answer)

    def rejection(self, stage: Stage) -> Reason | None:
        """Whoever rejects speaks: a payer may after a clearinghouse accepted."""
        for answer in self.answered.get(stage, ()):
            if answer.ack is not None and answer.ack.is_rejected:
                return _REJECTED[answer.ack.number]
        return None

    def is_fresh(self, stage: Stage, now_ms: int) -> bool:
        """Was it rejected a short time ago?"""
        return any(
            one.ack is not None and one.ack.is_rejected and one.at_ms > now_ms - REJECTED_MS
            for one in self.answered[stage]
        )

    def missing(self, terms: Terms) -> Iterable[tuple[Stage, int]]:
        """Stages without an answer, with their due times; none behind a rejection."""
        for stage, within_ms in terms.within.items():
            if stage not in self.answered:
                yield stage, self.sent.at_ms + within_ms
            elif self.rejection(stage) is not None:
                return


_REJECTED = {
    Number.INTERCHANGE: Reason.CLAIMS_TA1_REJECTED,
    Number.GROUP: Reason.CLAIMS_999_REJECTED,
    Number.SUBMISSION: Reason.CLAIMS_277CA_REJECTED,
}
_LATE = {
    Stage.ACK: Reason.CLAIMS_NO_999,
    Stage.ACCEPTANCE: Reason.CLAIMS_NO_277CA,
    Stage.REMITTANCE: Reason.CLAIMS_NO_835,
}
_ANSWERED = {
    Stage.ACK: Fact.CLAIMS_999,
    Stage.ACCEPTANCE: Fact.CLAIMS_277CA,
    Stage.REMITTANCE: Fact.CLAIMS_835,
}
_OUTCOMES = {
    Reason.OK: Outcome.UP,
    Reason.CLAIMS_NONE_SENT: Outcome.DEGRADED,
    Reason.CLAIMS_NONE_YET: Outcome.UNKNOWN,
    Reason.CLAIMS_UNHEARD: Outcome.UNKNOWN,
    Reason.CLAIMS_UNREAD: Outcome.UNKNOWN,
    **dict.fromkeys(_LATE.values(), Outcome.DEGRADED),
    **dict.fromkeys(_REJECTED.values(), Outcome.MISCONFIGURED),
}
CLAIMS_REASONS = frozenset(_OUTCOMES)


def judge(terms: Terms, known: Known, now_ms: int) -> Judgement:
    """As of `now_ms`; what is due exactly then is not late."""
    from_ms = now_ms - terms.look_back_ms
    sent = sorted((one for one in known.sent if one.at_ms > from_ms), key=lambda one: one.at_ms)
    claims = [_Claim(one) for one in sent]
    answers = sorted(
        (one for one in known.answers if one.at_ms > from_ms), key=lambda one: one.at_ms
    )
    for stage in terms.within:
        _give(claims, [one for one in answers if one.stage is stage], stage)
    late = _late(claims, terms, now_ms)
    reason = (
        (None if known.whole else Reason.CLAIMS_UNREAD)
        or _rejection(claims, terms, now_ms)
        or _lateness(late, known)
        or _silence(sent, known, terms, now_ms)
        or Reason.OK
    )
    return Judgement(_OUTCOMES[reason], reason, _facts(claims, terms, late, now_ms))


def _give(claims: Sequence[_Claim], answers: Sequence[Answer], stage: Stage) -> None:
    if stage is Stage.REMITTANCE:
        for answer in answers[-1:]:
            for claim in claims:
                if claim.sent.at_ms <= answer.at_ms:
                    claim.take(answer)
        return
    by_key: dict[object, list[_Claim]] = {}
    for claim in claims:
        for key in _keys(claim.sent, stage):
            by_key.setdefault(key, []).append(claim)
    for answer in answers:
        ack = answer.ack
        mine = by_key.get(None if ack is None else (ack.number, ack.value), [])
        upto_ms = answer.at_ms + (AHEAD_MS if len(mine) == 1 and ack is not None else 0)
        mine = [claim for claim in mine if claim.sent.at_ms <= upto_ms]
        if mine:
            # A second answer to what all have been answered is about the last of them.
            next((one for one in mine if stage not in one.answered), mine[-1]).take(answer)


def _keys(sent: Sent, stage: Stage) -> list[object]:
    numbers = sent.numbers
    if numbers is None:
        return [None]
    if stage is Stage.ACK:
        return [(Number.INTERCHANGE, numbers.interchange), (Number.GROUP, numbers.group)]
    return [(Number.SUBMISSION, numbers.submission)]


def _rejection(claims: Sequence[_Claim], terms: Terms, now_ms: int) -> Reason | None:
    """One that just came; else that of the newest 837 with an answer: a later one that was accepted
    has ended it.
    """
    for stage in terms.within:
        if stage is Stage.REMITTANCE:
            continue
        answered = [one for one in reversed(claims) if stage in one.answered]
        telling = answered[:1] + [one for one in answered if one.is_fresh(stage, now_ms)]
        reasons = (one.rejection(stage) for one in telling)
        found = next((reason for reason in reasons if reason is not None), None)
        if found is not None:
            return found
    return None


def _late(claims: Iterable[_Claim], terms: Terms, now_ms: int) -> list[tuple[Stage, _Claim]]:
    """Missing after their deadline, and not for too long."""
    return [
        (stage, claim)
        for claim in claims
        for stage, due_ms in claim.missing(terms)
        if due_ms < now_ms <= due_ms + TOLD_MS
    ]


def _lateness(late: Sequence[tuple[Stage, _Claim]], known: Known) -> Reason | None:
    """The earliest stage at which one is surely late; else why nobody can say."""
    sure = {stage for stage, claim in late if not _unheard(known, claim.sent.at_ms)}
    if sure:
        return next(reason for stage, reason in _LATE.items() if stage in sure)
    return Reason.CLAIMS_UNHEARD if late else None


def _unheard(known: Known, since_ms: int) -> bool:
    return any(back >= since_ms for _, back in known.away)


def _silence(sent: Sequence[Sent], known: Known, terms: Terms, now_ms: int) -> Reason | None:
    last_ms = max([known.since_ms, *(one.at_ms for one in sent)])
    every_ms = terms.expect_every_ms
    if every_ms is not None and now_ms - last_ms > every_ms:
        return Reason.CLAIMS_UNHEARD if _unheard(known, last_ms) else Reason.CLAIMS_NONE_SENT
    return None if sent else Reason.CLAIMS_NONE_YET


def _facts(
    claims: Sequence[_Claim],
    terms: Terms,
    late: Sequence[tuple[Stage, _Claim]],
    now_ms: int,
) -> dict[Fact, int]:
    facts = {Fact.CLAIMS_SENT: len(claims), Fact.CLAIMS_LATE: len({id(one) for _, one in late})}
    for stage in terms.within:
        facts[_ANSWERED[stage]] = sum(stage in claim.answered for claim in claims)
    facts[Fact.CLAIMS_REJECTED] = sum(
        any(claim.rejection(stage) is not None for stage in terms.within) for claim in claims
    )
    waiting = [one.sent.at_ms for one in claims if next(iter(one.missing(terms)), None) is not None]
    if waiting:
        facts[Fact.OLDEST_S] = max(now_ms - min(waiting), 0) // 1000
    return facts
