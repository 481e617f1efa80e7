"""How a check reaches an SFTP server and which folders it judges (`kinds/sftp_drop.md`)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from fnmatch import translate
from functools import cached_property
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from probes.config_words import Duration, Model, PositiveDuration, SecretRef

PIN = "SHA256:"


def _fingerprint(value: str) -> str:
    """As `ssh-keygen -l` prints it: SHA256: and base64 of 32 bytes without padding."""
    words = "write it as ssh-keygen -l prints it: SHA256: and 43 letters, digits, + and /"
    if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", value):
        raise ValueError(words)
    digest = value.removeprefix(PIN)
    if b64encode(b64decode(digest + "=")).decode().rstrip("=") != digest:
        raise ValueError(words)
    return value


def _path(value: str) -> str:
    if not re.fullmatch(r"/[!-~ ]*", value):
        raise ValueError("write an absolute path in ASCII, such as /outbound")
    if ".." in value.split("/"):
        raise ValueError("write a folder's path without ..")
    return value.rstrip("/") or "/"


def _unlike(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) < len(value):
        raise ValueError("one is written twice")
    return value


Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
User = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
FolderPath = Annotated[str, StringConstraints(max_length=255), AfterValidator(_path)]
Pattern = Annotated[str, StringConstraints(pattern=r"^[!-.0-~]{1,64}$")]
"""A shell pattern of a name: `*`, `?` and `[...]`; no slash and no blank."""
Patterns = Annotated[
    tuple[Pattern, ...], Field(min_length=1, max_length=16), AfterValidator(_unlike)
]


def matcher(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """A name that one of them fits; capitals differ."""
    return re.compile("|".join(f"(?:{translate(one)})" for one in patterns))


class SftpAuth(Model):
    """One of `key` and `password`, by reference."""

    key: SecretRef | None = None
    password: SecretRef | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.key is None) is (self.password is None):
            raise ValueError("write key or password, one of both")
        return self


class SftpAccess(Model):
    host: Host
    port: Port = 22
    host_keys: Annotated[
        tuple[Fingerprint, ...], Field(min_length=1, max_length=8), AfterValidator(_unlike)
    ]
    user: User
    auth: SftpAuth

    @property
    def place(self) -> str:
        """Names of hosts are the same in small and capital letters."""
        return f"{self.host.lower()}:{self.port}"


class Folder(Model):
    """Durations in milliseconds once loaded."""

    path: FolderPath
    match: Patterns = ("*",)
    max_newest: PositiveDuration | None = None
    max_files: Annotated[int, Field(ge=0, le=10_000)] | None = None
    max_oldest: PositiveDuration | None = None

    @cached_property
    def matches(self) -> re.Pattern[str]:
        return matcher(self.match)


class Temporary(Model):
    """Names that files have while somebody still writes them."""

    match: Patterns = ("*.tmp", "*.filepart")
    stuck_after: PositiveDuration = 3_600_000

    @cached_property
    def matches(self) -> re.Pattern[str]:
        return matcher(self.match)


class WriteTest(Model):
    folder: FolderPath


class SftpDropSpec(SftpAccess):
    folders: Annotated[tuple[Folder, ...], Field(min_length=1, max_length=8)]
    temporary: Temporary = Temporary()
    empty_after: Duration = 900_000
    write: WriteTest | None = None
    allow_writes: bool = False

    @model_validator(mode="after")
    def _agreed(self) -> Self:
        if self.write is not None and not self.allow_writes:
            raise ValueError(
                "write puts a file there and deletes it: agree on it, then say allow_writes: true"
            )
        if self.allow_writes and self.write is None:
            raise ValueError("allow_writes is for write, and there is none")
        if len({one.path for one in self.folders}) < len(self.folders):
            raise ValueError("a folder is listed twice")
        return self
