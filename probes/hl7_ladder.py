"""The messages a check of kind `hl7` may send, from the least to the most that they touch.

Values and rules only: which types a message has, what a right answer is, and what must be agreed and
written before it is sent. `hl7_messages/` holds the text of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probes.wire.hl7 import field, split
from probes.wire.hl7_judge import Expect

MINUTE_MS = 60_000
_PATIENT = ("patient", "processing_id")
_THING = (*_PATIENT, "identifier")
OWN = "own"


@dataclass(frozen=True, slots=True)
class Rung:
    """`types` and `undo_types` are MSH-9.1^MSH-9.2. `thing` is the field that names what the pair
    makes and takes back. `newest` and `oldest` versions of HL7 that have the shipped text.
    """

    types: frozenset[str] = frozenset()
    undo_types: frozenset[str] = frozenset()
    thing: str | None = None
    expect: Expect = Expect.ACCEPTED
    needs: tuple[str, ...] = ("processing_id",)
    writes: bool = False
    opt_in: bool = False
    charges: bool = False
    least_every_ms: int = 0
    oldest: str = "2.3.1"
    newest: str = "2.8.2"

    @property
    def is_pair(self) -> bool:
        return self.thing is not None


def _pair(
    types: frozenset[str], undo_types: frozenset[str], thing: str, oldest: str = "2.3.1"
) -> Rung:
    return Rung(
        types,
        undo_types,
        thing,
        needs=_THING,
        writes=True,
        opt_in=True,
        least_every_ms=5 * MINUTE_MS,
        oldest=oldest,
        newest="2.6",
    )


_ORDERS = frozenset({"ORM^O01", "OMG^O19"})
RUNGS: dict[str, Rung] = {
    "connect": Rung(needs=()),
    "bad_type": Rung(expect=Expect.REJECTED),
    "nmq": Rung(frozenset({"NMQ^N01", "NMD^N02"}), newest="2.6"),
    "query": Rung(
        frozenset({"QBP^Q21", "QBP^Q22"}), expect=Expect.FOUND, needs=_PATIENT, oldest="2.4"
    ),
    "adt_a08": Rung(frozenset({"ADT^A08", "ADT^A31"}), needs=_PATIENT, writes=True),
    "visit": _pair(frozenset({"ADT^A04"}), frozenset({"ADT^A11"}), "PV1-19"),
    "schedule": _pair(frozenset({"SIU^S12"}), frozenset({"SIU^S15"}), "SCH-1"),
    "order": _pair(_ORDERS, _ORDERS, "ORC-2", oldest="2.4"),
    "charge": Rung(
        frozenset({"DFT^P03"}),
        needs=_THING,
        writes=True,
        opt_in=True,
        charges=True,
        least_every_ms=60 * MINUTE_MS,
        newest="2.6",
    ),
    OWN: Rung(needs=(), writes=True, opt_in=True),
}
_KNOWN = frozenset(name for rung in RUNGS.values() for name in rung.types | rung.undo_types)
# Admissions and discharges and what takes them back, transfers, absences, swaps, merges, links,
# deletions, and moves between patients and accounts.
_NEVER = frozenset(
    f"ADT^A{event:02}"
    for event in (*range(1, 4), 6, 7, 12, 13, 17, 18, *range(21, 25), 29, 30, *range(34, 54))
)
_MONEY = frozenset({"BAR", "DFT"})


def opt_in_problems(
    name: str, processing_id: str | None, *, allow_writes: bool, allow_charges: bool
) -> Iterator[str]:
    """Why a check may not send it; what would have to be agreed first."""
    rung = RUNGS[name]
    if rung.opt_in and not allow_writes:
        yield (
            f"message: {name} writes to the far side: once its owner agreed on what a run leaves "
            "behind, say allow_writes: true"
        )
    elif rung.writes and processing_id not in (None, "T", "D") and not allow_writes:
        which = "P changes" if processing_id == "P" else "neither T nor D may change"
        yield (
            f"message: {name} with processing id {which} production data: once its owner agreed, "
            "say allow_writes: true"
        )
    if rung.charges and not allow_charges:
        yield (
            f"message: {name} posts a charge: once finance agreed on a non-billable account, "
            "say allow_charges: true"
        )


def template_problems(
    name: str,
    texts: tuple[str, ...],
    *,
    asks: tuple[str, str],
    allow_writes: bool,
    allow_charges: bool,
) -> Iterator[str]:
    """What is wrong with messages an operator wrote, the first and for a pair its undoing; `asks`
    is what MSH-15 and MSH-16 must be. Places, never values.
    """
    rung = RUNGS[name]
    messages = [split(text) for text in texts]
    allowed = (rung.types, rung.undo_types)
    for what, message, types in zip(("template", "undo"), messages, allowed, strict=False):
        head = message[0]
        kind = "^".join(field(head, 9).split("^")[:2])
        yield from _type_problems(name, what, kind, types, allow_charges=allow_charges)
        if (field(head, 15), field(head, 16)) != asks:
            wanted = " and ".join(one or "empty" for one in asks)
            yield f"MSH-15 and MSH-16 of the {what} must be {wanted}, as ack says"
        yield from opt_in_problems(
            name,
            field(head, 11).partition("^")[0],
            allow_writes=allow_writes,
            allow_charges=allow_charges or not rung.charges,
        )
    if rung.thing is not None:
        yield from _pair_problems(name, rung.thing, messages)


def value(message: list[list[str]], place: str) -> str:
    """The first field there is at a place such as PV1-19; empty when there is none."""
    segment, _, number = place.partition("-")
    found = (field(one, int(number)) for one in message if one[0] == segment)
    return next(found, "")


def asked_patient(text: str) -> str | None:
    """The PID-3.1 a query asks for."""
    for one in value(split(text), "QPD-3").split("~"):
        name, _, wanted = one.partition("^")
        if name == "@PID.3.1":
            return wanted
    return None


def _type_problems(
    name: str, what: str, kind: str, types: frozenset[str], *, allow_charges: bool
) -> Iterator[str]:
    if name == OWN:
        if kind in _NEVER:
            yield f"MSH-9 of the {what} admits, discharges, moves, merges, links or deletes"
        elif kind in _KNOWN:
            rung = next(n for n, r in RUNGS.items() if kind in r.types | r.undo_types)
            yield f"MSH-9 of the {what} is that of another message: write message: {rung}"
        elif kind.partition("^")[0] in _MONEY and not allow_charges:
            yield from opt_in_problems("charge", None, allow_writes=True, allow_charges=False)
    elif name == "bad_type":
        if not kind.startswith("Z"):
            yield f"MSH-9 of the {what} must begin with Z: a type nobody knows"
    elif kind not in types:
        yield f"MSH-9 of the {what} must be {' or '.join(sorted(types))} for message: {name}"


def _pair_problems(name: str, thing: str, messages: list[list[list[str]]]) -> Iterator[str]:
    first, undo = (value(message, thing) for message in messages)
    if not first:
        yield f"{thing} of the template is empty: it names what is undone"
    elif first != undo:
        yield f"{thing} of undo must be that of the template: else something else is undone"
    if name == "order":
        codes = tuple(value(message, "ORC-1") for message in messages)
        if codes != ("NW", "CA"):
            yield "ORC-1 of the template must be NW, that of undo CA"
