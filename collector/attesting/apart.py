"""The numbers of an attestation, made in a process of its own: a month of a large hospital is minutes
of the processor, which ingest and the pager would wait for.

`python -m collector.attesting.apart` is given the folder with the members and what is asked; it answers
with the derived fields as canonical bytes, behind a line with their fingerprint. Why there are none is
a line, too: a code of evidence that is refused, or the type of what failed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from collector import child
from collector.attesting.disk import OnDisk
from collector.attesting.fingerprint import fingerprint
from collector.bundle.derive import derive
from collector.bundle.evidence import Asked
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.opening import open_evidence
from collector.facts import canonical

NUMBERS, EVIDENCE, DISK, DEFECT = b"numbers", b"evidence", b"disk", b"defect"


class DerivingError(Exception):
    """A defect: the text is the type of the error there, which says nothing of what it was given."""


async def derived(members: Path, asked: Asked) -> tuple[dict[str, Any], bytes]:
    """The derived fields, and the fingerprint of what they say and are made of. BundleError and
    OSError as where they are made here; ChildError where the process was ended.
    """
    said = await child.answer("collector.attesting.apart", canonical(_written(members, asked)))
    head, _, rest = said.partition(b"\n")
    outcome, _, text = head.partition(b" ")
    if outcome == NUMBERS:
        return json.loads(rest), bytes.fromhex(text.decode())
    if outcome == EVIDENCE:
        raise BundleError(BundleFault(text.decode()))
    if outcome == DISK:
        raise OSError
    raise DerivingError(text.decode())


def main() -> None:
    given = json.loads(child.given())
    asked = Asked(given["start"], given["end"], given["evidence_from"], given["operators"])
    sys.stdout.buffer.write(_made(Path(given["members"]), asked))


def _written(members: Path, asked: Asked) -> dict[str, Any]:
    return {
        "members": str(members),
        "start": asked.start,
        "end": asked.end,
        "evidence_from": asked.evidence_from,
        "operators": {**asked.operators},
    }


def _made(members: Path, asked: Asked) -> bytes:
    try:
        evidence = open_evidence(OnDisk(members))
        found = derive(evidence, asked)
        mark = fingerprint(evidence, asked, found)
    except BundleError as error:
        return b"%s %s\n" % (EVIDENCE, error.code.value.encode())
    except MemoryError:
        raise  # as where the host ends it
    except OSError:
        return b"%s\n" % DISK
    except Exception as error:  # noqa: BLE001 - told by its type; its text may hold anything
        return b"%s %s\n" % (DEFECT, type(error).__name__.encode())
    return b"%s %s\n%s" % (NUMBERS, mark.hex().encode(), canonical(found))


if __name__ == "__main__":
    main()
