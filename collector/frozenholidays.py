"""The public holidays of a year as recorded: another edition of the package changes no due date.

Once a config names a country, the dates of this year and the next are a row of the journal, one
for each (country, subdivision, year) and ever. `also` and `except` of a config go on top of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date

from sqlalchemy import Connection

from collector import journal
from collector.journal import Fact, Row
from probes.config import Config
from probes.times import from_ms

KIND = "holidays.year"
YEARS_AHEAD = 1

Year = tuple[str, str | None, int]
"""(country, subdivision, year)."""
Frozen = Mapping[Year, frozenset[date]]


def missing(config: Config, frozen: Collection[Year], now: int) -> list[Year]:
    """Years to be frozen at `now` (UTC ms): this one in the organization's zone, and the next."""
    said = config.holidays
    if said is None or said.country is None:
        return []
    this = from_ms(now, config.organization.zone).year
    wanted = [(said.country, said.subdivision, this + n) for n in range(YEARS_AHEAD + 1)]
    return [year for year in wanted if year not in frozen]


def fact(year: Year, dates: Iterable[date], version: str, now: int) -> Fact:
    """`version`: which edition of the package the dates are from."""
    country, subdivision, number = year
    data = {
        "country": country,
        "subdivision": subdivision,
        "year": number,
        "version": version,
        "dates": [day.isoformat() for day in sorted(dates)],
    }
    return Fact(KIND, now, journal.canonical(data))


def frozen_in(rows: Iterable[Row]) -> Frozen:
    """Of several rows for one year, which there cannot be, the first holds."""
    out: dict[Year, frozenset[date]] = {}
    for row in rows:
        if row.kind == KIND:
            data = json.loads(row.data)
            year = (data["country"], data["subdivision"], data["year"])
            out.setdefault(year, frozenset(map(date.fromisoformat, data["dates"])))
    return out


def freeze(
    conn: Connection,
    org: str,
    years: Iterable[Year],
    dates: Callable[[Year], Iterable[date]],
    version: str,
    now: int,
) -> None:
    """Record those that nobody has recorded yet; whoever does the same meanwhile waits."""
    journal.hold(conn, org)
    known = frozen_in(journal.rows(conn, org, kind=KIND))
    facts = [fact(year, dates(year), version, now) for year in years if year not in known]
    journal.append(conn, org, facts, journal.following(journal.last_recorded(conn, org), now))
