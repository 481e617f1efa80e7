"""What the simulated HL7 listener answers, built by hand so that it can misbehave.

Every answer carries the canaries: in MSA-3, ERR-8, a segment of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

START, END = b"\x0b", b"\x1c\x0d"
# fault: MSA-1, ERR-3
CODES = {
    "ae": ("AE", 101),
    "ar": ("AR", 202),
    "ae_206": ("AE", 206),
    "ar_207": ("AR", 207),
    "ce": ("CE", 207),
    "internal": ("AE", 207),
}


class Message:
    """The fields a listener looks at; anything absent is empty."""

    def __init__(self, text: str) -> None:
        lines = [line.split("|") for line in text.split("\r") if line]
        self._segments = {line[0]: line for line in reversed(lines)}
        self.header = lines[0] + [""] * 20

    @property
    def control_id(self) -> str:
        return self.header[9]

    @property
    def type(self) -> str:
        return "^".join(self.header[8].split("^")[:2])

    def value(self, segment: str, number: int) -> str:
        fields = self._segments.get(segment, [])
        return fields[number] if number < len(fields) else ""

    @property
    def thing(self) -> str:
        """What a pair of messages makes and takes back."""
        return self.value("PV1", 19) or self.value("SCH", 1) or self.value("ORC", 2)

    @property
    def takes_back(self) -> bool:
        return self.type in ("ADT^A11", "SIU^S15") or self.value("ORC", 1) == "CA"

    @property
    def patient(self) -> str:
        """Of a query: the id it asks for."""
        asked = self.value("QPD", 3).split("~")[0]
        return asked.partition("^")[2]


class Answers:
    """`text` stands for whatever a real answer says of a patient."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._count = 0

    def framed(self, segments: Sequence[str]) -> bytes:
        return START + ("\r".join(segments) + "\r").encode() + END

    def ack(self, message: Message, code: str, error: int | None = None) -> bytes:
        """An acknowledgement with MSA-1 and, where there is one, ERR-3."""
        segments = [self._header(message, "ACK^A08^ACK"), self._msa(message.control_id, code)]
        if error is not None:
            text = self.text
            segments.append(f"ERR||PID^1^3|{error}^{text}^HL70357|E|||{text}|{text}")
        return self.framed([*segments, f"ZPD|1|{self.text}"])

    def found(self, message: Message, status: str, patient: str) -> bytes:
        """An answer to a query: QAK-2, and a patient where there is one."""
        tag = message.value("QPD", 2)
        segments = [
            self._header(message, "RSP^K22^RSP_K21"),
            self._msa(message.control_id, "AA"),
            f"QAK|{tag}|{status}",
            f"QPD|Q22^Find Candidates^HL70471|{tag}",
        ]
        if patient:
            segments.append(f"PID|1||{patient}^^^TEST^MR||{self.text}")
        return self.framed([*segments, f"ZPD|1|{self.text}"])

    def no_ack(self) -> bytes:
        return self.framed(["MSH|^~\\&|ENGINE|", f"PID|1||{self.text}"])

    def earlier(self, message: Message) -> bytes:
        """The late answer to a message of somebody else."""
        told = self._msa("WWEARLIER00000000000", "AA")
        return self.framed([self._header(message, "ACK^A08^ACK"), told, f"ZPD|1|{self.text}"])

    def _header(self, message: Message, kind: str) -> str:
        self._count += 1
        header = message.header
        ours, theirs = "|".join(header[4:6]), "|".join(header[2:4])
        told = f"{kind}|ACK{self._count:06d}|{header[10]}|{header[11]}"
        return f"MSH|^~\\&|{ours}|{theirs}|20260101000000+0000||{told}"

    def _msa(self, control_id: str, code: str) -> str:
        return f"MSA|{code}|{control_id}|{self.text}"
