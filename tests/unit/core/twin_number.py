"""Numbers of the twin: U, D, K and E of a scope, and how the document prints them (section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo


def cut_off(value: Fraction | None) -> str | None:
    """Four decimals, never rounded."""
    if value is None:
        return None
    digits = f"{value.numerator * 10_000 // value.denominator:05d}"
    return f"{digits[:-4]}.{digits[-4:]}"


def share(part: int, whole: int) -> str | None:
    return cut_off(Fraction(100 * part, whole)) if whole else None


@dataclass(frozen=True)
class Number:
    """U, D, K of a scope, judged time outside windows, E of the whole period; milliseconds."""

    up: int = 0
    down: int = 0
    unknown: int = 0
    seen: int = 0
    whole: int = 0

    @property
    def eligible(self) -> int:
        return self.up + self.down + self.unknown

    def shown(self) -> dict[str, str | None]:
        known = self.up + self.down
        return {
            "known": share(self.up, known),
            "min": share(self.up, self.eligible) if known else None,
            "max": share(self.up + self.unknown, self.eligible) if known else None,
            "coverage": share(known, self.eligible),
        }

    def verdict(self, target: str, *, finished: bool) -> str:
        wanted = Fraction(target) / 100
        if not finished:
            return "breached" if self.down > (1 - wanted) * self.whole else "open"
        if self.seen == 0:
            return "no_data"
        if Fraction(self.up, self.eligible) >= wanted:
            return "met"
        return (
            "breached"
            if Fraction(self.up + self.unknown, self.eligible) < wanted
            else "indeterminate"
        )

    @property
    def badness(self) -> Fraction:
        return Fraction(self.up, self.eligible) if self.eligible else Fraction(2)


def three(number: Number) -> dict[str, str | None]:
    return {key: number.shown()[key] for key in ("known", "min", "max")}


def month_ms(t: int, zone: ZoneInfo) -> int:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    here = (epoch + timedelta(milliseconds=t)).astimezone(zone)
    first = datetime(here.year, here.month, 1, tzinfo=zone)
    after = datetime(here.year + here.month // 12, here.month % 12 + 1, 1, tzinfo=zone)
    return (after.astimezone(UTC) - first.astimezone(UTC)) // timedelta(milliseconds=1)
