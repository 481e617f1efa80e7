"""What a report is made of, whatever it is printed with. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """A term and what it is."""

    term: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """`numeric` are the places of columns to set flush right. `none` is said where there are no
    rows, `note` where not all of them are shown, or to explain the columns.
    """

    id: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    none: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    items: tuple[Item, ...] = ()
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """`x` and `width` in thousandths of the longest day of the strip."""

    state: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """A system's states, a row a day from its local midnight; `spans` says the same in words.

    `hours` since midnight, and where they stand.
    """

    id: str
    heading: str
    alternative: str
    hours: tuple[tuple[int, str], ...]
    days: tuple[Day, ...]
    spans: Table


@dataclass(frozen=True, slots=True)
class Page:
    """`answers` fit on one page for a few systems; `details` and `strips` follow."""

    title: str
    subtitle: str
    organization: str
    document: tuple[Item, ...]
    answers: tuple[Section, ...]
    details: tuple[Section, ...]
    strips: tuple[Strip, ...]
    foot: str
    computed_at: int
