"""How the steps of a run become its result, where signing in is among them."""

from __future__ import annotations

from dataclasses import replace

from probes.contract import Fact, Observation, Outcome, Phase, StepName
from probes.fhirquestions import together
from probes.fhirsteps import Layer, connect_apart, whole
from probes.reasons import Reason
from probes.wire.fhir import UP, Verdict

REJECTED = Verdict(Outcome.MISCONFIGURED, Reason.SMART_TOKEN_REJECTED)
DOCUMENT = Layer(StepName.DISCOVERY, UP, {Phase.CONNECT: 5}, {}, {Fact.DEVIATIONS: 2}, 1, 50)
TOKEN = Layer(StepName.TOKEN, UP, {Phase.CONNECT: 7}, before=(DOCUMENT,))
REFUSED = Layer(
    StepName.TOKEN, REJECTED, {Phase.CONNECT: 7}, {Fact.HTTP_STATUS: 401}, {}, 1, 10, (DOCUMENT,)
)


def read(verdict: Verdict = UP, *before: Layer) -> Layer:
    return Layer(
        StepName.READ, verdict, {Phase.CONNECT: 11}, {Fact.HTTP_STATUS: 200}, {}, 1, 9, before
    )


def told(seen: Observation) -> list[tuple[str, str, int]]:
    return [(step.name.value, step.reason.value, step.duration_us) for step in seen.steps]


def test_what_a_step_needed_comes_before_it() -> None:
    seen = whole([read(UP, DOCUMENT, replace(TOKEN, before=())), read()], {Phase.PARSE: 1})
    assert told(seen) == [
        ("discovery", "ok", 5), ("token", "ok", 7), ("read", "ok", 11), ("read", "ok", 11),
    ]  # fmt: skip
    assert seen.phases == {Phase.PARSE: 1, Phase.CONNECT: 34}
    assert seen.facts == {
        Fact.DEVIATIONS: 2, Fact.HTTP_STATUS: 200, Fact.REQUESTS: 3, Fact.ANSWER_BYTES: 68,
    }  # fmt: skip


def test_the_connection_to_the_server_comes_after_the_token_it_waits_for() -> None:
    layers = connect_apart([read(UP, DOCUMENT, replace(TOKEN, before=()))])
    assert told(whole(layers, {})) == [
        ("discovery", "ok", 5), ("token", "ok", 7), ("connect", "ok", 11), ("read", "ok", 0),
    ]  # fmt: skip
    assert connect_apart([REFUSED]) == [REFUSED]


def test_a_missing_token_is_told_once_for_all_that_needed_one() -> None:
    marked = replace(REFUSED, about={Fact.NOT_UNDONE: 1})
    seen = whole([REFUSED, REFUSED, marked], {})
    assert told(seen) == [("discovery", "ok", 5), ("token", "smart.token_rejected", 7)]
    assert seen.phases == {Phase.CONNECT: 12}
    assert seen.facts == {
        Fact.DEVIATIONS: 2, Fact.NOT_UNDONE: 1, Fact.HTTP_STATUS: 401,
        Fact.REQUESTS: 2, Fact.ANSWER_BYTES: 60,
    }  # fmt: skip
    assert (seen.outcome, seen.reason) == (REJECTED.outcome, REJECTED.reason)


def test_two_tokens_of_one_run_are_two_steps() -> None:
    renewed = Layer(StepName.TOKEN, UP, {Phase.CONNECT: 8})
    seen = whole([read(UP, DOCUMENT, replace(TOKEN, before=())), read(UP, renewed)], {})
    assert [name for name, _, _ in told(seen)] == ["discovery", "token", "read", "token", "read"]


def test_requests_of_one_step_keep_what_they_needed() -> None:
    step = together(StepName.READ, [read(UP, TOKEN), read()])
    assert (step.name, step.before, step.phases) == (StepName.READ, (TOKEN,), {Phase.CONNECT: 22})


def test_a_step_that_had_no_token_is_no_step() -> None:
    step = together(StepName.READ, [read(), REFUSED, REFUSED])
    assert step.name is StepName.TOKEN
    assert told(whole([step], {})) == [
        ("discovery", "ok", 5), ("token", "smart.token_rejected", 7),
    ]  # fmt: skip
