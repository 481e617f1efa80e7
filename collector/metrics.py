"""What the collector counts about itself. Names and meanings stand in `probes/metrics.py`.

Labels are ids from the operator's file and closed enumerations, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from alerts.events import Family, State
from alerts.training import TrainingKind
from probes.spans import Interval

COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
EVALUATE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)


BOUNDS = ("known", "min", "max")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a scrape shows of the hospital. `month` holds the replay contract's percent strings
    by system; by agent, `last_batch` and `complete` are milliseconds, `missing` batches.
    """

    states: Mapping[str, State]
    month: Mapping[str, Mapping[str, Any]]
    incidents_open: Mapping[tuple[str, Family], int]
    last_batch: Mapping[str, int]
    missing: Mapping[str, int]
    complete: Mapping[str, int]


class CollectorMetrics:
    """One registry per collector, so that several fit in one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it untyped
        self.registry = CollectorRegistry()
        self.access_refused = Counter(
            "wardwatch_access_refused",
            "Requests and logins refused, by code.",
            ["code"],
            registry=self.registry,
        )
        self.compared = Counter(
            "wardwatch_tickets_compared",
            "Incidents compared with a receiver's tickets, by what came of it.",
            ["receiver", "outcome"],
            registry=self.registry,
        )
        self.batches = Counter(
            "wardwatch_ingest_batches",
            "Verified batches by what became of them.",
            ["verdict"],
            registry=self.registry,
        )
        self.refused = Counter(
            "wardwatch_ingest_refused",
            "Uploads refused, by code; nothing of them was stored.",
            ["code"],
            registry=self.registry,
        )
        self.inbound = Counter(
            "wardwatch_inbound_events",
            "What receivers told by their webhooks, by channel and what became of it.",
            ["channel", "outcome"],
            registry=self.registry,
        )
        self.rejected = Counter(
            "wardwatch_results_rejected",
            "Results of stored batches that are left out of the numbers, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.given_up = Counter(
            "wardwatch_ingest_given_up_results",
            "Results that agents gave up for want of room, by tombstones that were stored.",
            ["agent"],
            registry=self.registry,
        )
        self.broken_links = Counter(
            "wardwatch_ingest_broken_links",
            "Headers of an agent's chain that do not name the one before them.",
            ["agent"],
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "wardwatch_ingest_commit_seconds",
            "Duration of a commit of waiting batches.",
            registry=self.registry,
            buckets=COMMIT_BUCKETS,
        )
        self.evaluate_seconds = Histogram(
            "wardwatch_evaluate_seconds",
            "Duration of an evaluation that had something to do.",
            registry=self.registry,
            buckets=EVALUATE_BUCKETS,
        )
        self.evaluated_at = Gauge(
            "wardwatch_evaluate_last_timestamp_seconds",
            "When this process last completed an evaluation round.",
            registry=self.registry,
        )
        self.evaluate_failures = Counter(
            "wardwatch_evaluate_failures",
            "Evaluation rounds that failed, by code; each is tried again.",
            ["code"],
            registry=self.registry,
        )
        self.lease_held = Gauge(
            "wardwatch_evaluate_lease_held",
            "1 where this process evaluates the organization.",
            registry=self.registry,
        )
        self.log_entries = Gauge(
            "wardwatch_log_entries",
            "Entries of a log, signed or not.",
            ["log"],
            registry=self.registry,
        )
        self.log_waiting = Gauge(
            "wardwatch_log_waiting",
            "Batches and rows of the journal that are evaluated, and no entry of a log yet.",
            registry=self.registry,
        )
        self.store_writable = Gauge(
            "wardwatch_store_writable",
            "1 while the last write to the store succeeded.",
            registry=self.registry,
        )

        self.heartbeats = Counter(
            "wardwatch_heartbeat_sent",
            "Heartbeats the receiver outside has taken.",
            registry=self.registry,
        )
        self.heartbeat_failures = Counter(
            "wardwatch_heartbeat_failures",
            "Heartbeats the receiver outside has not taken, by reason; each is tried again.",
            ["reason"],
            registry=self.registry,
        )
        self.heartbeat_at = Gauge(
            "wardwatch_heartbeat_last_timestamp_seconds",
            "When the last heartbeat was taken; 0 before the first.",
            registry=self.registry,
        )
        self.heartbeat_held = Gauge(
            "wardwatch_heartbeat_held",
            "1 for a part that keeps the heartbeat back: ingest, evaluation, timers or outbox.",
            ["part"],
            registry=self.registry,
        )

        self.state = Gauge(
            "wardwatch_system_state",
            "1 for the state the system has, 0 for the others.",
            ["system", "state"],
            registry=self.registry,
        )
        self.availability = Gauge(
            "wardwatch_system_availability_ratio",
            "Availability of the current calendar month: known, min or max; absent while undefined.",
            ["system", "bound"],
            registry=self.registry,
        )
        self.coverage = Gauge(
            "wardwatch_system_coverage_ratio",
            "Known share of the current month's eligible time; absent while undefined.",
            ["system"],
            registry=self.registry,
        )
        self.incidents_open = Gauge(
            "wardwatch_incidents_open",
            "Incidents that are not yet recovered.",
            ["system", "family"],
            registry=self.registry,
        )
        self.last_batch = Gauge(
            "wardwatch_agent_last_batch_timestamp_seconds",
            "When the newest batch of an agent was received.",
            ["agent"],
            registry=self.registry,
        )

        self.missing = Gauge(
            "wardwatch_agent_missing_batches",
            "Batches of an agent that have not come though later ones have.",
            ["agent"],
            registry=self.registry,
        )
        self.complete = Gauge(
            "wardwatch_agent_complete_timestamp_seconds",
            "Up to when every result of an agent's newest epoch is here, or was given up.",
            ["agent"],
            registry=self.registry,
        )

        self.training_lapsed = Gauge(
            "wardwatch_training_lapsed_contacts",
            "Contacts of the operator's file whose HIPAA training has lapsed, by kind.",
            ["kind"],
            registry=self.registry,
        )

        self.equivocations = Gauge(
            "wardwatch_agent_equivocations_unsettled",
            "Headers for a place in an agent's chain that was taken, which nobody has settled.",
            ["agent"],
            registry=self.registry,
        )

        self.gap_in = Gauge(
            "wardwatch_staffing_gap_in_seconds",
            "Seconds until fewer people of a role are on duty than the file demands; absent while "
            "no such time lies within 14 days.",
            ["role"],
            registry=self.registry,
        )
        self.gap = Gauge(
            "wardwatch_staffing_gap_seconds",
            "How long that next time of too few is, as far as 14 days show.",
            ["role"],
            registry=self.registry,
        )

    def show_staffing(self, gaps: Mapping[str, Interval], now: int) -> None:
        """The next gap by role, from `now` (UTC ms) on; those without any have no series."""
        self.gap_in.clear()
        self.gap.clear()
        for role, gap in gaps.items():
            self.gap_in.labels(role).set((gap.start - now) / 1000)
            self.gap.labels(role).set(gap.length / 1000)

    def show_equivocations(self, unsettled: Mapping[str, int]) -> None:
        """By agent; those without any have no series."""
        self.equivocations.clear()
        for agent, count in unsettled.items():
            self.equivocations.labels(agent).set(count)

    def show_training(self, lapsed: Mapping[TrainingKind, int]) -> None:
        for kind, count in lapsed.items():
            self.training_lapsed.labels(kind.value).set(count)

    def show(self, picture: Picture) -> None:
        """Replace the gauges about systems, incidents and agents."""
        for gauge in (
            self.state,
            self.availability,
            self.coverage,
            self.incidents_open,
            self.last_batch,
            self.missing,
            self.complete,
        ):
            gauge.clear()
        for system, state in picture.states.items():
            for each in State:
                self.state.labels(system, each.value).set(int(each is state))
        for system, numbers in picture.month.items():
            for bound in BOUNDS:
                _set_percent(self.availability, (system, bound), numbers[bound])
            _set_percent(self.coverage, (system,), numbers["coverage"])
        for (system, family), count in picture.incidents_open.items():
            self.incidents_open.labels(system, family.value).set(count)
        for agent, received_at in picture.last_batch.items():
            self.last_batch.labels(agent).set(received_at / 1000)
        for agent, count in picture.missing.items():
            self.missing.labels(agent).set(count)
        for agent, until in picture.complete.items():
            self.complete.labels(agent).set(until / 1000)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


def _set_percent(gauge: Gauge, labels: tuple[str, ...], percent: str | None) -> None:
    if percent is not None:
        gauge.labels(*labels).set(float(percent) / 100)
