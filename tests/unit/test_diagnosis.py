"""What doctor says of each finding: the level, and that every failure says what to do next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent import diagnosis
from agent.allowing import Refusal
from agent.diagnosis import (
    CheckFacts,
    CollectorFacts,
    FolderFacts,
    KeyFacts,
    Level,
    Line,
    ReceiverFacts,
)
from agent.offset import Reading
from probes.reasons import MEANINGS, Reason

MIB = 1 << 20
KEY = KeyFacts("/s/agent.key", exists=True, mode=0o600, size=32, fingerprint="ab", is_known=True)
FOLDER = FolderFacts("/s", exists=True, mode=0o700, free_bytes=4096 * MIB, may_take=2048 * MIB)


def level(*lines: Line) -> list[str]:
    return [line.level.value for line in lines]


@pytest.mark.parametrize(
    ("facts", "expected", "found"),
    [
        (KEY, "ok", "ab"),
        (replace(KEY, exists=False), "fail", "/s/agent.key is not there"),
        (replace(KEY, mode=0o640), "fail", "others may read it"),
        (
            replace(KEY, is_ours=False),
            "fail",
            "/s/agent.key belongs to another user or cannot be read",
        ),
        (replace(KEY, size=None), "fail", "/s/agent.key belongs to another user or cannot be read"),
        (replace(KEY, size=31), "fail", "/s/agent.key is no key of ours"),
        (replace(KEY, is_rotating=True), "warn", "a rotation was begun and is not finished"),
        (replace(KEY, is_known=False), "warn", "the collector may not know it"),
    ],
)
def test_of_the_key(facts: KeyFacts, expected: str, found: str) -> None:
    line = diagnosis.key(facts)
    assert (line.level.value, line.found) == (expected, found)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FOLDER, ["ok", "ok", "ok"]),
        (replace(FOLDER, exists=False), ["fail"]),
        (replace(FOLDER, fault="EROFS"), ["fail"]),
        (replace(FOLDER, is_ours=False), ["warn", "ok", "ok"]),
        (replace(FOLDER, mode=0o755), ["warn", "ok", "ok"]),
        (replace(FOLDER, free_bytes=2048 * MIB), ["ok", "ok", "ok"]),
        (replace(FOLDER, free_bytes=2048 * MIB - 1), ["ok", "warn", "ok"]),
        (replace(FOLDER, free_bytes=64 * MIB - 1), ["ok", "fail", "ok"]),
    ],
)
def test_of_the_state_folder_and_the_room_there(facts: FolderFacts, expected: list[str]) -> None:
    assert level(*diagnosis.folder(facts)) == expected


def test_of_the_process() -> None:
    assert diagnosis.folder(FOLDER)[2].found == "no agent runs with this folder"
    held = replace(FOLDER, is_held=True)
    assert diagnosis.folder(held)[2].found == "an agent runs with this folder"


@pytest.mark.parametrize(
    ("offset_ms", "error_ms", "expected"),
    [
        (0, 2, "ok"),
        (-500, 30, "ok"),
        (501, 30, "warn"),
        (1_970, 30, "warn"),
        (-1_971, 30, "fail"),
        (0, 2_001, "fail"),
    ],
)
def test_of_the_clock(offset_ms: int, error_ms: int, expected: str) -> None:
    line = diagnosis.clock(Reading(offset_ms, error_ms, 0))
    assert line.level.value == expected
    assert line.found == f"the collector's is {offset_ms:+d} ms, within {error_ms} ms"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (None, ["ok"]),
        (CollectorFacts("https://w", Reason.TLS_UNTRUSTED), ["fail"]),
        (CollectorFacts("https://w", None, 302), ["fail"]),
        (CollectorFacts("https://w", None, None), ["fail"]),
        (CollectorFacts("https://w", None, 200), ["ok", "warn"]),
        (CollectorFacts("https://w", None, 200, Reading(3, 2, 0)), ["ok", "ok"]),
    ],
)
def test_of_the_collector(facts: CollectorFacts | None, expected: list[str]) -> None:
    assert level(*diagnosis.collector(facts)) == expected


def test_of_the_checks_only_those_that_cannot_run_have_a_line() -> None:
    found = [
        CheckFacts("login", None, "https 10.0.0.1:443"),
        CheckFacts("orders", None, "mllp 127.0.0.1:2575", Refusal.LOOPBACK),
        CheckFacts("read", Reason.DNS_NOT_FOUND),
        CheckFacts("web", Reason.AGENT_SECRET),
    ]
    lines = diagnosis.checks(found)
    assert [(line.subject, line.level.value) for line in lines] == [
        ("check orders", "fail"),
        ("check read", "fail"),
        ("check web", "fail"),
        ("checks", "warn"),
    ]
    assert lines[0].found == "this host does not allow mllp 127.0.0.1:2575 (loopback)"
    assert level(*diagnosis.checks(found[:1])) == ["ok"]


def test_of_canaries() -> None:
    assert level(*diagnosis.canaries({})) == ["warn"]
    assert level(*diagnosis.canaries({"a:1": True})) == ["ok", "warn"]
    assert level(*diagnosis.canaries({"a:1": True, "b:2": False})) == ["ok", "fail"]


def test_of_the_fallback() -> None:
    well = ReceiverFacts("webhook", "https://p", None, has_secret=True)
    assert level(*diagnosis.fallback([])) == ["warn"]
    assert level(*diagnosis.fallback([well])) == ["ok"]
    assert level(*diagnosis.fallback([replace(well, has_secret=False)])) == ["fail"]
    assert level(*diagnosis.fallback([replace(well, reason=Reason.TCP_TIMEOUT)])) == ["fail"]
    assert level(*diagnosis.fallback([replace(well, has_secret=None)])) == ["ok"]


@pytest.mark.parametrize("reason", list(MEANINGS))
def test_whatever_fails_says_what_to_do_next(reason: Reason) -> None:
    line = diagnosis.of_reason("collector", reason)
    assert line.level is Level.FAIL
    assert line.advice
    assert line.found.startswith(f"{reason.value}: ")


def test_the_worst_counts() -> None:
    ok, warn, fail = (Line("s", level, "f") for level in (Level.OK, Level.WARN, Level.FAIL))
    assert diagnosis.worst([ok, warn, fail, ok]) is Level.FAIL
    assert diagnosis.worst([ok, warn]) is Level.WARN
    assert diagnosis.worst([ok]) is Level.OK
