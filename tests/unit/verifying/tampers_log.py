"""An insider writes the log anew, or parts of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from collector.bundle import layout, logfile
from collector.facts import canonical
from collector.verifying.failures import Failure
from probes.acts import ActKind
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import (
    Ledger,
    bundle,
    evidence,
)
from tests.unit.verifying.story import HOUR
from tests.unit.verifying.tampering import (
    NOTHING,
    Made,
    case,
    file_of,
    honest,
    insider,
    lines,
    members,
    resealed,
    unwitnessed,
)


@case("takes a batch out of the log and makes it anew", Failure.CHECKPOINT_QUORUM)
def _no_batch() -> Made:
    return insider(dropped(20)), NOTHING


@case(
    "takes a batch out of a log without witnesses: agents were shown the true one",
    Failure.BEACON_UNKNOWN,
)
def _no_batch_unseen() -> Made:
    told, bundled = unwitnessed()
    return insider(dropped(20), told=told, how=bundled, old_figures=False), NOTHING


@case("enters an approval earlier than it was given", Failure.CHECKPOINT_QUORUM)
def _backdated() -> Made:
    return insider(backdated), NOTHING


@case("takes a cancellation out of the log", Failure.CHECKPOINT_QUORUM)
def _no_cancellation_logged() -> Made:
    told = story.told(cancelled=True)
    evidence(told.ledger, story.how())
    gone = next(
        n
        for n, one in enumerate(told.ledger.logged)
        if one.row is not None and one.row.kind == "window.cancelled"
    )
    return insider(dropped(gone), told=told), NOTHING


@case("does not count a row that numbers depend on", Failure.LOG_STATE, "9")
def _miscounted() -> Made:
    told, bundled = unwitnessed()

    def change(ledger: Ledger) -> None:
        ledger.miscount = 9

    return insider(change, told=told, how=bundled), NOTHING


@case("cuts the log's entries short", Failure.LOG_LENGTH)
def _cut_entries() -> Made:
    found = members()
    found[layout.ENTRIES] = found[layout.ENTRIES][:-900]
    return resealed(found), NOTHING


@case("puts something else in the place of the range's start", Failure.LOG_MALFORMED)
def _no_range() -> Made:
    return resealed({**members(), layout.LOG_START: b"{}"}), NOTHING


@case("names another log at the range's start", Failure.LOG_ORIGIN, layout.LOG_START)
def _origin() -> Made:
    found = members()
    found[layout.LOG_START] = found[layout.LOG_START].replace(b"st-elsewhere", b"st-somewhere")
    return resealed(found), NOTHING


@case("leaves the last checkpoints out of the list", Failure.LOG_CHECKPOINTS)
def _no_last() -> Made:
    found = members()
    found[layout.CHECKPOINTS] = b"".join(lines(found[layout.CHECKPOINTS])[:-1])
    return resealed(found), NOTHING


@case("changes the tree before the range", Failure.LOG_ROOT, "size 6")
def _peaks() -> Made:
    found = members()
    said = json.loads(found[layout.LOG_START])
    said["peaks"] = said["peaks"][::-1]
    found[layout.LOG_START] = canonical(said)
    return resealed(found), NOTHING


@case("changes when a batch was received", Failure.LOG_ROOT)
def _received() -> Made:
    found = members()
    entries_of = [*logfile.read_entries(file_of(found[layout.ENTRIES]))]
    entries_of[14] = entries_of[14].replace(b"60000 ", b"60001 ", 1)
    found[layout.ENTRIES] = b"".join(map(logfile.frame, entries_of))
    return resealed(found), NOTHING


@case("puts something else in an entry's place", Failure.LOG_ENTRY)
def _no_entry() -> Made:
    found = members()
    entries_of = [*logfile.read_entries(file_of(found[layout.ENTRIES]))]
    entries_of[4] = b"nothing\n"
    found[layout.ENTRIES] = b"".join(map(logfile.frame, entries_of))
    return resealed(found), NOTHING


@case("lets the log begin with something else", Failure.LOG_START, "0")
def _no_start() -> Made:
    found = bundle(honest().ledger, replace(story.how(), first=0))
    entries_of = [*logfile.read_entries(file_of(found[layout.ENTRIES]))]
    found[layout.ENTRIES] = b"".join(map(logfile.frame, [entries_of[1], *entries_of[1:]]))
    return resealed(found), NOTHING


def dropped(place: int) -> Callable[[Ledger], None]:
    """The entry behind so many others is no longer there, and the log was published all the same."""

    def change(ledger: Ledger) -> None:
        del ledger.logged[place]
        ledger.published = {size - (size > place + 1): at for size, at in ledger.published.items()}

    return change


def backdated(ledger: Ledger) -> None:
    """The approval is an hour earlier than it was."""
    for place, one in enumerate(ledger.logged):
        if one.row is not None and one.row.kind == ActKind.APPROVED:
            row = replace(one.row, at=one.at - HOUR // 2, recorded_at=one.at - HOUR // 2)
            ledger.logged[place] = replace(one, at=one.at - HOUR // 2, row=row)
