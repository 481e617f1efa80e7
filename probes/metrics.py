"""The metric catalogue: every series Wardwatch exposes, in one place.

`/metrics` of agent and collector, the documentation and the dashboards are checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` as it appears in the exposition (counters with `_total`)."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    where: Literal["agent", "collector"]


METRICS: tuple[Metric, ...] = (
    Metric(
        "wardwatch_access_refused_total",
        "counter",
        "requests",
        ("code",),
        "Requests and logins refused, by code.",
        "collector",
    ),
    Metric(
        "wardwatch_agent_batches_sealed_total",
        "counter",
        "batches",
        (),
        "Batches closed and signed.",
        "agent",
    ),
    Metric(
        "wardwatch_agent_clock_steps_total",
        "counter",
        "steps",
        (),
        "Steps of the wall clock by more than 2 s.",
        "agent",
    ),
    Metric(
        "wardwatch_agent_cpu_seconds_total",
        "counter",
        "seconds",
        (),
        "Processor time of the agent, user and system.",
        "agent",
    ),
    Metric(
        "wardwatch_agent_last_batch_timestamp_seconds",
        "gauge",
        "seconds",
        ("agent",),
        "When the newest batch of an agent was received.",
        "collector",
    ),
    Metric(
        "wardwatch_agent_open_files",
        "gauge",
        "files",
        (),
        "File descriptors the agent has open.",
        "agent",
    ),
    Metric(
        "wardwatch_agent_resident_bytes",
        "gauge",
        "bytes",
        (),
        "Memory of the agent that is resident.",
        "agent",
    ),
    Metric(
        "wardwatch_check_run_seconds",
        "histogram",
        "seconds",
        ("check",),
        "How long attempts took, whatever their outcome.",
        "agent",
    ),
    Metric(
        "wardwatch_check_runs_total",
        "counter",
        "runs",
        ("check", "outcome", "reason"),
        "Slots by outcome and reason; missed slots are unknown.",
        "agent",
    ),
    Metric(
        "wardwatch_delivery_attempts_total",
        "counter",
        "attempts",
        ("receiver", "verdict", "reason"),
        "Attempts to deliver a message, by receiver, verdict and reason.",
        "collector",
    ),
    Metric(
        "wardwatch_delivery_store_failures_total",
        "counter",
        "transactions",
        (),
        "Outbox transactions that failed; each is tried again.",
        "collector",
    ),
    Metric(
        "wardwatch_evaluate_failures_total",
        "counter",
        "rounds",
        ("code",),
        "Evaluation rounds that failed, by code; each is tried again.",
        "collector",
    ),
    Metric(
        "wardwatch_evaluate_last_timestamp_seconds",
        "gauge",
        "seconds",
        (),
        "When this process last completed an evaluation round.",
        "collector",
    ),
    Metric(
        "wardwatch_evaluate_lease_held",
        "gauge",
        "flag",
        (),
        "1 where this process evaluates the organization.",
        "collector",
    ),
    Metric(
        "wardwatch_evaluate_seconds",
        "histogram",
        "seconds",
        (),
        "Duration of a look at the store: reading, folding, and committing what follows.",
        "collector",
    ),
    Metric(
        "wardwatch_incidents_open",
        "gauge",
        "incidents",
        ("system", "family"),
        "Incidents that are not yet recovered.",
        "collector",
    ),
    Metric(
        "wardwatch_ingest_batches_total",
        "counter",
        "batches",
        ("verdict",),
        "Verified batches by what became of them.",
        "collector",
    ),
    Metric(
        "wardwatch_ingest_commit_seconds",
        "histogram",
        "seconds",
        (),
        "Duration of a commit of waiting batches.",
        "collector",
    ),
    Metric(
        "wardwatch_ingest_refused_total",
        "counter",
        "uploads",
        ("code",),
        "Uploads refused, by code; nothing of them was stored.",
        "collector",
    ),
    Metric(
        "wardwatch_outbox_messages",
        "gauge",
        "messages",
        ("state",),
        "Messages in the outbox that wait or are dead.",
        "collector",
    ),
    Metric(
        "wardwatch_outbox_oldest_pending_seconds",
        "gauge",
        "seconds",
        (),
        "Age of the oldest message that waits; 0 when none does.",
        "collector",
    ),
    Metric(
        "wardwatch_results_rejected_total",
        "counter",
        "results",
        ("reason",),
        "Results of stored batches that are left out of the numbers, by reason.",
        "collector",
    ),
    Metric(
        "wardwatch_store_writable",
        "gauge",
        "flag",
        (),
        "1 while the last write to the store succeeded.",
        "collector",
    ),
    Metric(
        "wardwatch_system_availability_ratio",
        "gauge",
        "ratio",
        ("system", "bound"),
        "Availability of the current calendar month: known, min or max; absent while undefined.",
        "collector",
    ),
    Metric(
        "wardwatch_system_coverage_ratio",
        "gauge",
        "ratio",
        ("system",),
        "Known share of the current month's eligible time; absent while undefined.",
        "collector",
    ),
    Metric(
        "wardwatch_system_state",
        "gauge",
        "flag",
        ("system", "state"),
        "1 for the state the system has, 0 for the others.",
        "collector",
    ),
    Metric(
        "wardwatch_tripwire_hits_total",
        "counter",
        "messages",
        ("boundary", "pattern"),
        "Messages that left in minimal form, by the boundary and the pattern that was hit.",
        "collector",
    ),
    Metric(
        "wardwatch_uplink_attempts_total",
        "counter",
        "uploads",
        ("verdict",),
        "Uploads by what became of them: acknowledged, retry or refused.",
        "agent",
    ),
    Metric(
        "wardwatch_uplink_dropped_batches_total",
        "counter",
        "batches",
        (),
        "Batches given up because the queue was full.",
        "agent",
    ),
    Metric(
        "wardwatch_uplink_oldest_pending_seconds",
        "gauge",
        "seconds",
        (),
        "Age of the oldest batch not acknowledged; 0 when there is none.",
        "agent",
    ),
    Metric(
        "wardwatch_uplink_pending_batches",
        "gauge",
        "batches",
        (),
        "Batches not acknowledged yet.",
        "agent",
    ),
    Metric(
        "wardwatch_uplink_pending_bytes",
        "gauge",
        "bytes",
        (),
        "Bytes of batches not acknowledged yet.",
        "agent",
    ),
)
