"""The `spec` of a check of kind `claim_chain` (`kinds/claim_chain.md`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from probes.claims import Stage, Terms
from probes.config_words import Id, Model, PositiveDuration
from probes.sftp_spec import FolderPath, Patterns, SftpAccess, matcher


class Source(Model):
    """Where files are seen: `folder` of the SFTP server, or `check`, the heartbeat of a job."""

    folder: FolderPath | None = None
    match: Patterns = ("*",)
    check: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.folder is None) is (self.check is None):
            raise ValueError("write folder or check, one of both: files, or the pings of a job")
        if self.check is not None and "match" in self.model_fields_set:
            raise ValueError("match is that of folder")
        return self

    @property
    def matches(self) -> re.Pattern[str]:
        return matcher(self.match)


class Due(Source):
    within: PositiveDuration


def _stage(value: str) -> str:
    if value not in set(Stage):
        raise ValueError(f"there are {', '.join(Stage)}")
    return value


class ClaimChainSpec(Model):
    """Durations in milliseconds once loaded. Without `sftp` it goes by pings."""

    sftp: SftpAccess | None = None
    sent: Source
    answers: Annotated[Mapping[Annotated[str, AfterValidator(_stage)], Due], Field(min_length=1)]
    expect_every: PositiveDuration | None = None

    @model_validator(mode="after")
    def _agreed(self) -> Self:
        for name, source in {"sent": self.sent, **self.answers}.items():
            if self.sftp is None and source.check is None:
                raise ValueError(f"{name} is a folder: say under sftp on which server")
            if self.sftp is not None and source.check is not None:
                raise ValueError(f"{name} is a heartbeat: leave sftp out, or name a folder")
        for (early, one), (late, other) in pairwise(self.in_order.items()):
            if one.within > other.within:
                raise ValueError(
                    f"within of {late} is shorter than that of {early}: all count from the 837"
                )
        sources = [self.sent, *self.answers.values()]
        places = [(one.check, one.folder, one.match) for one in sources]
        if len(set(places)) < len(places):
            raise ValueError("two stages name the same place")
        return self

    @property
    def in_order(self) -> Mapping[Stage, Due]:
        return {stage: self.answers[stage] for stage in Stage if stage in self.answers}

    @property
    def terms(self) -> Terms:
        within = {stage: due.within for stage, due in self.in_order.items()}
        return Terms(within, self.expect_every)
