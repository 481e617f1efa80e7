"""How long somebody may take to answer, as it is written."""

from __future__ import annotations

import pytest

from probes.amounts import Amount, Unit, normal, parse, text


@pytest.mark.parametrize(
    ("written", "amount", "canonical"),
    [
        ("2h", Amount(Unit.MS, 7_200_000), "2h"),
        ("90m", Amount(Unit.MS, 5_400_000), "1h30m"),
        ("3650d", Amount(Unit.MS, 315_360_000_000), "3650d"),
        ("8bh", Amount(Unit.HOURS, 8), "8bh"),
        ("08bh", Amount(Unit.HOURS, 8), "8bh"),
        ("1bd", Amount(Unit.DAYS, 1), "1bd"),
        ("1000bd", Amount(Unit.DAYS, 1000), "1000bd"),
    ],
)
def test_an_amount_has_one_text(written: str, amount: Amount, canonical: str) -> None:
    assert parse(written) == amount
    assert text(amount) == normal(written) == canonical
    assert parse(canonical) == amount


@pytest.mark.parametrize(
    "written", ["", "2", "bh", "1.5bh", "1bd2h", "1bd1bh", "-1bd", "1 bd", "1BD"]
)
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"^write a duration, such as 4h, or business hours"):
        parse(written)


@pytest.mark.parametrize("written", ["0s", "0bh", "0bd"])
def test_an_amount_is_above_nothing(written: str) -> None:
    with pytest.raises(ValueError, match="lies above 0"):
        parse(written)


@pytest.mark.parametrize("written", ["3651d", "1001bh", "1001bd"])
def test_an_amount_has_a_limit(written: str) -> None:
    with pytest.raises(ValueError, match="at most 3650d, 1000bh or 1000bd"):
        parse(written)
