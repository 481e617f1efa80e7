"""What follows the first page: exact figures, then the tables of what happened. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from collector.reports import tables
from collector.reports.naming import name_of
from collector.reports.page import Item, Section, Table
from collector.reports.predicate import Figures, Milliseconds, Predicate, Result
from collector.reports.tables import first
from collector.reports.wording import (
    FIGURES,
    FORMULAS,
    NO_TARGET,
    ROUNDING,
    SCOPE_NOTE,
    UNKNOWN_POLICIES,
    VERDICTS,
    word,
)
from collector.reports.writing import instant, lasting, number, percent

_CLASSES = ("Up", "Degraded", "Down", "Unknown", "Excluded", "Not monitored", "Eligible")


def details(read: Predicate, zone: ZoneInfo) -> tuple[Section, ...]:
    return (
        Section("Figures", tables=tuple(_figures(read))),
        Section("What happened", tables=(tables.outages(read, zone), tables.incidents(read, zone))),
        Section("What was planned", tables=(tables.exclusions(read, zone),)),
        Section(
            "What was not seen, and what came late",
            tables=(tables.gaps(read, zone),),
            items=_late(read),
        ),
        Section("Who measured", tables=(tables.vantage_points(read), _checks(read))),
        Section("What was changed", tables=(tables.changes(read, zone),)),
        Section("How it was computed", items=_method(read, zone)),
    )


def _figures(read: Predicate) -> Iterator[Table]:
    """Exact ratios: what a percentage was cut from."""
    rows, note = first(row for one in read.results for row in _ratios(read, one.system))
    yield Table(
        "figures",
        "The three figures, exactly, in milliseconds",
        ("System", "Counted for", "Figure", "Up or degraded", "Of", "Percent"),
        rows,
        numeric=(3, 4, 5),
        none="No system is disclosed.",
        note=note,
    )
    rows, note = first(row for one in read.results for row in _verdicts(read, one))
    yield Table(
        "verdicts",
        "Verdicts, each by the figures of its own row",
        (
            "System",
            "Counted for",
            "Worst case",
            "Target",
            "Verdict",
            "Least acceptable",
            "Verdict of it",
        ),
        rows,
        numeric=(2, 3, 5),
        none="No system is disclosed.",
        note=f"{note} {SCOPE_NOTE}".strip(),
    )
    rows, note = first(row for one in read.results for row in _classes(read, one.system))
    yield Table(
        "time",
        "Where the time went",
        ("System", "Counted for", *_CLASSES, "Coverage"),
        rows,
        numeric=tuple(range(2, 3 + len(_CLASSES))),
        none="No system is disclosed.",
        note=note,
    )
    rows, note = first(
        (
            name_of(read, one.system),
            number(one.expected),
            number(one.received),
            number(one.outcomes.up),
            number(one.outcomes.degraded),
            number(one.outcomes.down),
            number(one.outcomes.misconfigured),
            number(one.outcomes.unknown),
            number(one.runs.judged),
            number(one.runs.good),
        )
        for one in read.results
    )
    yield Table(
        "results",
        "Results counted",
        (
            "System",
            "Scheduled",
            "There",
            "Up",
            "Degraded",
            "Down",
            "Misconfigured",
            "Unknown",
            "Judged in eligible time",
            "Good of these",
        ),
        rows,
        numeric=tuple(range(1, 10)),
        none="No system is disclosed.",
        note=note,
    )


def _counted(
    read: Predicate, system: str
) -> Iterator[tuple[str, Figures, Milliseconds, str | None]]:
    """For the system as a whole, each site, and with corrections if there are any."""
    one = next(result for result in read.results if result.system == system)
    yield "the system", one.figures, one.milliseconds, one.coverage
    for site in one.sites:
        yield f"site {site.site}", site.figures, site.milliseconds, site.coverage
    if one.corrected is not None:
        told = f"with corrections {', '.join(one.corrected.corrections)}"
        yield told, one.corrected.figures, one.corrected.milliseconds, one.corrected.coverage


def _verdicts(read: Predicate, one: Result) -> Iterator[tuple[str, ...]]:
    """Sites have verdicts of their own; the contract's is that of its scope, in the first row."""
    name, target, least = name_of(read, one.system), percent(one.target), percent(one.minimum)
    found = [("the system", one.figures, one.verdict, one.minimum_verdict)]
    found += [
        (f"site {site.site}", site.figures, site.verdict, site.minimum_verdict)
        for site in one.sites
    ]
    if one.corrected is not None:
        second = one.corrected
        told = f"with corrections {', '.join(second.corrections)}"
        found.append((told, second.figures, second.verdict, second.minimum_verdict))
    for what, figures, verdict, minimum in found:
        words = (word(VERDICTS, verdict, NO_TARGET), word(VERDICTS, minimum, NO_TARGET))
        worst = percent(figures.worst_case.percent)
        yield (name, what, worst, target, words[0], least, words[1])


def _ratios(read: Predicate, system: str) -> Iterator[tuple[str, ...]]:
    name = name_of(read, system)
    for what, found, _, _ in _counted(read, system):
        in_order = (found.after_exclusions, found.raw, found.worst_case)
        for figure, ratio in zip(FIGURES, in_order, strict=True):
            exact = (number(ratio.numerator), number(ratio.denominator), percent(ratio.percent))
            yield (name, what, figure, *exact)


def _classes(read: Predicate, system: str) -> Iterator[tuple[str, ...]]:
    name = name_of(read, system)
    for what, _, ms, coverage in _counted(read, system):
        classes = (ms.up, ms.degraded, ms.down, ms.unknown, ms.excluded, ms.not_monitored)
        told = (lasting(one) for one in (*classes, ms.eligible))
        yield (name, what, *told, percent(coverage))


def _late(read: Predicate) -> tuple[Item, ...]:
    late, own = read.late_evidence, read.self_monitoring
    lag = own.witness_lag_max_ms
    return (
        Item(
            "Late evidence",
            f"{late.batches} batches with {late.results} results; the longest way took "
            f"{lasting(late.longest_ms)}; after the close came {late.after_close}",
        ),
        Item("The collector was away", lasting(own.away_ms)),
        Item("Checkpoints", number(own.checkpoints)),
        Item("Longest wait for witnesses", "no witness" if lag is None else lasting(lag)),
    )


def _checks(read: Predicate) -> Table:
    confirm = {one.check: (number(one.down), number(one.up)) for one in read.method.confirm}
    rows, note = first(
        (
            system.name,
            one.id,
            one.kind,
            _role(one.role),
            lasting(one.every),
            lasting(one.timeout),
            ", ".join(one.agents),
            "half" if one.quorum is None else number(one.quorum),
            *confirm.get(one.id, ("none", "none")),
        )
        for system in read.scope.systems
        for one in system.checks
    )
    return Table(
        "checks",
        "Checks: what was measured",
        (
            "System",
            "Check",
            "Kind",
            "Role",
            "Every",
            "At most",
            "Agents",
            "Needed of them",
            "Confirmed down by",
            "Confirmed up by",
        ),
        rows,
        numeric=(4, 5, 7, 8, 9),
        none="No check.",
        note=note,
    )


def _role(told: str) -> str:
    return told.replace("group:", "group ", 1)


def _method(read: Predicate, zone: ZoneInfo) -> tuple[Item, ...]:
    method = read.method
    return (
        Item("Semantics", method.semantics),
        Item("Formula", f"{method.formula}: {word(FORMULAS, method.formula)}"),
        Item("Unknown time", word(UNKNOWN_POLICIES, method.unknown_policy)),
        Item("Rounding", word(ROUNDING, method.rounding)),
        Item("Software", f"Wardwatch {read.software.version}, {read.software.algorithm_hash}"),
        Item("Time zones", f"tzdata {method.tzdata}"),
        Item("Evidence since", instant(read.period.evidence_from, zone)),
        Item("Log before the period", f"{read.log.start.size} entries"),
        Item("Log at the end", f"{read.log.to.size} entries, root {read.log.to.root}"),
        Item("Entries in the bundle", number(read.log.entries)),
        Item("Checkpoints in the bundle", number(read.log.checkpoints)),
    )
