"""What a population of the audit pack is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from collector.audit.safecsv import Cell

Cells = tuple[Cell, ...]
"""One row; its first cell is the key, which no other row of the population has."""


@dataclass(frozen=True, slots=True)
class Population:
    """`about`: what one row is, and which there are. `kinds`: of the journal's rows it is made of;
    `from_beginning`: of all of them that were recorded before the range's end, else in the range.
    """

    name: str
    about: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    from_beginning: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """`[start, end)` in UTC ms."""

    start: int
    end: int
