"""The exact instants at which burn-rate rows start and cease to fire, against the rows themselves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.events import State
from collector.core.burn import LONGEST_MS, Sight, rows
from collector.core.burning import burning, firing, scope
from collector.core.periods import month
from collector.core.versions import InForce
from collector.core.windows import FAR
from probes.config import Config
from probes.config_systems import Slo
from probes.spans import Interval, Span, Timeline, clip, intersect, merge, unite
from tests.support.soak import longer
from tests.support.stories import T0, config, system

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
MONTH = 31 * DAY
T = 100 * HOUR
"""Longer than any row looks back."""
UP, DOWN = State.UP, State.DOWN
SCOPES = ["organization", "worst_site", "user_weighted"]


def line(*parts: tuple[int, State], start: int = T0) -> Timeline[State]:
    ends = list(itertools.accumulate(length for length, _ in parts))
    return merge(
        Span(start + end - length, start + end, state)
        for end, (length, state) in zip(ends, parts, strict=True)
    )


def fires(whole: Timeline[State], target: str, start: int, end: int) -> list[tuple[int, int]]:
    slo = Slo(target=target)
    found = firing(slo, [(whole, 1)], (), 30 * DAY, Interval(T0 + start, T0 + end))
    return [(one.start - T0, one.end - T0) for one in found]


def test_a_full_outage_fires_once_it_has_burnt_more_than_the_share_of_an_hour() -> None:
    # 14.4 times 0.1 % of an hour are 51.84 s; of the last five minutes, 4.32 s.
    hour = line((T, UP), (HOUR, DOWN))
    assert fires(hour, "99.9", 0, T + MINUTE) == [(T + 51_841, T + 60_000)]
    # Over after a minute: 4.32 s of it are in the last five minutes until 295.68 s after its end.
    minute = line((T, UP), (MINUTE, DOWN), (HOUR, UP))
    assert fires(minute, "99.9", 0, T + HOUR) == [(T + 51_841, T + MINUTE + 295_680)]


def test_equal_to_the_threshold_does_not_fire() -> None:
    exactly = line((T, UP), (51_840, DOWN), (HOUR, UP))
    assert fires(exactly, "99.9", 0, T + HOUR) == []
    assert fires(line((T, UP), (51_841, DOWN), (HOUR, UP)), "99.9", 0, T + HOUR) == [
        # at 4.32 s left in five minutes, or once the hour before the outage has shrunk: the first
        (T + 51_841, T + 51_841 + 295_680)
    ]


def test_a_target_of_100_leaves_nothing_to_burn() -> None:
    one = line((10 * HOUR, UP), (1, DOWN), (10 * HOUR, UP))
    # Row by row the short windows: 5 and 30 minutes, 2 and 6 hours.
    assert fires(one, "100", 0, 20 * HOUR) == [(10 * HOUR + 1, 16 * HOUR + 1)]


states = st.lists(
    st.tuples(
        st.one_of(st.integers(1, 5 * MINUTE), st.integers(1, 20 * HOUR)),
        st.sampled_from([*State, UP, UP, UP, DOWN]),
    ),
    min_size=1,
    max_size=12,
)
windows = st.lists(st.tuples(st.integers(0, 5 * DAY), st.integers(1, 6 * HOUR)), max_size=3)


@settings(max_examples=longer(150), deadline=None)
@given(
    st.lists(states, min_size=3, max_size=3),
    windows,
    st.sampled_from(SCOPES),
    st.sampled_from(["contract-v1", "whole-period-v1"]),
    st.sampled_from(["99.9", "99.95", "95", "90", "100"]),
    st.lists(st.integers(0, 6 * DAY), max_size=6),
)
def test_a_row_fires_exactly_where_it_does_with_that_instant_as_its_edge(
    parts: list[list[tuple[int, State]]],
    closed: list[tuple[int, int]],
    scoped: str,
    formula: str,
    target: str,
    edges: list[int],
) -> None:
    lines: dict[str | None, Timeline[State]] = dict(
        zip((None, "north", "south"), (line(*each) for each in parts), strict=True)
    )
    used = config(
        sites={"north": {"name": "North", "users": 3}, "south": {"name": "South", "users": 5}}
    )
    slo = Slo.model_validate({"target": target, "scope": scoped, "formula": formula})
    out = unite(Interval(T0 + a, T0 + a + n) for a, n in closed)
    span = Interval(T0, T0 + 7 * DAY)
    found = unite(
        one for heard in scope(slo, lines, used) for one in firing(slo, heard, out, MONTH, span)
    )
    near = [t + n for one in found for t in (one.start, one.end) for n in (-1, 0)]
    for edge in [*(T0 + e for e in edges), *(t for t in near if span.start <= t < span.end)]:
        known = {site: clip(each, T0, edge) for site, each in lines.items()}
        sight = Sight(known, {"north": 3, "south": 5}, out, edge, MONTH)
        expected = any(row.firing for row in rows(slo, sight))
        assert any(one.start <= edge < one.end for one in found) == expected, edge - T0


def told(
    whole: Timeline[State], now: int, *versions: tuple[int, Config], since: int = -FAR
) -> tuple[list[tuple[int, int]], int | None]:
    chosen: Sequence[tuple[int, Config]] = versions or ((0, config()),)
    starts = [T0 + at for at, _ in chosen]
    found = burning(
        "ehr",
        clip(whole, T0, T0 + now),
        {},
        [
            InForce(start, end, one)
            for start, end, (_, one) in zip(starts, [*starts[1:], FAR], chosen, strict=True)
        ],
        lambda _until, _since: (),
        (),
        since,
        T0 + now,
    )
    due = None if found.due is None else found.due - T0
    return [(one.start - T0, one.end - T0) for one in found.spans], due


OUTAGE = line((T, UP), (MINUTE, DOWN), (DAY, UP))
# January has 31 days: 14.88 times 0.1 % of an hour are 53.568 s, of five minutes 4.464 s.
FROM, TO = T + 53_569, T + MINUTE + 295_536


@pytest.mark.parametrize(
    ("now", "spans", "due"),
    [
        pytest.param(T, [], None, id="nothing was ever down"),
        pytest.param(T + SECOND, [], FROM, id="if it lasts it will burn"),
        pytest.param(FROM, [], FROM, id="due exactly now does not show"),
        pytest.param(FROM + 1, [(FROM, FROM + 1)], FROM + 1 + LONGEST_MS, id="it shows"),
        pytest.param(T + HOUR, [(FROM, TO)], T + HOUR + LONGEST_MS, id="over"),
        pytest.param(T + MINUTE + 1, [(FROM, T + MINUTE + 1)], TO, id="it ebbs"),
    ],
)
def test_what_burns_and_when_time_alone_changes_it(
    now: int, spans: list[tuple[int, int]], due: int | None
) -> None:
    found, next_due = told(OUTAGE, now)
    assert found == spans
    assert next_due == due


def test_without_a_target_nothing_burns() -> None:
    plain = {"name": "EHR", "impact": {"class": "clinical"}}
    assert told(OUTAGE, T + HOUR, (0, config(systems={"ehr": plain}))) == ([], None)


def test_each_version_judges_the_edges_after_its_start() -> None:
    loose = config(systems={"ehr": system(slo={"target": "90"})})
    assert told(OUTAGE, T + HOUR, (0, loose), (T + 55 * SECOND, config()))[0] == [
        (T + 55 * SECOND + 1, TO)
    ]


def test_the_threshold_is_that_of_the_month() -> None:
    # The outage spans the end of January 2026 in UTC: 28 days have 0.0134 instead of 0.0149.
    end = month(T0, config().organization.zone).end - T0
    long = line((end - 49 * SECOND, UP), (MINUTE, DOWN), (HOUR, UP))
    # 13.44 times 0.1 % of an hour are 48.384 s: more are down when February begins.
    assert told(long, end + 10 * SECOND)[0] == [(end + 1, end + 10 * SECOND)]


def test_nothing_older_than_the_longest_window_is_looked_at() -> None:
    later = line((HOUR, DOWN), (5 * DAY, UP))
    assert told(later, 5 * DAY, since=T0 + HOUR + LONGEST_MS + 1) == ([], None)


def burns(
    whole: Timeline[State],
    now: int,
    *versions: tuple[int, Config],
    sites: dict[str, Timeline[State]] | None = None,
    closed: Sequence[Interval] = (),
    since: int = -FAR,
) -> list[tuple[int, int]]:
    """As `told`, with sites, and windows that are known only as far as they are asked for."""
    starts = [T0 + at for at, _ in versions]
    found = burning(
        "ehr",
        clip(whole, T0, T0 + now),
        {name: clip(each, T0, T0 + now) for name, each in (sites or {}).items()},
        [
            InForce(start, end, one)
            for start, end, (_, one) in zip(starts, [*starts[1:], FAR], versions, strict=True)
        ],
        lambda until, since: intersect(closed, (Interval(since, until),)),
        (),
        since,
        T0 + now,
    )
    return [(one.start - T0, one.end - T0) for one in found.spans]


def scoped(name: str) -> Config:
    sites = {"north": {"name": "North", "users": 1}, "south": {"name": "South", "users": 9}}
    slo = {"target": "99.9", "scope": name}
    return config(sites=sites, systems={"ehr": system(slo=slo)})


QUIET = line((T + DAY, UP))


def test_nothing_known_burns_nothing() -> None:
    assert told((), HOUR) == ([], None)


def test_an_outage_from_before_burns_on_after_what_is_settled() -> None:
    assert told(OUTAGE, T + HOUR, since=T0 + T + MINUTE)[0] == [(T + MINUTE, TO)]


def test_maintenance_from_before_what_is_settled_is_left_out() -> None:
    closed = [Interval(T0 + T, T0 + T + MINUTE)]
    assert burns(OUTAGE, T + HOUR, (0, config()), since=T0 + T + MINUTE) == [(T + MINUTE, TO)]
    assert burns(OUTAGE, T + HOUR, (0, config()), closed=closed, since=T0 + T + MINUTE) == []


def test_a_version_judges_up_to_and_including_the_start_of_the_next() -> None:
    loose = config(systems={"ehr": system(slo={"target": "90"})})
    looser = config(systems={"ehr": system(slo={"target": "80"})})
    versions = [(0, config()), (T + 55 * SECOND, loose), (T + 58 * SECOND, looser)]
    assert told(OUTAGE, T + HOUR, *versions)[0] == [(FROM, T + 55 * SECOND + 1)]
    assert told(OUTAGE, T + HOUR, *versions[:2])[0] == [(FROM, T + 55 * SECOND + 1)]


def test_the_month_is_the_organizations() -> None:
    used = config(organization={"id": "org", "name": "Org", "timezone": "America/Chicago"})
    last = month(T0 + 20 * DAY, used.organization.zone).end - T0
    assert last == 31 * DAY + 6 * HOUR
    long = line((last - 49 * SECOND, UP), (MINUTE, DOWN), (HOUR, UP))
    assert told(long, last + 10 * SECOND, (0, used))[0] == [(last + 1, last + 10 * SECOND)]


def test_the_edge_at_the_end_of_a_month_is_still_of_that_month() -> None:
    end = month(T0, config().organization.zone).end - T0
    long = line((end - 49 * SECOND, UP), (MINUTE, DOWN), (HOUR, UP))
    assert told(long, end + 10 * SECOND, since=T0 + end)[0] == [(end + 1, end + 10 * SECOND)]


def test_any_site_of_a_worst_site_contract_burns_alone() -> None:
    for sites in ({"north": OUTAGE, "south": QUIET}, {"north": QUIET, "south": OUTAGE}):
        assert burns(QUIET, T + HOUR, (0, scoped("worst_site")), sites=sites) == [(FROM, TO)]


def test_users_weigh_what_burns() -> None:
    """A tenth of the users: ten times as long to the threshold. Of nine tenths nearly as ever."""
    used = (0, scoped("user_weighted"))
    assert burns(QUIET, T + HOUR, used, sites={"north": OUTAGE, "south": QUIET}) == []
    ((start, _),) = burns(QUIET, T + HOUR, used, sites={"north": QUIET, "south": OUTAGE})
    assert start == T + 59_521


def test_a_line_that_has_ended_does_not_last() -> None:
    """Removed while it was down: the last of it leaves five minutes' window after 360 s."""
    gone = line((T, UP), (MINUTE, DOWN))
    assert told(gone, T + HOUR)[0] == [(FROM, T + 360 * SECOND)]
    sites: dict[str, Timeline[State]] = {"north": (), "south": OUTAGE}
    assert burns(QUIET, T + HOUR, (0, scoped("worst_site")), sites=sites) == [(FROM, TO)]


def test_a_site_without_users_or_that_is_gone_weighs_nothing() -> None:
    sites = {"north": {"name": "North", "users": 1}, "south": {"name": "South"}}
    slo = {"target": "99.9", "scope": "user_weighted"}
    used = (0, config(sites=sites, systems={"ehr": system(slo=slo)}))
    for name in ("south", "west"):
        lines = {"north": QUIET, name: line((T, UP), (30 * MINUTE, DOWN), (DAY, UP))}
        assert burns(QUIET, T + HOUR, used, sites=lines) == []
    assert burns(QUIET, T + HOUR, used, sites={"north": OUTAGE, "south": QUIET}) == [(FROM, TO)]


@pytest.mark.parametrize(
    ("formula", "until"), [("contract-v1", T + 360 * SECOND), ("whole-period-v1", TO)]
)
def test_time_in_a_window_is_judged_where_the_formula_says_so(formula: str, until: int) -> None:
    """Maintenance for an hour right after the outage: as if nothing followed, or all were well."""
    closed = [Interval(T0 + T + MINUTE, T0 + T + HOUR)]
    slo = {"target": "99.9", "formula": formula}
    used = (0, config(systems={"ehr": system(slo=slo)}))
    assert burns(OUTAGE, T + HOUR, used, closed=closed) == [(FROM, until)]


def test_time_that_is_not_monitored_is_judged_in_no_window() -> None:
    closed = [Interval(T0 + T + MINUTE, T0 + T + HOUR)]
    slo = {"target": "99.9", "formula": "whole-period-v1"}
    used = (0, config(systems={"ehr": system(slo=slo)}))
    gone = line((T, UP), (MINUTE, DOWN), (HOUR, State.NOT_MONITORED))
    assert burns(gone, T + HOUR, used, closed=closed) == [(FROM, T + 360 * SECOND)]
