"""What a payer's path delivered, against CAQH CORE and the payer's own calendar."""

from __future__ import annotations

from typing import Literal, cast

from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.availability import Asked, span_of
from collector.api.availability_shapes import Verdict
from collector.api.parts import Parts
from collector.api.problems import DeniedError
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant, Outage, Percent, Percents, Period
from probes.spans import Interval

PayerVerdicts = TypedDict("PayerVerdicts", {"86": Verdict, "90": Verdict})
PayerAllowed = TypedDict("PayerAllowed", {"86": int, "90": int})


class PayerFailed(TypedDict):
    """Down time by whom the failing runs name."""

    clearinghouse: int
    payer: int
    unnamed: int


class PayerWeek(Percents):
    """From Sunday to Sunday in the payer's zone, nothing excluded; milliseconds and percentages.

    The six states add up to `length_ms`; `unknown_ms` and `not_monitored_ms` make the bounds.
    `allowed_ms` may be down, by target. `published_ms`: of the payer's published downtime.
    """

    start: Instant
    end: Instant
    length_ms: int
    up_ms: int
    degraded_ms: int
    down_ms: int
    unknown_ms: int
    not_monitored_ms: int
    to_come_ms: int
    verdicts: PayerVerdicts
    provisional: bool
    allowed_ms: PayerAllowed
    published_ms: int
    down_published_ms: int
    down_unpublished_ms: int
    failed_ms: PayerFailed


class PayerAnswers(TypedDict):
    """Runs: with an answer, within 20 s among them, and without one."""

    responses: int
    within: int
    unanswered: int


class PayerMonth(TypedDict):
    """Answers within 20 s against 90 % of `required`: those that came, and those that did not
    outside published downtime. `published`: what of the runs lies in it.
    """

    start: Instant
    end: Instant
    within: int
    responses: int
    required: int
    share: Percent
    verdict: Verdict
    provisional: bool
    published: PayerAnswers
    unpublished: PayerAnswers


class PayerQuarter(TypedDict):
    """Down time beyond what its weeks allow, by `target`, against the hours granted on top of them.

    A week belongs to the quarter it begins in.
    """

    start: Instant
    end: Instant
    over_ms: int
    granted_ms: int
    exceeds: bool


class PublishedDowntime(TypedDict):
    """An occurrence of the payer's calendar; `why` it counts for nothing, or not all of it."""

    id: str
    kind: Literal["routine", "non_routine", "unscheduled"]
    start: Instant
    end: Instant
    published_at: Instant
    in_time: bool
    counts: bool
    why: Literal["unscheduled", "empty", "late", "not_in_force"] | None


class DowntimeNotice(TypedDict):
    id: str
    published_at: Instant
    in_time: bool


class UnplannedOutage(Outage):
    """An outage with time that no published downtime covers, and the notice of it, if any."""

    unpublished_ms: int
    notice: DowntimeNotice | None


class PayerReport(TypedDict):
    """`target`: what the payer owes of a week; `timezone` is the payer's."""

    system: str
    name: str
    timezone: str
    target: Literal["86", "90"]
    tzdata: str
    period: Period
    weeks: list[PayerWeek]
    months: list[PayerMonth]
    quarters: list[PayerQuarter]
    downtime: list[PublishedDowntime]
    unplanned: list[UnplannedOutage]


async def report_payer(call: Call[Asked, Nothing]) -> PayerReport:
    """A payer's weeks and months against CAQH CORE, and its own downtime."""
    return await report_of(call.parts, call.path["id"], span_of(call.query, call.parts))


async def report_of(parts: Parts, system: str, span: Interval) -> PayerReport:
    try:
        found = await parts.numbers.payer(system, span.start, span.end)
    except KeyError:
        raise DeniedError(404, "history.unknown_system") from None
    if found is None:
        raise DeniedError(404, "api.no_payer")
    return cast("PayerReport", found)


ROUTES = (
    get(
        "/api/v1/systems/{id}/payer-report",
        Permission.AVAILABILITY_READ,
        report_payer,
        PayerReport,
        Asked,
    ),
)
