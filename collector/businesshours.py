"""The business hours of a config, holidays left out: one value for as long as it is loaded.

The holidays of a year are the recorded ones (`frozenholidays.py`); where none are, those of the
package `holidays`, computed once per config. Only a config that names a country needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from alerts.hours import Hours
from probes import config_hours
from probes.config import Config

if TYPE_CHECKING:
    from types import ModuleType

    from collector.frozenholidays import Frozen

Years = frozenset[tuple[int, frozenset[date]]]
NONE: Frozen = {}


def hours_of(loaded: Config, frozen: Frozen = NONE) -> Hours:
    """Those of `hours` and `holidays`, in the zone they name or the organization's; `frozen` are
    all recorded years.
    """
    said = loaded.holidays
    place = None if said is None else (said.country, said.subdivision)
    mine = frozenset((y[2], days) for y, days in frozen.items() if y[:2] == place)
    return _hours(loaded.hours or config_hours.OFFICE, said, loaded.organization.timezone, mine)


def holidays_of(loaded: Config, frozen: Frozen = NONE) -> Callable[[int], frozenset[date]] | None:
    """The public holidays of a year, as `hours_of` leaves them out; None where none are said."""
    said = loaded.holidays
    if said is None:
        return None
    mine = {y[2]: days for y, days in frozen.items() if y[:2] == (said.country, said.subdivision)}
    return _holidays(said, mine)


@cache
def holiday_problem(country: str, subdivision: str | None) -> tuple[str, str] | None:
    """The key of `holidays` that is wrong, and what is wrong; None when the country is known."""
    try:
        known = _package().list_supported_countries(include_aliases=True)
    except ModuleNotFoundError:
        return "country", "needs the library holidays: pip install 'wardwatch[collector]'"
    if country not in known:
        return "country", "no country of this code has known holidays; write it as in ISO 3166"
    if subdivision is not None and subdivision not in known[country]:
        return "subdivision", "the country has no subdivision of this code; write it as ISO 3166-2"
    return None


def holidays_version() -> str:
    """Which edition of public holidays answers here: `0.109`."""
    return version("holidays")


def _package() -> ModuleType:
    import holidays  # noqa: PLC0415 - large, and only some configs need it

    return holidays


@lru_cache(maxsize=64)
def _hours(
    hours: config_hours.Hours, holidays: config_hours.Holidays | None, zone: str, frozen: Years
) -> Hours:
    place = ZoneInfo(hours.location or zone)
    if holidays is None:
        return Hours(hours.rule, place)
    return Hours(hours.rule, place, _holidays(holidays, dict(frozen)))


def _holidays(
    written: config_hours.Holidays, frozen: Mapping[int, frozenset[date]]
) -> Callable[[int], frozenset[date]]:
    also = frozenset(map(date.fromisoformat, written.also))
    never = frozenset(map(date.fromisoformat, written.except_))

    @cache
    def of_year(year: int) -> frozenset[date]:
        public: frozenset[date] = frozenset()
        if year in frozen:
            public = frozen[year]
        elif written.country is not None:
            public = public_holidays(written.country, written.subdivision, year)
        return frozenset(day for day in public | also if day.year == year) - never

    return of_year


def public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """A country that was known when its file was loaded, and is not any more, has no holidays."""
    try:
        return frozenset(_package().country_holidays(country, subdiv=subdivision, years=year))
    except (NotImplementedError, ModuleNotFoundError):
        return frozenset()
