"""What we write in X12 as `pyx12` reads it: envelope, counts and control numbers are clean."""

from __future__ import annotations

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyx12.x12file import X12Reader

from probes.testing.payer_answers import LOOPS, Answers, hear
from probes.wire.x12 import element, read
from probes.wire.x12_question import (
    Asks,
    Claim,
    Envelope,
    Member,
    Numbers,
    Party,
    Payer,
    Provider,
    Question,
    luhn,
    numbers,
    write,
)

AT_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z
ENVELOPE = Envelope(Party("ZZ", "UPTIMEMON"), Party("ZZ", "PAYERTEST", "PAYER"))
WORDS = st.text("ABCXYZ0189 .-'&", min_size=1, max_size=30).map(str.strip).filter(bool)


def question(asks: Asks = Asks.ELIGIBILITY, *, production: bool = False) -> Question:
    return Question(
        asks,
        Payer("99999", "TESTPAYER"),
        Provider("1999999984", "ZZTEST CLINIC"),
        Member("ZZUP0001", "ZZTEST", "UPTIME", date(1980, 1, 1)),
        claim=None if asks is Asks.ELIGIBILITY else Claim(date(2026, 1, 5), "100", "ZZCLAIM1"),
        production=production,
    )


def faults(text: str) -> list[object]:
    """What pyx12 finds wrong, and each of its segments read."""
    reader = X12Reader(io.StringIO(text))
    found: list[object] = []
    for _segment in reader:
        found += reader.pop_errors()
    reader.cleanup()
    return found + list(reader.pop_errors())


@pytest.mark.parametrize("asks", Asks)
def test_pyx12_finds_nothing_wrong_with_what_we_ask(asks: Asks) -> None:
    text = write(question(asks), numbers(AT_MS, 1), ENVELOPE).decode()
    assert faults(text) == []
    broken = text.replace("~SE*", "~SE*9")
    assert faults(broken) != []


@given(WORDS, WORDS, WORDS, WORDS, st.integers(0, 2**42), st.integers(0, 2**128 - 1))
def test_whatever_is_asked_its_envelope_is_clean_and_isa_has_106_bytes(
    payer: str, clinic: str, last: str, number: str, at_ms: int, chance: int
) -> None:
    run = numbers(at_ms, chance)
    asked = Question(
        Asks.CLAIM_STATUS,
        Payer("99999", payer),
        Provider("1999999984", clinic),
        Member(number, last, "UPTIME", date(1980, 1, 1)),
        claim=Claim(date(2026, 1, 5)),
        production=chance % 2 == 1,
    )
    data = write(asked, run, ENVELOPE)
    assert faults(data.decode()) == []
    assert data[105:106] == b"~"
    assert data[106:109] == b"GS*"
    (one,) = read(data)
    assert (one.control, one.usage) == (f"{run.control:09d}", "P" if chance % 2 else "T")
    assert 1 <= run.control <= 999_999_999
    (group,) = one.groups
    assert (group.control, group.guide) == (str(run.control), "005010X212")
    segments = {segment[0]: segment for segment in group.transactions[0].segments}
    assert element(segments["TRN"], 2) == element(segments["BHT"], 3) == run.token


def test_the_270_reads_as_its_guide_says() -> None:
    run = Numbers(7, "WW7K3M9QX2TA", numbers(AT_MS, 1).request_id, AT_MS)
    text = write(question(), run, ENVELOPE).decode()
    assert text.split("~") == [
        f"ISA*00*{'':10}*00*{'':10}*ZZ*UPTIMEMON      *ZZ*PAYERTEST      *260101*0000*^*00501*000000007*0*T*:",
        "GS*HS*UPTIMEMON*PAYER*20260101*0000*7*X*005010X279A1",
        "ST*270*0001*005010X279A1",
        "BHT*0022*13*WW7K3M9QX2TA*20260101*0000",
        "HL*1**20*1",
        "NM1*PR*2*TESTPAYER*****PI*99999",
        "HL*2*1*21*1",
        "NM1*1P*2*ZZTEST CLINIC*****XX*1999999984",
        "HL*3*2*22*0",
        "TRN*1*WW7K3M9QX2TA*9WARDWATCH",
        "NM1*IL*1*ZZTEST*UPTIME****MI*ZZUP0001",
        "DMG*D8*19800101",
        "DTP*291*D8*20260101",
        "EQ*30",
        "SE*13*0001",
        "GE*1*7",
        "IEA*1*000000007",
        "",
    ]


def test_the_276_reads_as_its_guide_says() -> None:
    run = Numbers(7, "WW7K3M9QX2TA", numbers(AT_MS, 1).request_id, AT_MS)
    text = write(question(Asks.CLAIM_STATUS, production=True), run, ENVELOPE).decode()
    assert text[:106].endswith("*0*P*:~")
    assert text[106:].split("~") == [
        "GS*HR*UPTIMEMON*PAYER*20260101*0000*7*X*005010X212",
        "ST*276*0001*005010X212",
        "BHT*0010*13*WW7K3M9QX2TA*20260101*0000",
        "HL*1**20*1",
        "NM1*PR*2*TESTPAYER*****PI*99999",
        "HL*2*1*21*1",
        "NM1*41*2*ZZTEST CLINIC*****46*UPTIMEMON",
        "HL*3*2*19*1",
        "NM1*1P*2*ZZTEST CLINIC*****XX*1999999984",
        "HL*4*3*22*0",
        "DMG*D8*19800101",
        "NM1*IL*1*ZZTEST*UPTIME****MI*ZZUP0001",
        "TRN*1*WW7K3M9QX2TA",
        "REF*1K*ZZCLAIM1",
        "AMT*T3*100",
        "DTP*472*D8*20260105",
        "SE*16*0001",
        "GE*1*7",
        "IEA*1*000000007",
        "",
    ]


def test_every_day_that_is_written_has_begun_everywhere() -> None:
    evening_in_hawaii_ms = AT_MS - 10 * 3_600_000  # 2026-01-01T02:00Z: there it is still December
    text = write(question(), numbers(evening_in_hawaii_ms, 1), ENVELOPE).decode()
    assert "~DTP*291*D8*20251231~" in text
    assert "*251231*1400*^*00501*" in text
    assert text.count("*20251231*1400") == 2  # GS04 and GS05, BHT04 and BHT05
    assert "2026" not in text


def test_control_numbers_of_one_agent_come_again_after_115_days_at_the_earliest() -> None:
    day_ms = 86_400_000
    seen = {numbers(AT_MS + tick * 100, tick * 7).control for tick in range(10_000)}
    assert len(seen) == 10_000
    first = numbers(AT_MS, 3).control
    assert numbers(AT_MS + 115 * day_ms, 3).control != first
    assert numbers(AT_MS + 10_000_000_000, 3).control == first
    assert numbers(0, 0).control == 1


@pytest.mark.parametrize(
    ("npi", "digit"), [("1999999984", 4), ("1234567893", 3), ("1999999983", 4)]
)
def test_the_check_digit_of_an_npi_is_that_of_luhn_with_80840(npi: str, digit: int) -> None:
    assert luhn(npi) == digit


@given(st.integers(10**8, 10**9 - 1), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(nine: int, place: int, change: int) -> None:
    text = str(nine)
    other = text[:place] + str((int(text[place]) + change) % 10) + text[place + 1 :]
    assert luhn(text) != luhn(other)


@pytest.mark.parametrize("loop", [None, *LOOPS])
def test_pyx12_finds_nothing_wrong_with_what_the_simulator_answers(loop: str | None) -> None:
    heard = hear(write(question(), numbers(AT_MS, 1), ENVELOPE).decode())
    answers = Answers(heard, "ZZQUILL")
    aaa = None if loop is None else (loop, "Y**42*R")
    assert faults(answers.eligibility(aaa)) == []
    assert faults(answers.status(("F1:65*20260101",))) == []
    assert faults(answers.implementation("R")) == []
    assert faults(answers.interchange("R", "006")) == []
