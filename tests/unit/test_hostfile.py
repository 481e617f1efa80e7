"""The agent host's own file: what may stand in it, and every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import hostfile
from probes.yamlfile import ConfigErrors

WHOLE = """\
version: 1
agent: north-1
state: /var/lib/wardwatch-agent
collector: {url: https://wardwatch.example.org, ca: /etc/wardwatch/ca.pem}
config: /etc/wardwatch/wardwatch.yaml
listen: 127.0.0.1:9101
spool: {max_bytes: 512MiB, max_age: 7d}
allow:
  - {network: 10.20.0.0/16, ports: [443, 2575], schemes: [https, mllp]}
  - {network: 10.30.0.7}
allow_listen: ["10.20.0.5:6661", "[::]:6662"]
canaries: ["10.20.0.1:53", "[fd00::1]:443"]
fallback:
  after: 5m
  webhook: {url: https://pager.example.org/hook, secret: "file:/run/secrets/hook"}
  mail: {server: "mail.example.org:587", sender: agent@example.org, to: [oncall@example.org]}
"""


def written(folder: Path, text: str) -> str:
    path = folder / "agent.yaml"
    path.write_text(text)
    return str(path)


def problems(folder: Path, text: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigErrors) as raised:
        hostfile.load(path)
    return [str(problem).removeprefix(f"{path}:") for problem in raised.value.problems]


def test_every_key_of_a_host_is_read(tmp_path: Path) -> None:
    host = hostfile.load(written(tmp_path, WHOLE))
    assert (host.agent, host.state, host.listen) == (
        "north-1",
        "/var/lib/wardwatch-agent",
        "127.0.0.1:9101",
    )
    assert (host.spool.max_bytes, host.spool.max_age) == (536_870_912, 604_800_000)
    assert host.allow is not None
    assert (host.allow[0].ports, host.allow[1].ports) == ((443, 2575), None)
    assert host.allow_listen == ("10.20.0.5:6661", "[::]:6662")
    assert host.fallback is not None
    assert host.fallback.after == 300_000


def test_a_host_of_three_lines_keeps_three_weeks_and_4_gib(tmp_path: Path) -> None:
    text = (
        "agent: north-1\nstate: /var/lib/agent\ncollector: {url: https://wardwatch.example.org}\n"
    )
    host = hostfile.load(written(tmp_path, text))
    assert (host.spool.max_bytes, host.spool.max_age) == (4_294_967_296, 1_814_400_000)
    assert (host.allow, host.canaries, host.fallback) == (None, (), None)
    assert host.allow_listen == ()


def test_every_problem_is_told_with_its_line_and_path(tmp_path: Path) -> None:
    text = """\
agent: North
state: var/lib
collector: {url: "http://wardwatch.example.org"}
spool: {max_bytes: 12, colour: red}
allow: [{network: 10.0.0.1/8, ports: [0]}]
allow_listen: ["engine:6661"]
canaries: ["::1:53"]
fallback: {after: 5m}
"""
    assert problems(tmp_path, text) == [
        "1: agent: an id is 1 to 63 of a-z, 0-9 and -, not starting with -",
        "2: state: write an absolute path, such as /var/lib/wardwatch-agent",
        "3: collector.url: write https; http is for this host alone (127.0.0.1, ::1, localhost)",
        "4: spool.colour: unknown key",
        "4: spool.max_bytes: write a size with its unit, such as 512MiB or 2GiB",
        "5: allow[0].network: write an address or a network, such as 10.0.0.0/24",
        "5: allow[0].ports[0]: it must be at least 1",
        "6: allow_listen[0]: write ADDRESS:PORT, such as 10.20.0.5:6661, 0.0.0.0:6661 or [::]:6661",
        "7: canaries[0]: an IPv6 address stands in brackets, such as [::1]:9101",
        "8: fallback: name a webhook or a mail server",
    ]


def test_the_collectors_own_agent_runs_on_no_host(tmp_path: Path) -> None:
    text = "agent: collector\nstate: /var/lib/agent\ncollector: {url: https://w.example.org}\n"
    assert problems(tmp_path, text) == [
        "1: agent: the collector runs this agent itself; name another"
    ]


def test_a_host_without_collector_and_without_config_has_nothing_to_do(tmp_path: Path) -> None:
    assert problems(tmp_path, "agent: north-1\nstate: /var/lib/agent\n") == [
        "1: name a collector or a config: without both there is nothing to do"
    ]


def test_a_fallback_without_a_collector_would_never_tell_anything(tmp_path: Path) -> None:
    text = (
        "agent: north-1\nstate: /var/lib/agent\nconfig: /etc/wardwatch/checks.yaml\n"
        "fallback: {webhook: {url: https://desk.example.org, secret: file:/run/hook}}\n"
    )
    assert problems(tmp_path, text) == [
        "1: fallback tells of a lost line to a collector: name one, or leave it out"
    ]
