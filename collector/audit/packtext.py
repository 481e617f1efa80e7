"""README.txt of the audit pack, in plain words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from collector.audit.population import Span
from probes.times import rfc3339

_HEAD = """\
AUDIT PACK

Organization: {org}
Range:        from {start} up to {end}, which is not in it
              (what was recorded in it, by the collector's clock, in UTC; a row whose time is
              earlier than that of a row before it counts as recorded when that one was)

What is in here

"""
_TAIL = """\

  index.json       of each population: what was asked, how many rows there are, SHA-256 of the
                   file, and which rows of the journal it is made of
  controls.csv     which population is evidence for which control, by topic, in our words
  populations/     every population whole, one CSV file each
  samples/         of each population the rows that were drawn

How the files are written

  CSV as in RFC 4180, in UTF-8, every cell in quotes. Times are UTC. Where a cell would begin like a
  formula (= + - @, a tab or a line end) or with an apostrophe, an apostrophe stands before it: take
  one off to have the text. Names are those of the operator's file. Nothing that anybody typed about
  an incident is in here, only how many notes there are.

How the sample was drawn

  The rank of a row is the SHA-256 of the seed, a line feed, the name of the population, a line feed
  and the row's first cell (without the apostrophe), in UTF-8. The rows with the lowest ranks are the
  sample. With the same seed anybody draws the same rows; with another seed others.

How to check that a population is whole

  Every fact is one row of the journal, whose ids are 1, 2, 3 and so on without a hole, and a row is
  never changed or removed by the collector. index.json names the ids a population is made of. Read
  the same rows with `wardwatch audit export`, count those of the kinds that "query" names, and
  compare. SHA-256 of "query" as canonical JSON (RFC 8785) is "query_sha256": packs with the same
  hash asked the same question.

How to check that no row was changed

  Every row is an entry of the audit log, an append-only Merkle tree (RFC 6962), at the index that is
  its id; entry 0 begins the log. "journal" of index.json names the range of entries a population is
  made of, "audit_log" the tree of all rows up to the end of the range: origin, number of entries,
  root, and the first signed checkpoint that covers it. `wardwatch log proof --log audit --row ID`
  fetches the proof of a row. null stands where not all of these rows are entries yet, or nothing is
  signed.

What this does not show

  Systems that nobody ever wrote into the operator's file; whether anybody reviewed what was read
  out; drills that nobody recorded, and more of one than whether it passed; and what was done to the
  database by other means than the collector, as far as no checkpoint of the audit log shows it.
"""


def readme(org: str, span: Span, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """`entries` as in `index.json`."""
    width = max(len(entry["name"]) for entry in entries) + 4
    listed = "".join(
        fill(
            f"{entry['count']} rows. {entry['about']}",
            width=99,
            initial_indent=f"  {entry['name']:<{width}}",
            subsequent_indent=" " * (width + 2),
        )
        + "\n"
        for entry in entries
    )
    head = _HEAD.format(org=org, start=rfc3339(span.start), end=rfc3339(span.end))
    return (head + listed + _TAIL).encode()
