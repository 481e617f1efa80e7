"""The replay contract's document as an answer."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from collector.api.shapes import Amounts, Instant, Outage, Percent, Percents, Period

Verdict = Literal["met", "breached", "indeterminate", "no_data", "open"]
Formula = Literal["contract-v1", "whole-period-v1"]
Scope = Literal["organization", "worst_site", "user_weighted"]


class JudgedBy(TypedDict):
    """The number a verdict was reached by; `site` where the contract judges the worst one."""

    scope: Scope
    known: Percent
    min: Percent
    max: Percent
    site: NotRequired[str | None]


class WorstSite(Percents):
    site: str


class Runs(TypedDict):
    judged: int
    good: int


class Budget(TypedDict):
    scope: Scope
    site: str | None
    unit: Literal["ms", "user_ms"]
    total: int
    spent: int
    remaining: int
    pace: str | None


class BurnRow(TypedDict):
    severity: Literal["page", "ticket"]
    long_ms: int
    short_ms: int
    factor: str | None
    threshold: Percent
    long: Percent
    short: Percent
    site: str | None
    firing: bool


class Week(Percents):
    """A calendar week of a billing system; `verdicts` by target in percent."""

    start: Instant
    end: Instant
    verdicts: dict[str, Verdict]


class Month(TypedDict):
    """`required`, of a payer's path alone, is judged: `responses` and the answers that were missing."""

    start: Instant
    end: Instant
    within: int
    responses: int
    required: NotRequired[int]
    share: Percent
    verdict: Verdict


class Caqh(TypedDict):
    """`timezone`: of a payer's path, whose weeks and months are the payer's."""

    timezone: NotRequired[str]
    weeks: list[Week]
    months: list[Month]


class Corrected(Amounts):
    """The number with approved corrections, beside the unchanged one."""

    sites: dict[str, Amounts]
    verdict: Verdict | None
    minimum_verdict: Verdict | None
    judged_by: JudgedBy | None
    corrections: list[str]


class RulingTold(TypedDict):
    """What a person ruled of a rejection by all, in an incident."""

    incident: str
    ruling: Literal["ours", "theirs"]
    by: str
    at: Instant


class RuledNumber(Corrected):
    """The number in which rejections by all that were ruled theirs are down, with approved
    corrections laid over, beside the unchanged ones.
    """

    rulings: list[RulingTold]


class SystemNumbers(Amounts):
    formula: Formula
    raw: Amounts
    sites: dict[str, Amounts]
    worst_site: WorstSite | None
    user_weighted: Percents | None
    runs: Runs
    target: str | None
    verdict: Verdict | None
    minimum: str | None
    minimum_verdict: Verdict | None
    judged_by: JudgedBy | None
    provisional: bool
    budget: Budget | None
    burn: list[BurnRow] | None
    outages: list[Outage]
    blips: int
    caqh: Caqh | None
    corrected: Corrected | None
    ruled: RuledNumber | None


class Availability(TypedDict):
    period: Period
    formula: Literal["contract-v1", "whole-period-v1", "mixed"]
    tzdata: str
    systems: dict[str, SystemNumbers]
