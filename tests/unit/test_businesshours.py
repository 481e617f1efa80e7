"""From a config to its business hours: defaults, zones, public holidays and exceptions."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Any

from alerts.hours import add_business
from collector.businesshours import holiday_problem, holidays_version, hours_of
from probes.amounts import parse
from probes.configfile import canonical, parse_canonical
from probes.times import parse_datetime, rfc3339
from tests.support.rounds import config

DAYS_2026 = {
    "US": ["01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "07-04", "09-07", "10-12", "11-11", "11-26", "12-25"],
    "DE": ["01-01", "04-03", "04-06", "05-01", "05-14", "05-25", "10-03", "12-25", "12-26"],
}  # fmt: skip


def closed(year: int, **holidays: Any) -> list[str]:
    found = hours_of(config(holidays=holidays)).holidays(year)
    return [day.isoformat()[5:] for day in sorted(found)]


def due(start: str, amount: str, **changes: Any) -> str:
    at = parse_datetime(start)
    ms = int(at.timestamp()) * 1000
    return rfc3339(add_business(ms, parse(amount), hours_of(config(**changes))))[:16]


def test_a_config_that_names_none_has_office_hours_in_the_organizations_zone() -> None:
    # 16:00 on a Friday in Chicago
    assert due("2026-01-09T22:00+00:00", "2bh") == "2026-01-12T16:00"


def test_hours_may_name_a_zone_of_their_own() -> None:
    hours = {
        "times": [{"start_time": "08:00", "end_time": "16:00"}],
        "weekdays": ["Monday:Saturday"],
        "location": "Europe/Berlin",
    }
    # 15:00 on a Friday in Berlin
    assert due("2026-01-09T14:00+00:00", "2bh", hours=hours) == "2026-01-10T08:00"


def test_public_holidays_of_a_country_are_closed() -> None:
    assert closed(2026, country="US") == DAYS_2026["US"]
    assert closed(2026, country="DE") == DAYS_2026["DE"]
    assert due("2026-11-25T22:00+00:00", "2bh", holidays={"country": "US"}) == "2026-11-27T16:00"


def test_a_subdivision_has_holidays_of_its_own() -> None:
    more = set(closed(2026, country="US", subdivision="IL")) - set(DAYS_2026["US"])
    # Lincoln's Birthday, Casimir Pulaski Day, Election Day
    assert more == {"02-12", "03-02", "11-03"}


def test_days_are_added_and_taken_out() -> None:
    found = closed(2026, country="US", also=["2026-12-24"], **{"except": ["2026-11-11"]})
    assert found == sorted({*DAYS_2026["US"], "12-24"} - {"11-11"})
    assert closed(2026, also=["2026-12-24", "2027-12-24"]) == ["12-24"]
    assert closed(2028, also=["2026-12-24", "2027-12-24"]) == []


def test_the_holidays_of_a_year_are_computed_once_for_a_config() -> None:
    used = config(holidays={"country": "US"})
    first = hours_of(used)
    assert hours_of(parse_canonical(canonical(used))) is first
    assert first.holidays(2027) is first.holidays(2027)


def test_only_a_config_that_names_a_country_needs_the_package() -> None:
    script = (
        "import sys\n"
        "from collector.businesshours import hours_of\n"
        "from tests.support.rounds import config\n"
        "from datetime import date\n"
        "assert hours_of(config()).on(date(2026, 12, 25))\n"
        "also = {'also': ['2026-12-25']}\n"
        "assert not hours_of(config(holidays=also)).on(date(2026, 12, 25))\n"
        "assert 'holidays' not in sys.modules\n"
        "assert not hours_of(config(holidays={'country': 'US'})).on(date(2026, 12, 25))\n"
        "assert 'holidays' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_package_knows_countries_and_says_which_edition_it_is() -> None:
    assert holiday_problem("US", None) is None
    assert holiday_problem("US", "IL") is None
    assert holiday_problem("DE", "BY") is None
    unknown, subdivision = holiday_problem("XX", None), holiday_problem("DE", "IL")
    assert unknown is not None
    assert subdivision is not None
    assert (unknown[0], subdivision[0]) == ("country", "subdivision")
    assert holidays_version().split(".")[0].isdigit()


def test_without_the_package_a_country_is_a_problem_with_its_cure() -> None:
    script = (
        "import sys\n"
        "sys.modules['holidays'] = None\n"
        "from collector.businesshours import holiday_problem\n"
        "print(holiday_problem('US', None))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == (
        "('country', \"needs the library holidays: pip install 'wardwatch[collector]'\")\n"
    )


def test_a_country_that_is_not_known_any_more_has_no_holidays() -> None:
    assert hours_of(config(holidays={"country": "XX"})).on(date(2026, 12, 25)) != ()


def test_a_file_that_names_no_hours_is_the_version_it_was() -> None:
    data = canonical(config())
    assert b"hours" not in data
    assert b"respond" not in data
    assert parse_canonical(data) == config()
    changed = config(
        hours={"weekdays": ["tuesday"]},
        holidays={"also": ["2026-12-24"]},
        policy={"respond": {"billing": "90m"}},
    )
    assert parse_canonical(canonical(changed)) == changed
    assert b'"billing":"1h30m"' in canonical(changed)
