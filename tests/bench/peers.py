"""blackbox_exporter and Prometheus, both from Debian, probing one target at a pace."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bench.machine import MEASURED, Started, fetch, free_port, until

MODULE = {
    "modules": {
        "page": {
            "prober": "http",
            "timeout": "1s",
            "http": {
                "preferred_ip_protocol": "ip4",
                "no_follow_redirects": True,
            },
        }
    }
}
"""New connections each time, as blackbox does by itself."""


def prometheus_file(blackbox: int, target: str, count: int, every: str, timeout: str) -> str:
    """`count` targets, each a series of its own: the address differs in its query alone."""
    relabel = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": f"127.0.0.1:{blackbox}"},
    ]
    job = {
        "job_name": "page",
        "metrics_path": "/probe",
        "params": {"module": ["page"]},
        "scrape_interval": every,
        "scrape_timeout": timeout,
        "static_configs": [{"targets": [f"{target}?c={number}" for number in range(count)]}],
        "relabel_configs": relabel,
    }
    return json.dumps({"scrape_configs": [job]}, indent=1)


class Peers:
    """Both in one folder."""

    def __init__(self, folder: Path, target: str, count: int, every: str, timeout: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.blackbox_port, self.port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "blackbox.yml").write_text(json.dumps(MODULE), encoding="utf-8")
        text = prometheus_file(self.blackbox_port, target, count, every, timeout)
        (folder / "prometheus.yml").write_text(text, encoding="utf-8")

    def start_blackbox(self) -> Started:
        words = [f"--config.file={self.folder}/blackbox.yml", "--log.level=error"]
        listen = f"--web.listen-address=127.0.0.1:{self.blackbox_port}"
        started = Started(
            "blackbox_exporter",
            ["prometheus-blackbox-exporter", *words, listen],
            self.folder / "blackbox.log",
            MEASURED,
        )
        until(lambda: fetch(f"http://127.0.0.1:{self.blackbox_port}/-/healthy"), [started])
        return started

    def start_prometheus(self) -> Started:
        words = [
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=error",
        ]
        started = Started(
            "prometheus", ["prometheus", *words], self.folder / "prometheus.log", MEASURED
        )
        until(lambda: fetch(f"{self.url}/-/ready"), [started])
        return started
