"""The hospital of the process model: three systems, their rules, and what may happen to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from alerts.people import ActKind, CategoryReason
from probes.config import Config
from probes.contract import Outcome
from tests.support.rounds import config, document

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
BEGIN = 1_772_834_400_000
"""2026-03-06T22:00:00Z: Friday 16:00 in Chicago, an hour before the office closes. Two nights on,
02:00 becomes 03:00.
"""
CHECKS = {"core": "core-read", "ehr": "ehr-read", "bill": "bill-read"}
CHANNELS = ("desk", "night", "liaison", "chief", "legal")
HOOK = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}
NIGHTS = {
    "people": ["nina"],
    "starts": "2026-03-01T18:00",
    "turn": "1d",
    "only": [{"times": [{"start_time": "18:00", "end_time": "08:00"}]}],
}
"""By day nobody is on duty."""
PEOPLE = ("ann", "bob", "svc-1")


def hospital(variant: int) -> Config:
    """0 is the first file; 1 has other times, receivers and rungs; 2 knows billing no more, and calls
    nobody by rungs.
    """
    given = document()["checks"]["ehr-read"]
    checks = {
        check: given | {"system": system, "every": "1800s"} for system, check in CHECKS.items()
    }
    impacts: dict[str, dict[str, Any]] = {
        "core": {"class": "point_of_care", "service": "critical_clinical"},
        "ehr": {
            "class": "clinical",
            "service": "billing",
            "workaround": {"name": "Paper", "valid_for": "4h", "requires": ["bill"]},
        },
        "bill": {"class": "administrative"},
    }
    systems: dict[str, dict[str, Any]] = {
        name: {"name": name.upper(), "impact": impact} for name, impact in impacts.items()
    }
    systems["ehr"]["depends_on"] = ["core"]
    policy: dict[str, Any] = {"recover_for": "5m"}
    families = ["availability", "access", "blind"]
    routes: list[dict[str, Any]] = [{"families": families, "to": ["desk"], "escalate": "up"}]
    rungs: list[dict[str, Any]] = [
        {"to": [{"channel": "desk"}]},
        {"after": "20m", "to": [{"on_call": "engineers"}]},
        {"after": "2h", "to": [{"role": "incident_commander"}]},
    ]
    if variant == 1:
        policy |= {
            "ack_timeout": "10m",
            "liaison_within": "5m",
            "respond": {"P2": {"breach": "2bh"}},
        }
        routes = [
            {"families": families, "min_priority": "P2", "to": ["night", "desk"], "escalate": "up"}
        ]
        rungs = [{"to": [{"on_call": "engineers"}]}, {"after": "40m", "to": [{"channel": "chief"}]}]
    if variant == 2:
        del systems["bill"], checks["bill-read"]
        systems["ehr"]["impact"]["workaround"]["requires"] = []
        del routes[0]["escalate"]
    return config(
        policy=policy,
        systems=systems,
        checks=checks,
        channels=dict.fromkeys(CHANNELS, HOOK),
        routes=routes,
        contacts={
            "nina": {"name": "Nina", "role": "engineering", "reach": ["night"]},
            "cleo": {"name": "Cleo", "role": "incident_commander", "reach": ["chief", "desk"]},
        },
        on_call={"engineers": {"role": "engineering", "layers": [NIGHTS]}},
        escalation={"up": {"rungs": rungs, "repeat": 1, "repeat_after": "3h"}},
        notices={
            "clinical_liaison": ["liaison"],
            "clinical_leadership": ["chief"],
            "legal_compliance": ["legal"],
        },
    )


@dataclass(frozen=True)
class Sees:
    """From now on the agent sees this of a system; None: it is silent."""

    system: str
    outcome: Outcome | None


@dataclass(frozen=True)
class Passes:
    """Time passes; what the agent saw meanwhile arrives at its end, and is looked at."""

    ms: int


@dataclass(frozen=True)
class Steps:
    """The collector's wall clock jumps."""

    ms: int


@dataclass(frozen=True)
class Acts:
    """Somebody acts on the `which`-th newest incident; `meets`: while an evaluation commits."""

    kind: ActKind
    which: int
    by: str
    safety: bool
    category: int
    into: int
    meets: bool


@dataclass(frozen=True)
class Takes:
    """A receiver takes what waits for it, or lets it wait, or refuses it for good."""

    receiver: str
    how: str


@dataclass(frozen=True)
class Loads:
    """Another file is loaded; `meets`: while an evaluation commits."""

    variant: int
    meets: bool


@dataclass(frozen=True)
class Looks:
    """A look, though nothing happened."""


@dataclass(frozen=True)
class Dies:
    """The process is gone at this write of the next look, and another one looks then."""

    at: int


@dataclass(frozen=True)
class TakesOver:
    """A second process begins and takes the lease; the first one does not know yet."""


Action = Sees | Passes | Steps | Acts | Takes | Loads | Looks | Dies | TakesOver

SPANS = (SECOND, MINUTE, 9 * MINUTE, 31 * MINUTE, HOUR, 3 * HOUR, 5 * HOUR, 17 * HOUR, 3 * DAY)
REASONS = {
    1: CategoryReason.NARROWER_IMPACT,
    2: CategoryReason.WORKAROUND_WORKS,
    3: CategoryReason.WORKAROUND_FAILED,
    4: CategoryReason.PATIENT_HARMED,
}

passes = st.builds(Passes, st.sampled_from(SPANS) | st.integers(1, 2 * HOUR))
acts = st.builds(
    Acts,
    st.sampled_from(sorted(set(ActKind) - {ActKind.REOPENED, ActKind.CAUTIONED})),
    which=st.integers(0, 2),
    by=st.sampled_from(PEOPLE),
    safety=st.booleans(),
    category=st.integers(1, 4),
    into=st.integers(0, 2),
    meets=st.sampled_from([False, False, True]),
)
sees = st.builds(
    Sees,
    st.sampled_from(sorted(CHECKS)),
    st.sampled_from(
        [Outcome.UP, Outcome.DOWN, Outcome.DEGRADED, Outcome.MISCONFIGURED, Outcome.DOWN, None]
    ),
)
actions: st.SearchStrategy[Action] = st.one_of(
    sees,
    passes,
    passes,
    acts,
    acts,
    st.builds(Takes, st.sampled_from(CHANNELS), st.sampled_from(["takes", "waits", "refuses"])),
    st.builds(Looks),
    st.builds(Dies, st.integers(0, 40)),
    st.builds(Dies, st.integers(0, 40)),
    st.builds(Steps, st.sampled_from([-HOUR, -MINUTE, -SECOND, SECOND, MINUTE, 2 * HOUR])),
    st.builds(Loads, st.integers(0, 2), st.booleans()),
    st.builds(TakesOver),
)
scripts = st.lists(actions, min_size=4, max_size=24)
