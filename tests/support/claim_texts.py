"""837s and their answers as bytes, made up: whoever is named in them is a canary."""

from __future__ import annotations


def _envelope(number: int, function: str, group: int, sets: str, notes: str = "") -> bytes:
    isa = (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'HOSP':<15}*ZZ*{'PAYER':<15}"
        f"*260101*1200*^*00501*{number:09d}*0*T*:~"
    )
    one = f"GS*{function}*HOSP*PAYER*20260101*1200*{group}*X*005010X222A1~{sets}GE*1*{group}~"
    return f"{isa}{notes}{one if sets else ''}IEA*{int(bool(sets))}*{number:09d}~".encode()


def claim(number: int, name: str = "ZZTEST", more: str = "") -> bytes:
    """An 837: interchange and group have this number, BHT03 is `B` and the number."""
    body = (
        "ST*837*0001*005010X222A1~"
        f"BHT*0019*00*B{number}*20260101*1200*CH~NM1*41*2*ZZHOSP*****46*1~HL*1**20*1~"
        f"NM1*IL*1*{name}*UPTIME****MI*ZZ1~CLM*{name}-1*100***11:B:1*Y*A*Y*Y~{more}SE*7*0001~"
    )
    return _envelope(number, "HC", number, body)


def ta1(number: int, verdict: str) -> bytes:
    note = f"TA1*{number:09d}*260101*1200*{verdict}*{'000' if verdict == 'A' else '006'}~"
    return _envelope(900_000 + number, "", 0, "", note)


def ack_999(number: int, verdict: str = "A", inner: str = "A") -> bytes:
    body = (
        "ST*999*0001*005010X231A1~"
        f"AK1*HC*{number}*005010X222A1~AK2*837*0001*005010X222A1~IK5*{inner}~"
        f"AK9*{verdict}*1*1*1~SE*6*0001~"
    )
    return _envelope(910_000 + number, "FA", 1, body)


def accepted_277ca(number: int, status: str = "A1:19:PR", claim_status: str = "A2:20:PR") -> bytes:
    """Of the submission; `claim_status` is that of its one claim, and no matter of the chain."""
    body = (
        "ST*277*0001*005010X214~BHT*0085*08*X1*20260102*0900*TH~"
        "HL*1**20*1~NM1*PR*2*PAYER*****PI*1~TRN*1*SOURCE1~"
        f"HL*2*1*21*1~NM1*41*2*ZZHOSP*****46*1~TRN*2*B{number}~STC*{status}*20260102*WQ*100~"
        "HL*3*2*19*1~NM1*85*2*ZZCLINIC*****XX*1999999984~TRN*1*0~STC*A1:19:PR**WQ*100~"
        f"HL*4*3*PT~NM1*QC*1*ZZTEST*UPTIME~TRN*2*B{number}~STC*{claim_status}*20260102*WQ*100~SE*16*0001~"
    )
    return _envelope(920_000 + number, "HN", 1, body)


def paid(name: str = "ZZTEST") -> bytes:
    body = (
        "ST*835*0001~BPR*I*100*C*ACH~TRN*1*CHECK1*1~"
        f"CLP*{name}-1*1*100*100~NM1*QC*1*{name}*UPTIME~SE*6*0001~"
    )
    return _envelope(930_001, "HP", 1, body)
