"""Who is on duty when, what staffing lacks, and overrides that people make."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from collector import acts, staffing
from collector.access.policy import Permission
from collector.api.once import act
from collector.api.problems import BadRequestError
from collector.api.reading import At
from collector.api.routes import Call, Nothing, get, post
from collector.core import overrides
from collector.core.acting import RefusedActError
from collector.core.roster_document import OverrideShown, Rota, overridden
from collector.journal import Fact
from probes import times
from probes.acts import RotaOverride, Signed
from probes.config_words import Id, Model, Ref
from probes.config_words import Instant as WrittenInstant
from probes.history import History

DAY_MS = 86_400_000
AHEAD_DAYS = staffing.AHEAD_DAYS
LONGEST_DAYS = 400


class Between(Model):
    from_: Annotated[At | None, Field(alias="from")] = None
    to: At | None = None


class OverrideWanted(Model):
    """Times without offset are in the schedule's zone. It counts from when it is recorded."""

    schedule: Id
    start: WrittenInstant
    end: WrittenInstant
    contact: Id
    ref: Ref | None = None


class OverrideCancelling(Model):
    ref: Ref | None = None


async def read_rota(call: Call[Between, Nothing]) -> Rota:
    """Who is on duty, and where staffing lacks somebody: from now on, 14 days."""
    parts, asked = call.parts, call.query
    start = parts.now() if asked.from_ is None else parts.config.ms(asked.from_)
    end = start + AHEAD_DAYS * DAY_MS if asked.to is None else parts.config.ms(asked.to)
    if not start < end <= start + LONGEST_DAYS * DAY_MS:
        raise BadRequestError("to", f"later than from, by at most {LONGEST_DAYS} days")
    return await parts.numbers.rotas.of(start, end)


async def make_override(call: Call[Nothing, OverrideWanted]) -> OverrideShown:
    """Put a contact on duty in a schedule for a time, whatever its layers say."""
    said, who = call.body, call.who.account

    def decide(history: History, at: int) -> list[Fact]:
        schedule = history.latest.on_call.get(said.schedule)
        zone = history.latest.organization.zone
        place = zone if schedule is None else schedule.zone(zone)
        one = RotaOverride(
            0,  # the journal gives the number
            said.schedule,
            said.contact,
            times.to_ms(said.start, place),
            times.to_ms(said.end, place),
            Signed(who, at, said.ref),
        )
        return [acts.fact_of_override(overrides.make(history, one))]

    return await act(call, decide, lambda history: overridden(history.overrides[-1]))


async def cancel_override(call: Call[Nothing, OverrideCancelling]) -> OverrideShown:
    """End an override that was made here, from now on; its layers count again."""
    written, who, ref = call.path["id"], call.who.account, call.body.ref
    if not (written.isascii() and written.isdigit() and len(written) <= 15):
        raise RefusedActError("override.unknown", written[:20])
    number = int(written)

    def decide(history: History, at: int) -> list[Fact]:
        signed = overrides.cancel(history, number, Signed(who, at, ref))
        return [acts.fact_of_cancelled_override(number, signed)]

    return await act(
        call,
        decide,
        lambda history: overridden(next(o for o in history.overrides if o.id == number)),
    )


P, BASE = Permission, "/api/v1/rota"
ROUTES = (
    get(BASE, P.ROTA_READ, read_rota, Rota, Between),
    post(f"{BASE}/overrides", P.ROTA_OVERRIDE, make_override, OverrideShown, OverrideWanted),
    post(
        f"{BASE}/overrides/{{id}}/cancel",
        P.ROTA_OVERRIDE,
        cancel_override,
        OverrideShown,
        OverrideCancelling,
    ),
)
