"""What is counted of signing and witnessing; names and meanings stand in `probes/metrics.py`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class SigningMetrics:
    """In the registry of one collector."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.signed_at = Gauge(
            "wardwatch_log_checkpoint_last_timestamp_seconds",
            "When this process last signed a checkpoint.",
            ["log"],
            registry=registry,
        )
        self.forked = Gauge(
            "wardwatch_log_forked",
            "1 where the log does not go on from what was signed or witnessed.",
            ["log"],
            registry=registry,
        )
        self.key_faults = Gauge(
            "wardwatch_log_key_faults",
            "Keys of the file that cannot sign.",
            registry=registry,
        )
        self.refusals = Counter(
            "wardwatch_log_refusals",
            "Times signing stopped, by why.",
            ["log", "code"],
            registry=registry,
        )
        self.witness_behind = Gauge(
            "wardwatch_log_witness_behind",
            "Leaves by which a witness's last cosignature is behind the newest checkpoint.",
            ["log", "witness"],
            registry=registry,
        )
        self.witness_failures = Counter(
            "wardwatch_log_witness_failures",
            "Times a witness did not cosign, by why.",
            ["witness", "code"],
            registry=registry,
        )
