"""Business hours and holidays, as the operator's file gives them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from probes import opening
from probes.config_words import Date, Model, TimeOfDay, Zone, words


class TimeRange(Model):
    start_time: TimeOfDay
    """First minute, from 00:00."""
    end_time: TimeOfDay
    """First minute that is not part of it, up to 24:00; a day that runs over midnight is two."""

    @model_validator(mode="after")
    def _forward(self) -> TimeRange:
        if opening.clock(self.start_time) >= opening.clock(self.end_time):
            raise ValueError(
                "end_time lies after start_time, on the same day; write two over midnight"
            )
        return self


class Days(Model):
    """The days of Alertmanager's `time_interval`: what is given holds together, what is left out always."""

    weekdays: (
        Annotated[tuple[Annotated[str, words(opening.weekdays)], ...], Field(min_length=1)] | None
    ) = None
    """Weekdays or ranges of them, such as `monday:friday`; left out: every day."""
    days_of_month: (
        Annotated[tuple[Annotated[str, words(opening.days_of_month)], ...], Field(min_length=1)]
        | None
    ) = None
    """Days or ranges of them, negative ones from the month's end; left out: every day."""
    months: (
        Annotated[tuple[Annotated[str, words(opening.months)], ...], Field(min_length=1)] | None
    ) = None
    """Months or ranges of them, by name or number; left out: every month."""
    years: (
        Annotated[tuple[Annotated[str, words(opening.years)], ...], Field(min_length=1)] | None
    ) = None
    """Years or ranges of them; left out: every year."""

    def at(self, times: tuple[opening.Range, ...]) -> opening.Opening:
        """These days at these times, read."""
        return opening.Opening(
            times=times,
            weekdays=tuple(map(opening.weekdays, self.weekdays or ())),
            days_of_month=tuple(map(opening.days_of_month, self.days_of_month or ())),
            months=tuple(map(opening.months, self.months or ())),
            years=tuple(map(opening.years, self.years or ())),
        )


class Hours(Days):
    """Alertmanager's `time_interval`."""

    times: Annotated[tuple[TimeRange, ...], Field(min_length=1)] | None = None
    """Times of day; left out: all day."""
    location: Zone | None = None
    """IANA zone of these times; left out: the organization's."""

    @property
    def rule(self) -> opening.Opening:
        """The same, read."""
        times = [(t.start_time, t.end_time) for t in self.times or ()] or [("00:00", "24:00")]
        return self.at(tuple(sorted((opening.clock(a), opening.clock(b)) for a, b in times)))

    @model_validator(mode="after")
    def _for_ever(self) -> Hours:
        year = self.rule.closed_year()
        if year == opening.FIRST_YEAR:
            raise ValueError("these hours never open")
        if year is not None:
            raise ValueError(f"hours must open in every year; these never do in {year}")
        return self


OFFICE = Hours(
    times=(TimeRange(start_time="09:00", end_time="17:00"),), weekdays=("monday:friday",)
)
"""The business hours of a file that names none."""


COUNTRY = r"^[A-Z]{2,3}$"


class Holidays(Model):
    country: Annotated[str, StringConstraints(pattern=COUNTRY)] | None = None
    """ISO 3166 code of the country whose public holidays count; left out: only `also`."""
    subdivision: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,40}$")] | None = None
    """Its state, as ISO 3166-2 has it after the country."""
    also: tuple[Date, ...] = ()
    """Dates that are holidays here."""
    except_: Annotated[tuple[Date, ...], Field(alias="except")] = ()
    """Dates that are none here."""
