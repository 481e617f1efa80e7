"""The first page: what a reader wants to know before anything else. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from collector.reports.naming import name_of
from collector.reports.page import Item, Section, Table
from collector.reports.predicate import JudgedBy, Predicate, Result
from collector.reports.wording import (
    FIGURE_MEANINGS,
    FIGURES,
    FORMULAS,
    LEVELS,
    LIMITS,
    NO_TARGET,
    NO_TARGET_SENTENCE,
    SCOPES,
    VERDICT_SENTENCES,
    VERDICTS,
    word,
)
from collector.reports.writing import lasting, percent

NOT_DECLARED = "somebody who is not declared"
_NUMERIC = (1, 3, 4, 5, 6, 7)
RENDERING = (
    "The numbers are recomputed from the evidence in the bundle and compared to the byte. This "
    "page is a rendering: what is signed is statement.json. Ask the signer, by another way than "
    "the one the bundle came by, whether the key is theirs."
)


def answers(read: Predicate) -> tuple[Section, ...]:
    return (
        _availability(read),
        _verdicts(read),
        _exclusions(read),
        _unknown(read),
        _assurance(read),
        _signature(read),
    )


def _availability(read: Predicate) -> Section:
    rows = tuple(
        (
            name_of(read, one.system),
            percent(one.target) if one.target is not None else NO_TARGET,
            _verdict(one),
            percent(one.figures.after_exclusions.percent),
            percent(one.figures.raw.percent),
            percent(one.figures.worst_case.percent),
            lasting(one.milliseconds.excluded),
            lasting(one.milliseconds.unknown),
        )
        for one in read.results
    )
    meanings = FIGURE_MEANINGS.get(read.method.formula, FIGURE_MEANINGS["mixed"])
    table = Table(
        "availability",
        "Three figures for each system",
        ("System", "Target", "Verdict", *FIGURES, "Excluded", "Unknown"),
        rows,
        numeric=_NUMERIC,
        none="No system is disclosed.",
        note="Percentages are cut off after four decimals, never rounded up.",
    )
    return Section(
        "Availability",
        tables=(table,),
        items=tuple(map(Item, FIGURES, meanings)),
    )


def _verdict(one: Result) -> str:
    return word(VERDICTS, one.verdict, NO_TARGET)


def _verdicts(read: Predicate) -> Section:
    items = tuple(Item(name_of(read, one.system), " ".join(_judged(one))) for one in read.results)
    return Section("Verdicts in words", items=items)


def _judged(one: Result) -> Iterator[str]:
    yield word(VERDICT_SENTENCES, one.verdict, NO_TARGET_SENTENCE)
    if one.target is not None and one.judged_by is not None:
        yield f"Target {percent(one.target)}, judged by {_by(one.judged_by)}."
    yield f"Formula {one.formula}: {word(FORMULAS, one.formula)}."
    if one.minimum is not None:
        yield (
            f"Least acceptable {percent(one.minimum)}: "
            f"{word(VERDICTS, one.minimum_verdict, NO_TARGET)}."
        )
    if one.corrected is not None:
        yield (
            "With corrections that two people approved: "
            f"{percent(one.corrected.figures.after_exclusions.percent)}, "
            f"{word(VERDICTS, one.corrected.verdict, NO_TARGET)}. Both numbers stand."
        )
        if one.corrected.judged_by is not None:
            yield f"With them it is judged by {_by(one.corrected.judged_by)}."


def _by(judged: JudgedBy) -> str:
    """Whose number, and what it is."""
    site = "" if judged.site is None else f" ({judged.site})"
    return (
        f"{word(SCOPES, judged.scope)}{site}: {percent(judged.known)} of what is known, between "
        f"{percent(judged.min)} and {percent(judged.max)} whatever was in the time nobody observed"
    )


def _exclusions(read: Predicate) -> Section:
    applied = [one for one in read.exclusions if one.excludes]
    ahead = sum(one.pre_registered is True for one in applied)
    sentences = [
        f"{len(applied)} of {len(read.exclusions)} maintenance windows exclude time,"
        " counted by system and date."
        if read.exclusions
        else "There were no maintenance windows: no time was excluded."
    ]
    if applied:
        sentences.append(
            f"Witnesses had the approval before the window began: {ahead} of {len(applied)}. "
            "Who approved what, and when, stands in the table of windows."
        )
    return Section("Approved exclusions", sentences=tuple(sentences))


def _unknown(read: Predicate) -> Section:
    items = tuple(
        Item(
            name_of(read, one.system),
            f"{one.received} of {one.expected} scheduled results are there; "
            f"{lasting(one.milliseconds.unknown)} of {lasting(one.milliseconds.eligible)} unknown",
        )
        for one in read.results
    )
    shorter = f" Shorter ones that are only counted: {read.gaps_left_out}."
    gaps = (
        f"Gaps that stand with their cause in the table of gaps: {len(read.gaps)}."
        f"{shorter if read.gaps_left_out else ''}"
        if read.gaps
        else "There is no gap: every scheduled result is there."
    )
    hidden = (
        "The organization has other systems that are not in here."
        if read.scope.undisclosed_systems
        else "All systems of the organization are in here."
    )
    return Section("What is unknown", items=items, sentences=(gaps, hidden))


def _assurance(read: Predicate) -> Section:
    level = read.assurance.level
    limits = dict.fromkeys((*read.assurance.limits, *read.limitations))
    witnesses = tuple(
        Item("Witness", f"{one.name}, run by {one.operator or NOT_DECLARED}")
        for one in read.assurance.witnesses
    )
    return Section(
        f"Assurance level {level}",
        items=witnesses,
        sentences=(word(LEVELS, level), *(word(LIMITS, code) for code in limits)),
    )


def _signature(read: Predicate) -> Section:
    return Section(
        "Signature, and how to check it",
        items=(
            Item("Signed by", f"{read.signer.name}, key {read.signer.key_id}"),
            Item(
                "Log",
                f"{read.log.origin}, {read.log.to.size} entries, root {read.log.to.root}",
            ),
            Item("Check it offline", read.verify.command),
        ),
        sentences=(RENDERING,),
    )
