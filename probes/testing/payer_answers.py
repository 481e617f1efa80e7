"""What a simulated clearinghouse and the payer behind it answer in X12: 271, 277, 999, TA1.

Written by hand here, not by what reads them. The canaries stand wherever an answer has room for a
person: names, birth dates, member numbers, addresses, messages.
"""

from __future__ import annotations

from dataclasses import dataclass

LOOPS = ("2000A", "2100A", "2100B", "2100C", "2100D")


@dataclass(frozen=True)
class Heard:
    """Of the question: what an answer refers to."""

    control: str
    group: str
    function: str
    number: str
    """270 or 276."""
    token: str
    npi: str
    member: str
    usage: str


def hear(payload: str) -> Heard:
    """ValueError or IndexError where it is no question."""
    lines = [line.split("*") for line in payload.split("~") if line]
    by_name = {line[0]: line for line in lines}
    names = {line[1]: line for line in lines if line[0] == "NM1"}
    if lines[0][0] != "ISA" or len(payload.split("~", maxsplit=1)[0]) != 105:
        raise ValueError("no ISA")
    return Heard(
        control=lines[0][13],
        group=by_name["GS"][6],
        function=by_name["GS"][1],
        number=by_name["ST"][1],
        token=by_name["TRN"][2],
        npi=names["1P"][9],
        member=names["IL"][9],
        usage=lines[0][15],
    )


class Answers:
    """Answers to one question; `text` is what is planted in them."""

    def __init__(self, heard: Heard, text: str) -> None:
        self._heard = heard
        # Whatever is planted must not delimit.
        self._text = "".join(" " if one in "*~^:" else one for one in text)

    def eligibility(self, aaa: tuple[str, str] | None = None, token: str | None = None) -> str:
        """`aaa`: loop and the elements of an AAA there, such as `Y**42*R`; without, benefits."""
        loop, elements = aaa or ("", "")
        rejected = [f"AAA*{elements}"]
        trace = self._heard.token if token is None else token
        lines = [f"BHT*0022*11*{trace}*20260101*1201", "HL*1**20*1"]
        if loop == "2000A":
            return self._whole("HB", "271", "005010X279A1", [*lines, *rejected])
        lines.append(f"NM1*PR*2*{self._text}*****PI*99999")
        if loop == "2100A":
            return self._whole("HB", "271", "005010X279A1", [*lines, *rejected])
        lines += ["HL*2*1*21*1", f"NM1*1P*2*{self._text}*****XX*1999999984"]
        if loop == "2100B":
            return self._whole("HB", "271", "005010X279A1", [*lines, *rejected])
        lines += ["HL*3*2*22*1" if loop == "2100D" else "HL*3*2*22*0"]
        lines += [f"TRN*2*{trace}*9WARDWATCH", "TRN*1*PAYERTRACE*9PAYERTEST0", *self._person("IL")]
        if loop == "2100D":
            lines += ["HL*4*3*23*0", *self._person("03")]
        if aaa is not None:
            lines += rejected
        else:
            lines += [
                *("DTP*346*D8*20260101", "EB*1**30", "EB*C*IND*30***23*500"),
                f"MSG*{self._text}",
            ]
        return self._whole("HB", "271", "005010X279A1", lines)

    def status(self, stc: tuple[str, ...], token: str | None = None) -> str:
        """`stc`: the elements of each STC, such as `F1:65*20260101`."""
        trace = self._heard.token if token is None else token
        lines = [
            *(f"BHT*0010*08*{trace}*20260101*1201*DG", "HL*1**20*1"),
            f"NM1*PR*2*{self._text}*****PI*99999",
            *("HL*2*1*21*1", "NM1*41*2*ZZTEST CLINIC*****46*UPTIMEMON"),
            *("HL*3*2*19*1", "NM1*1P*2*ZZTEST CLINIC*****XX*1999999984"),
            *("HL*4*3*22*0", f"NM1*IL*1*{self._text}*{self._text}****MI*{self._text}"),
            f"TRN*2*{trace}",
        ]
        lines += [f"STC*{one}" for one in stc]
        lines += [f"REF*1K*{self._text}", "DTP*472*D8*20260101"]
        return self._whole("HN", "277", "005010X212", lines)

    def implementation(self, outcome: str, control: str | None = None) -> str:
        """A 999 with that IK5 and AK9, on the group with that GS06."""
        heard = self._heard
        lines = [
            f"AK1*{heard.function}*{control or int(heard.group)}*005010X279A1",
            f"AK2*{heard.number}*0001*005010X279A1",
            *([] if outcome in "AE" else ["IK3*NM1*8**8", f"IK4*9*67*I9*{self._text}"]),
            f"IK5*{outcome}" + ("" if outcome in "AE" else "*I5"),
            f"AK9*{outcome}*1*1*{int(outcome in 'AE')}",
        ]
        return self._whole("FA", "999", "005010X231A1", lines)

    def interchange(self, code: str, note: str, control: str | None = None) -> str:
        """A TA1 alone."""
        line = f"TA1*{control or self._heard.control}*260101*1200*{code}*{note}~"
        return f"{self._isa()}{line}IEA*0*000000077~"

    def _person(self, who: str) -> list[str]:
        return [
            f"NM1*{who}*1*{self._text}*{self._text}****MI*{self._text}",
            f"REF*SY*{self._text}",
            f"N3*{self._text}",
            f"DMG*D8*{self._text}*F",
        ]

    def _isa(self) -> str:
        return (
            f"ISA*00*{'':10}*00*{'':10}*ZZ*{'PAYERTEST':15}*ZZ*{'UPTIMEMON':15}"
            f"*260101*1201*^*00501*000000077*0*{self._heard.usage}*:~"
        )

    def _whole(self, function: str, number: str, guide: str, lines: list[str]) -> str:
        return (
            f"{self._isa()}GS*{function}*PAYERTEST*UPTIMEMON*20260101*1201*77*X*{guide}~"
            f"ST*{number}*0001*{guide}~"
            + "".join(f"{line}~" for line in lines)
            + f"SE*{len(lines) + 2}*0001~GE*1*77~IEA*1*000000077~"
        )
