"""What every check in X12 says: whom it asks, in whose name, and about which test member."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from probes.config_words import Date, Model, Name, PositiveDuration
from probes.contract import Writes
from probes.tripwire import tripped
from probes.wire import x12_question
from probes.x12connect import X12_TEXT
from probes.x12ways import Connect

LEAST_EVERY_MS = 300_000
"""Without an agreement: each question is one in the payer's own log, and may be charged for."""
RULE_S = 20
"""CAQH CORE: an answer in real time comes within so long."""


def _npi(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) == 10):
        raise ValueError("an NPI has ten digits")
    right = x12_question.luhn(text)
    if int(text[9]) != right:
        raise ValueError(
            f"not an NPI: Luhn over 80840 and its first nine digits ends it with {right}, not {text[9]}"
        )
    return text


def _nobody(text: str) -> str:
    found = [pattern.value for pattern in tripped(text)]
    if found:
        raise ValueError(f"this looks like a real person's ({', '.join(found)}): ask about none")
    return text


class PayerSpec(Model):
    id: Annotated[str, StringConstraints(min_length=2, max_length=80), X12_TEXT]
    name: Annotated[str, StringConstraints(max_length=60), X12_TEXT]


class ProviderSpec(Model):
    """An organization that is enrolled for this payer."""

    npi: Annotated[str, AfterValidator(_npi)]
    name: Annotated[str, StringConstraints(max_length=60), X12_TEXT]


class MemberSpec(Model):
    """Never a real person."""

    source: Literal["agreed_fake", "payer_published"]
    """`agreed_fake`: the payer agreed in writing that nobody has these data; `payer_published`: it
    publishes them for tests.
    """
    id: Annotated[
        str, StringConstraints(min_length=2, max_length=80), X12_TEXT, AfterValidator(_nobody)
    ]
    last_name: Annotated[str, StringConstraints(max_length=60), X12_TEXT]
    first_name: Annotated[str, StringConstraints(max_length=35), X12_TEXT]
    born: Date


class X12Spec(Model):
    """Durations in milliseconds once loaded."""

    connect: Connect
    payer: PayerSpec
    provider: ProviderSpec
    member: MemberSpec
    production: bool = False
    """ISA15 is P."""
    agreement: Name | None = None
    """The owner's agreement, such as a number of a change or of a letter."""
    slow_after: PositiveDuration | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = [text for wrong, text in self.contradictions() if wrong]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        """A kind adds its own."""
        slow = self.slow_after
        return (
            (
                self.production and self.agreement is None,
                "production: true asks a payer's production: name its owner's agreement under agreement",
            ),
            (
                slow is not None and slow >= RULE_S * 1000,
                f"slow_after lies below the {RULE_S}s that CAQH CORE allows",
            ),
            *self.connect.contradictions(production=self.production),
        )

    @property
    def writes(self) -> Writes | None:
        """Nothing is written, but without an agreement a payer is not asked at will."""
        if self.agreement is not None:
            return None
        why = "a payer is asked more often only with an agreement in the spec"
        return Writes(LEAST_EVERY_MS, because=why)

    @property
    def answers_within_ms(self) -> int:
        """CAQH CORE's, but where the owner of a test endpoint agreed to be asked at will."""
        return 0 if self.agreement is not None and not self.production else RULE_S * 1000

    def question(
        self,
        asks: x12_question.Asks,
        service_type: str = "30",
        claim: x12_question.Claim | None = None,
    ) -> x12_question.Question:
        member = self.member
        return x12_question.Question(
            asks,
            x12_question.Payer(self.payer.id, self.payer.name),
            x12_question.Provider(self.provider.npi, self.provider.name),
            x12_question.Member(
                member.id, member.last_name, member.first_name, date.fromisoformat(member.born)
            ),
            service_type,
            claim,
            self.production,
        )
