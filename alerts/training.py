"""HIPAA training of contacts: which dates are missing, lapsed or soon to lapse. Pure.

A training is good for a year, to the end of the day a year later (of 29 February: the 28th).
`refresher_until` says otherwise: it is the last day of every training of that contact, of one without a
date, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from probes.config_people import Contact, Training

AHEAD = timedelta(days=60)
"""A training that lapses so soon is worth a word."""


class TrainingKind(StrEnum):
    """What somebody is trained in; the names of the fields in the operator's file."""

    PRIVACY = "privacy"
    SECURITY = "security"
    ROLE = "role"
    DEIDENTIFICATION = "deidentification"


class TrainingState(StrEnum):
    CURRENT = "current"
    SOON = "soon"
    """It lapses within 60 days."""
    LAPSED = "lapsed"
    MISSING = "missing"
    """The file has no date of it, or one that is still to come."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One training of one contact: when it was done, and the last day it is good for."""

    contact: str
    kind: TrainingKind
    done: date | None
    until: date | None
    state: TrainingState

    @property
    def is_ahead(self) -> bool:
        """The file has a date of it that is still to come: it is good for nothing yet."""
        return self.state is TrainingState.MISSING and self.done is not None


def trained(name: str, contact: Contact, today: date) -> list[Trained]:
    """A row for each kind, in their order."""
    return [_of(name, contact.training or Training(), kind, today) for kind in TrainingKind]


def lapsed(contacts: Mapping[str, Contact], today: date) -> dict[TrainingKind, int]:
    """How many contacts there are whose training of a kind has lapsed; of every kind."""
    found = Counter(
        one.kind
        for name, contact in contacts.items()
        for one in trained(name, contact, today)
        if one.state is TrainingState.LAPSED
    )
    return {kind: found[kind] for kind in TrainingKind}


def remarks(contacts: Mapping[str, Contact], today: date) -> list[str]:
    """Sentences for `config check`, by what is the matter."""
    said = {
        (TrainingState.LAPSED, False): "HIPAA training that has lapsed",
        (TrainingState.SOON, False): f"HIPAA training that lapses within {AHEAD.days} days",
        (TrainingState.MISSING, False): "no date of HIPAA training",
        (TrainingState.MISSING, True): "HIPAA training with a date that is still to come",
    }
    rows = [one for name, contact in contacts.items() for one in trained(name, contact, today)]
    found = {what: [r for r in rows if (r.state, r.is_ahead) == how] for how, what in said.items()}
    return [f"{what}: {', '.join(_named(of))}" for what, of in found.items() if of]


def _of(name: str, training: Training, kind: TrainingKind, today: date) -> Trained:
    done, until = _day(getattr(training, kind.value)), _day(training.refresher_until)
    if until is None and done is not None:
        until = a_year_after(done)
    if until is not None and until < today:
        return Trained(name, kind, done, until, TrainingState.LAPSED)
    if done is None or until is None or done > today:
        return Trained(name, kind, done, None, TrainingState.MISSING)
    soon = until <= today + AHEAD
    return Trained(name, kind, done, until, TrainingState.SOON if soon else TrainingState.CURRENT)


def _day(written: str | None) -> date | None:
    return None if written is None else date.fromisoformat(written)


def a_year_after(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year + 1, 2, 28)
    return day.replace(year=day.year + 1)


def _named(rows: Iterable[Trained]) -> list[str]:
    """`anna (privacy on 2026-03-01, role on 2026-04-01)`; a contact alone lacks every date."""
    by_contact: dict[str, list[str]] = {}
    for one in rows:
        last = one.until or one.done
        day = "" if last is None else f" on {last}"
        by_contact.setdefault(one.contact, []).append(f"{one.kind}{day}")
    return [
        name if of == list(TrainingKind) else f"{name} ({', '.join(of)})"
        for name, of in by_contact.items()
    ]
