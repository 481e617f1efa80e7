"""Windows and occurrences as requests and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from typing_extensions import TypedDict

from collector.api.reading import At, Truth, whole
from collector.api.shapes import Instant
from collector.core import preview
from collector.core.planned import Source
from collector.core.windows import Why
from probes.config_words import Model, Ref
from probes.windows import entry_schema

Entries = Annotated[
    tuple[Annotated[dict[str, Any], WithJsonSchema(entry_schema())], ...],
    Field(min_length=1, max_length=200),
]
"""Windows as the operator's file has them, without who said so."""


class Proposal(Model):
    """`replace`: a window proposed before gets new content, unapproved."""

    windows: Entries
    replace: Truth = False


class Draft(Model):
    windows: Entries


class WindowActing(Model):
    ref: Ref | None = None
    """Number of a change or ticket."""


class WindowApproval(WindowActing):
    """`digest` is of the content the approver has seen, as `preview` shows it."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Between(Model):
    from_: Annotated[At | None, Field(alias="from")] = None
    to: At | None = None


class Ahead(Model):
    next: Annotated[int, Field(ge=1, le=preview.MOST), BeforeValidator(whole)] = 5
    """How many occurrences."""
    from_: Annotated[At | None, Field(alias="from")] = None


class Content(TypedDict):
    """What an approval covers; local times as written."""

    id: str
    systems: list[str]
    start: str
    end: str
    timezone: str
    rrule: str | None
    exdate: list[str]
    expect_down: int | None


class Proposed(TypedDict):
    by: str
    at: Instant


class Approved(TypedDict):
    """`counts_from`: the later of the claimed and the recorded time."""

    by: str
    counts_from: Instant
    ref: str | None


class Window(Content):
    digest: str
    source: Source
    file: str | None
    place: str | None
    status: Literal["proposed", "approved", "cancelled"]
    proposed: Proposed
    approved: Approved | None
    cancelled: Proposed | None
    finished: list[Instant]


class Next(TypedDict):
    """`local`: start and end by zone."""

    start: Instant
    end: Instant
    real_minutes: int
    notes: list[str]
    local: dict[str, list[str]]


class Foreseen(Content):
    tzdata: str
    next: list[Next]


class WindowAhead(Window):
    tzdata: str
    next: list[Next]


class OfSystem(TypedDict):
    excludes: bool
    why: Why | None
    parts: list[list[Instant]]
    expect_down_ms: int | None


class Occurrence(TypedDict):
    id: str
    start: Instant
    end: Instant
    real_minutes: int
    systems: dict[str, OfSystem]


Maintenance = TypedDict(
    "Maintenance",
    {
        "as_of": Instant,
        "from": Instant,
        "to": Instant,
        "approval_basis": Literal["recorded"],
        "tzdata": str,
        "windows": list[Window],
        "occurrences": list[Occurrence],
    },
)


class Windows(TypedDict):
    windows: list[Window]


class Previews(TypedDict):
    windows: list[Foreseen]
