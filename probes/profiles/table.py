"""Every profile by name, and how one is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from probes import times
from probes.profiles import epic, generic, oracle, veradigm
from probes.profiles.profile import Profile, VendorCode

PROFILES: Mapping[str, Profile] = {
    one.name: one for one in (epic.PROFILE, generic.PROFILE, oracle.PROFILE, veradigm.PROFILE)
}
SIMULATED = "From published documents; tried against our own simulator only, not a vendor's server."


def known(name: str) -> str:
    """The name; ValueError for one that is none."""
    if name not in PROFILES:
        raise ValueError(f"write a profile: {', '.join(PROFILES)}")
    return name


def effect(code: VendorCode) -> str:
    return "none" if code.outcome is None else f"{code.outcome.value}, {code.reason.value}"


def budget_of(profile: Profile) -> str:
    if profile.budget is None:
        return "none"
    return f"{profile.budget.requests} requests per {times.duration_text(profile.budget.per_ms)}"


def told(profile: Profile) -> Iterator[str]:
    """Lines for people: what is assumed of the vendor's servers, and what to ask for."""
    yield f"{profile.name}: {profile.title}"
    yield SIMULATED
    yield f"Accept: {profile.accept}"
    yield f"Budget by default: {budget_of(profile)}"
    yield "What to ask for:"
    yield from (f"  - {line}" for line in profile.ask)
    yield "What is known:"
    yield from (f"  - {line}" for line in profile.quirks)
    if profile.codes:
        yield "Codes:"
        yield from (f"  {n:<6} {effect(c)}: {c.meaning}" for n, c in profile.codes.items())


def document(profile: Profile) -> dict[str, Any]:
    """The same for programs."""
    budget = profile.budget
    return {
        "name": profile.name,
        "title": profile.title,
        "basis": SIMULATED,
        "accept": profile.accept,
        "budget": None if budget is None else budget._asdict(),
        "ask": list(profile.ask),
        "quirks": list(profile.quirks),
        "codes": {
            number: {"effect": effect(code), "meaning": code.meaning}
            for number, code in profile.codes.items()
        },
    }


def markdown() -> str:
    """Every profile, for the documents."""
    parts: list[str] = []
    for one in PROFILES.values():
        parts.append(f"### `{one.name}`: {one.title}\n")
        parts.append(f"`Accept: {one.accept}`; budget by default: {budget_of(one)}.\n")
        parts.append("What to ask for:\n")
        parts.append("\n".join(f"- {line}" for line in one.ask) + "\n")
        parts.append("What is known:\n")
        parts.append("\n".join(f"- {line}" for line in one.quirks) + "\n")
        if one.codes:
            rows = [f"| {n} | {effect(c)} | {c.meaning} |" for n, c in one.codes.items()]
            parts.append("\n".join(["| code | effect | meaning |", "|---|---|---|", *rows]) + "\n")
    return "\n".join(parts).rstrip()
