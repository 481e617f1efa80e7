"""Explanations in words: the typical cases, each sentence written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from collector.core.explain import explain
from collector.core.steps import Reason
from collector.core.truth import fold_system
from collector.explaining.document import document, lines
from collector.explaining.sentences import SENTENCES
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.spans import Interval
from tests.support.stories import T0, at, check, config, result, system

Words = str | Mapping[tuple[str, str], str]
PERIOD = Interval(T0, T0 + 86_400_000)
WINDOW: dict[str, Any] = {
    "id": "w",
    "systems": ["ehr"],
    "start": "2026-01-01T00:01:00",
    "end": "2026-01-01T00:05:00",
    "timezone": "UTC",
    "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
}
APPROVED = WINDOW | {"approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z"}}


def told(
    words: Words,
    *,
    second: int,
    until: int = 600,
    used: Config | None = None,
    history: Sequence[tuple[int, Config]] = (),
    every: int = 60,
) -> dict[str, Any]:
    given = {("c", "a"): words} if isinstance(words, str) else words
    results = {source: at(line, *source, every) for source, line in given.items()}
    versions = [Version(T0 + n * 1000, c) for n, c in history]
    known = History(versions or [Version(None, used or config())])
    truth = fold_system("ehr", known, results, T0 + until * 1000, T0)
    return document(explain(truth, results, T0 + second * 1000, PERIOD))


def said(whole: dict[str, Any], subject: str, **of: str) -> list[str]:
    """The sentences of one subject, instants as minutes and seconds."""
    return [
        step["sentence"].replace("2026-01-01T00:", "").replace(".000Z", "")
        for step in whole["steps"]
        if step["subject"] == subject and all(step[key] == value for key, value in of.items())
    ]


def test_every_reason_has_its_words() -> None:
    assert set(SENTENCES) == set(Reason)


HELD = "The result of 02:00 is {} (any). It speaks until the next result, 03:00."


@pytest.mark.parametrize(
    ("words", "second", "verdict", "sentences"),
    [
        (
            "uuuu",
            130,
            "up",
            [
                HELD.format("up"),
                "This agent is in no outage of the check and the result is good: up.",
            ],
        ),
        (
            "uuu",
            200,
            "up",
            [
                (
                    "The result of 02:00 is up (any). It speaks for 2 * 1m + 10s = 2m10s, until "
                    "04:10; a gap follows."
                ),
                "This agent is in no outage of the check and the result is good: up.",
            ],
        ),
        (
            "uux",
            200,
            "unknown",
            [
                (
                    "The last result, of 01:00, was up (any) and spoke for 2 * 1m + 10s = 2m10s, "
                    "until 03:10. This instant is in the gap after it."
                ),
                (
                    "1 explicit unknown since then (the latest of 02:00, any): no information, it "
                    "neither ends nor extends a hold."
                ),
                "Time for which no result speaks is unknown.",
            ],
        ),
        (
            "...u",
            130,
            "unknown",
            [
                "No result came before this instant.",
                "Time for which no result speaks is unknown.",
            ],
        ),
        (
            "uudu",
            130,
            "degraded",
            [
                HELD.format("down"),
                (
                    "Only 1 failing result (02:00) where 2 are needed, then the good result of 03:00: "
                    "a blip, and its time from 02:00 is degraded."
                ),
            ],
        ),
        (
            "uddu",
            130,
            "down",
            [
                HELD.format("down"),
                (
                    "2 failing results in a row (01:00, 02:00) make an outage, back-dated to the "
                    "first of them; it ends 03:00: down."
                ),
            ],
        ),
        (
            "udddd",
            130,
            "down",
            [
                HELD.format("down"),
                (
                    "2 failing results in a row (01:00, 02:00) make an outage, back-dated to the "
                    "first of them; it has not ended: down."
                ),
            ],
        ),
        (
            "dduu",
            130,
            "up",
            [
                HELD.format("up"),
                (
                    "The outage that began 00:00 is over: 1 good result (02:00) confirms the "
                    "recovery, back-dated to the first of them: up."
                ),
            ],
        ),
        (
            "dd....u",
            300,
            "unknown",
            [
                (
                    "The last result, of 01:00, was down (any) and spoke for 2 * 1m + 10s = 2m10s, "
                    "until 03:10. This instant is in the gap after it."
                ),
                (
                    "The outage that began 00:00 has not ended, for silence is no recovery; but time "
                    "in a gap is unknown."
                ),
            ],
        ),
        (
            "uud....u",
            130,
            "unknown",
            [
                (
                    "The result of 02:00 is down (any). It speaks for 2 * 1m + 10s = 2m10s, until "
                    "04:10; a gap follows."
                ),
                (
                    "Only 1 failing result (02:00) where 2 are needed, then a gap: unconfirmed, its "
                    "time is unknown."
                ),
            ],
        ),
        (
            "ummu",
            130,
            "unknown",
            [
                HELD.format("misconfigured"),
                (
                    "2 misconfigured results in a row (01:00, 02:00) confirm that the target rejects "
                    "us: unknown from 01:00 on, with the cause misconfigured."
                ),
            ],
        ),
        (
            "uumu",
            130,
            "up",
            [
                HELD.format("misconfigured"),
                (
                    "Only 1 misconfigured result (02:00) where 2 are needed: unconfirmed, so the "
                    "state before it goes on, up."
                ),
            ],
        ),
        (
            "..mu",
            130,
            "unknown",
            [
                HELD.format("misconfigured"),
                (
                    "Only 1 misconfigured result (02:00) where 2 are needed: unconfirmed, and no "
                    "state before it goes on: unknown."
                ),
            ],
        ),
    ],
)
def test_a_voice_is_explained_from_its_results(
    words: str, second: int, verdict: str, sentences: list[str]
) -> None:
    whole = told(words, second=second)
    assert said(whole, "voice") == sentences
    assert whole["state"] == verdict


def test_a_run_at_the_edge_of_knowledge_is_not_confirmed_yet() -> None:
    whole = told("uud", second=130, until=140)
    assert said(whole, "voice") == [
        (
            "The result of 02:00 is down (any). It is the last one known and speaks for at most "
            "2 * 1m + 10s = 2m10s."
        ),
        (
            "Only 1 failing result (02:00) where 2 are needed, and nothing yet after: its time is "
            "unknown."
        ),
    ]


def test_a_recovery_that_is_too_short_is_still_down() -> None:
    two = config(checks={"c": check(confirm={"down": 2, "up": 2})})
    assert said(told("ddudd", second=130, used=two), "voice")[1] == (
        "In the outage that began 00:00 only 1 good result (02:00) where 2 are needed to end it: "
        "still down."
    )


def test_explicit_unknowns_since_the_result_are_counted_and_the_latest_named() -> None:
    assert said(told("xuxx", second=180), "voice")[1] == (
        "2 explicit unknown since then (the latest of 03:00, any): no information, it neither "
        "ends nor extends a hold."
    )
    assert len(said(told("xuu", second=70), "voice")) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "udududuuuu",
            (
                "Of the 10 judged results from 00:00 to 09:00, within 60 min, 3 failed in 3 separate "
                "runs (01:00, 03:00, 05:00): intermittent. With fewer than 5 of 10 this time is at "
                "least degraded: degraded."
            ),
        ),
        (
            "ududududdu",
            (
                "Of the 10 judged results from 00:00 to 09:00, within 60 min, 5 failed in 4 separate "
                "runs (01:00, 03:00, 05:00, 07:00, 08:00): intermittent. With 5 or more of 10 this "
                "time is down: down."
            ),
        ),
    ],
)
def test_intermittence_names_its_ten_results(words: str, sentence: str) -> None:
    assert said(told(words, second=130), "voice")[2] == sentence


def test_results_that_contradict_each_other_are_named() -> None:
    worse = [result(T0 + 60_000, outcome) for outcome in (Outcome.UNKNOWN, Outcome.DOWN)]
    results = {("c", "a"): [*at("uu"), *worse]}
    truth = fold_system("ehr", History([Version(None, config())]), results, T0 + 90_000, T0)
    whole = document(explain(truth, results, T0 + 70_000, PERIOD))
    assert said(whole, "voice")[1:2] == [
        "Results of 01:00 contradict each other (down, unknown, up): the worse stands, down."
    ]
    assert len(said(whole, "voice")) == 3


def test_the_votes_of_agents_and_sites_are_counted() -> None:
    used = config(checks={"c": check(**{"from": ["a", "b", "s"]})})
    words = {("c", "a"): "dddd", ("c", "b"): "uuuu", ("c", "s"): "dddd"}
    whole = told(words, second=130, used=used)
    assert said(whole, "site_of_check", site="north") == [
        "Of 2 agents 2 can be judged, 1 needed. 1 of 2 say down, fewer than two thirds (2): degraded."
    ]
    assert said(whole, "site_of_check", site="south") == [
        "Of 1 agent 1 can be judged, 1 needed. 1 of 1 say down, two thirds are 1: down."
    ]
    assert said(whole, "check") == [
        "Of 2 sites 2 can be judged, 1 needed. 1 of 2 say down, fewer than two thirds (2): degraded.",
        "The check is degraded; it is critical: the system is no better than it.",
    ]
    assert said(whole, "site", site="south") == ["Critical check c is down: down."]
    assert said(whole, "site", site="north") == ["Critical check c is degraded: degraded."]
    assert said(whole, "system")[0] == "Critical check c is degraded: degraded."


def test_too_few_votes_are_unknown_and_degraded_needs_two_thirds() -> None:
    used = config(checks={"c": check(**{"from": ["a", "b"]}, quorum={"need": 2})})
    alone = told({("c", "a"): "uuuu"}, second=130, used=used)
    assert said(alone, "site_of_check") == [
        "Of 2 agents 1 can be judged, 2 needed: too few, unknown."
    ]
    # at the level of sites there is only one, and need is capped at that
    assert said(alone, "check")[0] == "Of 1 site 0 can be judged, 1 needed: too few, unknown."
    slow = told({("c", "a"): "gggg", ("c", "b"): "gggg"}, second=130, used=used)
    assert said(slow, "site_of_check") == [
        (
            "Of 2 agents 2 can be judged, 2 needed. None says down, 2 of 2 say degraded, two thirds "
            "are 2: degraded."
        )
    ]
    tie = told({("c", "a"): "gggg", ("c", "b"): "uuuu"}, second=130, used=used)
    assert said(tie, "site_of_check") == [
        (
            "Of 2 agents 2 can be judged, 2 needed. None says down, 1 of 2 say degraded, fewer than "
            "two thirds (2): up."
        )
    ]


def readers(need: int) -> Config:
    member = check(role={"group": "readers"})
    return config(
        systems={"ehr": system(groups={"readers": {"need": need}})},
        checks={"g1": member, "g2": member, "z": check(role="supporting")},
    )


@pytest.mark.parametrize(
    ("need", "first", "second", "third", "sentences"),
    [
        (
            2,
            "dddd",
            "uuuu",
            "uuuu",
            ["Of the 2 members of group readers 1 are down and 2 must work: down."],
        ),
        (
            2,
            "uuuu",
            "....",
            "uuuu",
            ["Of the 2 members of group readers 1 are known to work and 2 must: unknown."],
        ),
        (
            1,
            "dddd",
            "uuuu",
            "....",
            [
                (
                    "Nothing critical is down, unknown or degraded, but of the 2 members of group "
                    "readers 1 are up: degraded."
                ),
                "Supporting check z is unknown: that changes nothing.",
            ],
        ),
        (1, "uuuu", "uuuu", "dddd", ["Supporting check z is down or degraded: degraded."]),
        (1, "uuuu", "uuuu", "uuuu", ["Every check that counts is up: up."]),
    ],
)
def test_groups_and_supporting_checks_are_weighed(
    need: int, first: str, second: str, third: str, sentences: list[str]
) -> None:
    words = {("g1", "a"): first, ("g2", "a"): second, ("z", "a"): third}
    whole = told(words, second=130, used=readers(need))
    assert said(whole, "system")[: len(sentences)] == sentences
    assert said(whole, "check", check="g1")[1].endswith("it is a member of group readers.")
    assert said(whole, "check", check="z")[1].endswith(
        "it is supporting: it can make the system degraded, never down or unknown."
    )


def test_at_a_site_a_group_needs_at_most_its_members_there() -> None:
    here, there = ({"role": {"group": "readers"}, "from": [agent]} for agent in "as")
    used = config(
        systems={"ehr": system(groups={"readers": {"need": 2}})},
        checks={"g1": check(**here), "g2": check(**there)},
    )
    whole = told({("g1", "a"): "uuuu", ("g2", "s"): "dddd"}, second=130, used=used)
    assert said(whole, "site", site="north") == ["Every check that counts is up: up."]
    assert said(whole, "site", site="south") == [
        "Of the 1 members of group readers 1 are down and 1 must work: down."
    ]
    assert said(whole, "system")[0] == (
        "Of the 2 members of group readers 1 are down and 2 must work: down."
    )


def test_a_site_without_a_check_that_counts_is_not_monitored() -> None:
    used = config(
        checks={"c": check(), "z": check(**{"from": ["s"]}, role="supporting")},
    )
    whole = told({("c", "a"): "uuuu", ("z", "s"): "uuuu"}, second=130, used=used)
    assert said(whole, "site", site="south") == [
        "No critical check and no group member is here: not monitored."
    ]


def test_the_outage_of_the_system_is_named_with_its_uncertainty() -> None:
    assert said(told("uddu", second=130), "system")[1:] == [
        (
            "This is inside the outage of the system that began 01:00 and ended 03:00. Its true "
            "length: at least 1m, at most 3m."
        ),
        "No approved window takes this instant out: its class is the system's state, down.",
    ]
    assert said(told("dd....u", second=300), "system")[1] == (
        "This is inside the outage of the system that began 00:00 and ended 06:00. Unknown time "
        "does not end it and is not counted as down. Its true length: at least 1m, no longest "
        "length is known."
    )


PERIOD_WORDS = "the period from 00:00 to 2026-01-02T00:00:00, formula"


@pytest.mark.parametrize(
    ("words", "column", "sentence"),
    [
        ("uuuu", "U", "it counts in column U (up or degraded): known, min and max rise."),
        ("dddd", "D", "it counts in column D (down): known, min and max fall."),
        (
            "",
            "K",
            (
                "it counts in column K (unknown): known does not change, min falls as if it were "
                "down, max rises as if it were up."
            ),
        ),
    ],
)
def test_the_number_says_its_column(words: str, column: str, sentence: str) -> None:
    whole = told(words, second=130)
    assert whole["column"] == column
    assert said(whole, "number")[0] == f"In {PERIOD_WORDS} contract-v1, {sentence}"


def test_a_scope_of_sites_names_the_column_of_each_site() -> None:
    used = config(systems={"ehr": system(slo={"target": "99.9", "scope": "worst_site"})})
    sentence = said(told("dddd", second=130, used=used), "number")[0]
    assert sentence.endswith(
        "known, min and max fall. The verdicts of scope worst_site are judged by the sites' own "
        "numbers, in which it counts so: north in D, south in no column."
    )


def test_a_site_counts_by_its_own_state_also_in_a_window() -> None:
    slo = {"target": "99.9", "scope": "user_weighted", "formula": "whole-period-v1"}
    used = config(systems={"ehr": system(slo=slo)}, maintenance=[APPROVED])
    inside = said(told("uuuuuuu", second=130, used=used), "number")[0]
    assert inside.endswith("it counts so: north in U, south in no column.")
    at_the_flip = said(told("uuuuuudd", second=360, used=used), "number")[0]
    assert at_the_flip.endswith("it counts so: north in D, south in no column.")
    just_before = said(told("uuuuuudd", second=359, used=used), "number")[0]
    assert just_before.endswith("it counts so: north in U, south in no column.")


def test_the_numbers_of_the_period_are_beside_it() -> None:
    assert said(told("uddu", second=130, until=310), "number")[1] == (
        "As known now the period has U 3m10s, D 2m, K 0s, excluded 0s: known 61.2903 %, "
        "min 61.2903 %, max 61.2903 %. Against 99.9 %, scope organization: breached."
    )


def test_an_approved_window_excludes_by_contract_v1() -> None:
    whole = told("udddd", second=130, used=config(maintenance=[APPROVED]))
    assert (whole["class"], whole["state"], whole["column"]) == ("excluded", "down", "none")
    assert said(whole, "system")[2:] == [
        (
            "Window w from 01:00 to 05:00, proposed by change-1, approved by approver-1 "
            "2025-12-31T00:00:00, excludes this instant."
        ),
        "Approved maintenance comes before the system's state: this instant is excluded.",
    ]
    assert said(whole, "number")[0] == (
        f"In {PERIOD_WORDS} contract-v1, it is in no column: it changes neither known nor min "
        "nor max. Beside it, in raw, where nothing is excluded, it counts in D (down)."
    )


def test_an_approved_window_counts_as_kept_by_whole_period_v1() -> None:
    slo = {"target": "99.9", "formula": "whole-period-v1"}
    used = config(maintenance=[APPROVED], systems={"ehr": system(slo=slo)})
    whole = told("uuuuu", second=130, used=used)
    assert (whole["class"], whole["column"]) == ("excluded", "U")
    assert said(whole, "number")[0] == (
        f"In {PERIOD_WORDS} whole-period-v1, it counts as kept: in U, and known, min and max "
        "rise, but in the column excluded and never in the column up."
    )


BY = {"by": "approver-1", "at": "2025-12-31T00:00:00Z"}


@pytest.mark.parametrize(
    ("more", "words", "why"),
    [
        ({}, "proposed by change-1,", "nobody approved it"),
        (
            {"approval": {"by": "change-1", "at": "2025-12-31T00:00:00Z"}},
            "proposed by change-1, approved by change-1 2025-12-31T00:00:00,",
            "its proposer approved it",
        ),
        (
            {"approval": {"by": "approver-1", "at": "2026-01-01T00:01:00Z"}},
            "proposed by change-1, approved by approver-1 01:00,",
            "the approval was not there before it started",
        ),
        (
            {"approval": BY, "cancelled": {"by": "change-1", "at": "2025-12-31T12:00:00Z"}},
            "proposed by change-1, approved by approver-1 2025-12-31T00:00:00,",
            "it was cancelled",
        ),
        (
            {
                "start": "2026-01-01T00:02:00",
                "approval": {"by": "approver-1", "at": "2026-01-01T00:01:30Z"},
            },
            "proposed by change-1, approved by approver-1 01:30,",
            "it was approved during an outage that covers this instant",
        ),
    ],
)
def test_a_window_that_does_not_exclude_says_why(
    more: dict[str, Any], words: str, why: str
) -> None:
    whole = told("udddd", second=130, used=config(maintenance=[WINDOW | more]))
    start = "02:00" if "start" in more else "01:00"
    assert whole["class"] == "down"
    assert said(whole, "system")[2:] == [
        f"Window w from {start} to 05:00, {words} does not exclude this instant: {why}.",
        "No approved window takes this instant out: its class is the system's state, down.",
    ]


def test_a_window_of_a_version_no_longer_in_force_excludes_nothing() -> None:
    history = [(0, config(maintenance=[APPROVED])), (150, config())]
    whole = told("uuuuu", second=200, history=history)
    assert said(whole, "system")[1:] == [
        (
            "Window w from 01:00 to 05:00 does not exclude this instant: the config version in "
            "force then does not have it so."
        ),
        "No approved window takes this instant out: its class is the system's state, up.",
    ]
    assert told("uuuuu", second=149, history=history)["class"] == "excluded"
    assert told("uuuuu", second=150, history=history)["class"] == "up"
    # whoever proposed it is named by the version that had it
    assert "proposed by change-1" in said(told("uuuuu", second=130, history=history), "system")[1]


def test_time_that_is_not_monitored_says_why() -> None:
    begun = [
        (60, config()),
        (120, config(systems={"x": system()}, checks={"c": check(system="x")})),
    ]
    assert said(told("uuuu", second=30, history=begun), "system") == [
        "Nothing was recorded of this system before 01:00: not monitored."
    ]
    assert said(told("uuuu", second=130, history=begun), "system") == [
        "The config version in force since 02:00 does not have this system: not monitored."
    ]
    late = config(systems={"ehr": system(effective_from="2026-01-01T00:05:00")})
    assert said(told("uuuu", second=130, used=late), "system") == [
        "The system is monitored from 05:00 on (effective_from): not monitored."
    ]
    over = told("uuuu", second=700)
    assert said(over, "system") == ["Nothing is known from 10:00 on: not monitored."]
    assert (over["class"], over["column"]) == ("not_monitored", "none")


@pytest.mark.parametrize(
    ("second", "verdict", "named"),
    [(59, "up", 0), (60, "excluded", 1), (299, "excluded", 1), (300, "up", 0)],
)
def test_a_window_holds_its_start_and_not_its_end(second: int, verdict: str, named: int) -> None:
    whole = told("uuuuuu", second=second, used=config(maintenance=[APPROVED]))
    assert whole["class"] == verdict
    reasons = [s["reason"] for s in whole["steps"]]
    assert (reasons.count("window_excludes"), reasons.count("window_does_not")) == (named, 0)


def test_monitoring_begins_and_ends_at_its_instants() -> None:
    assert said(told("uuuu", second=-5), "system") == [
        "Nothing was recorded of this system before 00:00: not monitored."
    ]
    late = config(systems={"ehr": system(effective_from="2026-01-01T00:02:00")})
    assert told("uuuu", second=119, used=late)["steps"][1]["reason"] == "before_effective"
    assert told("uuuu", second=120, used=late)["class"] == "up"
    assert told("uuuu", second=239, until=240)["class"] == "up"
    assert told("uuuu", second=240, until=240)["steps"][1]["reason"] == "after_now"
    gone = [(60, config()), (120, config(systems={"x": system()}, checks={"c": check(system="x")}))]
    assert told("uuuu", second=119, history=gone)["class"] == "up"
    assert told("uuuu", second=120, history=gone)["steps"][-3]["reason"] == "not_in_config"


STRICT = config(
    checks={"c": check(every="30s", confirm={"down": 3, "up": 1}), "z": check(role="supporting")}
)
CHANGES = [
    "It changes checks.c.every from 1m to 30s.",
    "It changes checks.c.confirm.down from 2 to 3.",
    "It adds checks.z.",
]


def test_a_version_that_waits_for_an_outage_says_so_and_what_it_changes() -> None:
    history = [(0, config()), (150, STRICT)]
    before = told("uddddu", second=200, history=history)
    assert said(before, "version") == [
        "The config version recorded 00:00 judges this instant.",
        (
            "The config version recorded 02:30 is not in force yet for this system: it waits for the "
            "outage that began 01:00, and takes effect when that ends, 05:00."
        ),
        *CHANGES,
    ]
    after = told("uddddu", second=310, history=history)
    assert said(after, "version") == [
        (
            "The config version recorded 02:30 judges this instant. It waited for the outage that "
            "began 01:00 and took effect when that ended, 05:00."
        ),
        *CHANGES,
    ]
    open_still = told("udddd", second=200, until=300, history=history)
    assert said(open_still, "version")[1] == (
        "The config version recorded 02:30 is not in force yet for this system: it waits for the "
        "outage that began 01:00, which has not ended."
    )


def test_a_version_overtaken_while_it_waits_never_takes_effect() -> None:
    history = [(0, config()), (150, STRICT), (200, config())]
    whole = told("uddddu", second=180, history=history)
    assert said(whole, "version")[1] == (
        "The config version recorded 02:30 waited for the outage that began 01:00 and was "
        "overtaken by a later version: it never takes effect for this system."
    )


def test_of_two_versions_that_wait_the_earlier_is_overtaken_while_the_outage_is_open() -> None:
    patient = config(checks={"c": check(confirm={"down": 5, "up": 1})})
    history = [(0, config()), (150, STRICT), (200, patient)]
    whole = told("udddd", second=200, until=300, history=history)
    assert [s for s in said(whole, "version") if s.startswith("The config")] == [
        "The config version recorded 00:00 judges this instant.",
        (
            "The config version recorded 02:30 waited for the outage that began 01:00 and was "
            "overtaken by a later version: it never takes effect for this system."
        ),
        (
            "The config version recorded 03:20 is not in force yet for this system: it waits for "
            "the outage that began 01:00, which has not ended."
        ),
    ]


def test_a_version_judges_from_its_very_instant_also_where_it_comes_a_second_time() -> None:
    one, two = config(), STRICT
    history = [(0, one), (60, two), (120, one)]
    recorded = [
        said(told("uuuuu", second=second, history=history), "version")[0]
        for second in (59, 60, 120)
    ]
    assert recorded == [
        "The config version recorded 00:00 judges this instant.",
        "The config version recorded 01:00 judges this instant.",
        "The config version recorded 02:00 judges this instant.",
    ]


def test_the_checks_explained_are_those_of_the_version_in_force_at_the_instant() -> None:
    history = [(0, config()), (60, STRICT)]
    assert said(told("uuu", second=59, history=history), "check", check="z") == []
    assert len(said(told("uuu", second=60, history=history), "check", check="z")) == 2


def test_a_change_of_words_is_named_without_them() -> None:
    renamed = config(
        systems={"ehr": system(name="Another name", runbook="https://x.example.org/")},
        maintenance=[APPROVED],
    )
    whole = told("uuuu", second=130, history=[(0, config(maintenance=[WINDOW])), (60, renamed)])
    assert said(whole, "version")[1:] == [
        "It changes systems.ehr.name.",
        "It changes systems.ehr.runbook.",
        "It changes maintenance.w.approval.by from nothing to approver-1.",
        "It changes maintenance.w.approval.at from nothing to 2025-12-31T00:00:00Z.",
    ]


def test_who_recorded_a_version_is_named_where_it_is_known() -> None:
    results = {("c", "a"): at("uuuu")}
    truth = fold_system("ehr", History([Version(T0, config())]), results, T0 + 240_000, None)
    whole = document(explain(truth, results, T0 + 130_000, PERIOD, {T0: "admin-1"}))
    assert said(whole, "version") == [
        "The config version recorded 00:00 by admin-1 judges this instant."
    ]


def test_as_text_each_subject_has_its_sentences_with_the_clause() -> None:
    assert lines(told("uddu", second=130, until=240)) == [
        "ehr at 2026-01-01T00:02:10.000Z: down, counted in column D",
        "2026-01-01 00:02:10 in UTC; known up to 2026-01-01T00:04:00.000Z",
        "",
        "The rules in force",
        "  The config given judges this instant. [semantics 2, versions]",
        "",
        "Check c, agent a at site north",
        (
            "  The result of 2026-01-01T00:02:00.000Z is down (any). It speaks until the next result, "
            "2026-01-01T00:03:00.000Z. [semantics 2.1]"
        ),
        (
            "  2 failing results in a row (2026-01-01T00:01:00.000Z, 2026-01-01T00:02:00.000Z) make an "
            "outage, back-dated to the first of them; it ends 2026-01-01T00:03:00.000Z: down. "
            "[semantics 2.2]"
        ),
        "",
        "Check c at site north",
        (
            "  Of 1 agent 1 can be judged, 1 needed. 1 of 1 say down, two thirds are 1: down. "
            "[semantics 2.4]"
        ),
        "",
        "Check c",
        (
            "  Of 1 site 1 can be judged, 1 needed. 1 of 1 say down, two thirds are 1: down. "
            "[semantics 2.4]"
        ),
        "  The check is down; it is critical: the system is no better than it. [semantics 2.5]",
        "",
        "System ehr at site north",
        "  Critical check c is down: down. [semantics 2.5]",
        "",
        "System ehr",
        "  Critical check c is down: down. [semantics 2.5]",
        (
            "  This is inside the outage of the system that began 2026-01-01T00:01:00.000Z and ended "
            "2026-01-01T00:03:00.000Z. Its true length: at least 1m, at most 3m. [semantics 3]"
        ),
        (
            "  No approved window takes this instant out: its class is the system's state, down. "
            "[semantics 3]"
        ),
        "",
        "The number",
        (
            "  In the period from 2026-01-01T00:00:00.000Z to 2026-01-02T00:00:00.000Z, formula "
            "contract-v1, it counts in column D (down): known, min and max fall. [semantics 3]"
        ),
        (
            "  As known now the period has U 2m, D 2m, K 0s, excluded 0s: known 50.0000 %, "
            "min 50.0000 %, max 50.0000 %. Against 99.9 %, scope organization: breached. [semantics 3]"
        ),
    ]
